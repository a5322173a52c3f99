//! What holds always: random histories, posted in order, doubled and shuffled.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::histories::{Act, Kind, Reader, Registry, acts};
use super::support::{NOW, PLACE, time};
use crate::catalog::{Catalog, Limits, RepeatKey, Repeats, Sighting};
use crate::event::Notification;

/// A catalog with its window of repeats, and a reader behind it.
struct Bench {
    kind: Kind,
    catalog: Catalog,
    repeats: Repeats,
    reader: Reader,
}

impl Bench {
    fn new(kind: Kind, in_order: bool) -> Self {
        Self {
            kind,
            catalog: Catalog::new(Limits::default()),
            repeats: Repeats::default(),
            reader: Reader { in_order, ..Reader::default() },
        }
    }

    /// Answers with the number of events.
    fn post(&mut self, told: &Notification) -> Result<usize, TestCaseError> {
        // The rows alone make a repeat silent where times are told; distribution needs its ids.
        if self.kind == Kind::Distribution {
            let key = RepeatKey::new("source", &told.id);
            if self.repeats.see(0, key, 0, Duration::from_hours(24), time(NOW)) == Sighting::Repeat {
                return Ok(0);
            }
        }
        let facts = self.catalog.apply(PLACE, self.kind.rules(), told, time(NOW));
        self.reader.read(&facts)?;
        // 1: the reader has the catalog's tags after each notification.
        prop_assert_eq!(&self.reader.tags, &catalog_tags(&self.catalog));
        prop_assert_eq!(&self.reader.images, &catalog_images(&self.catalog));
        Ok(facts.len())
    }
}

fn catalog_tags(catalog: &Catalog) -> BTreeMap<String, String> {
    let Some(view) = catalog.repository(PLACE) else { return BTreeMap::new() };
    let tags = view.tags_after(None, usize::MAX).into_iter();
    tags.map(|tag| (tag.name.to_owned(), tag.digest.unwrap_or_default())).collect()
}

fn catalog_images(catalog: &Catalog) -> BTreeSet<String> {
    let Some(number) = catalog.state.find(PLACE) else { return BTreeSet::new() };
    let table = &catalog.state.repository(number).table;
    table.images().map(|image| table.digest(image).text()).collect()
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Everything), Just(Kind::Distribution), Just(Kind::LastTag)]
}

fn all(kind: Kind, acts: &[Act]) -> Registry {
    let mut registry = Registry::new(kind);
    for &act in acts {
        registry.act(act);
    }
    registry
}

/// Puts what was sent into the order of random numbers, some of it twice.
fn shuffled<'a>(sent: &'a [Notification], order: &[(u16, Option<u16>)]) -> Vec<&'a Notification> {
    let mut posts = Vec::new();
    for (told, (first, second)) in sent.iter().zip(order.iter().cycle()) {
        posts.push((first, told));
        posts.extend(second.as_ref().map(|second| (second, told)));
    }
    posts.sort_by_key(|(number, _)| **number);
    posts.into_iter().map(|(_, told)| told).collect()
}

proptest! {
    #[test]
    fn in_order_and_doubled(kind in kinds(), acts in acts(), again in vec(any::<prop::sample::Index>(), 0..20)) {
        let mut bench = Bench::new(kind, true);
        let mut registry = Registry::new(kind);
        let mut again = again.into_iter();
        for act in acts {
            let new = registry.act(act);
            for told in &registry.sent[registry.sent.len() - new..] {
                bench.post(told)?;
            }
            // 1: the registry's own tags, and 3: its images that have had one.
            prop_assert_eq!(&bench.reader.tags, &registry.tags);
            prop_assert_eq!(&bench.reader.images, &registry.announced());
            if let Some(index) = again.next().filter(|_| !registry.sent.is_empty()) {
                // 5: nothing changes.
                prop_assert_eq!(bench.post(index.get(&registry.sent))?, 0);
            }
        }
    }

    #[test]
    fn shuffled_and_doubled(
        last_tag in any::<bool>(),
        acts in acts(),
        order in vec(any::<(u16, Option<u16>)>(), 1..200),
    ) {
        let kind = if last_tag { Kind::LastTag } else { Kind::Everything };
        let registry = all(kind, &acts);
        let mut bench = Bench::new(kind, false);
        for told in shuffled(&registry.sent, &order) {
            bench.post(told)?;
        }
        prop_assert_eq!(&bench.reader.tags, &registry.tags);
        if !last_tag {
            // One that was deleted and put again without a tag may still be known: L4.
            let images = &bench.reader.images;
            prop_assert!(images.is_superset(&registry.announced()), "{images:?}");
            prop_assert!(images.iter().all(|image| registry.holds(image)), "{images:?}");
        }
        // 5: once all is told, nothing told again makes an event.
        for told in &registry.sent {
            let facts = bench.catalog.apply(PLACE, kind.rules(), told, time(NOW));
            prop_assert!(facts.is_empty(), "{told:?} made {facts:?}");
        }
    }

    /// 6: no clock, no order of a map. Two catalogs hash differently, and are told at other times.
    #[test]
    fn the_same_twice(kind in kinds(), acts in acts(), later in 0..100_000_i64) {
        let registry = all(kind, &acts);
        let mut one = Catalog::new(Limits::default());
        let mut other = Catalog::new(Limits::default());
        for told in &registry.sent {
            prop_assert_eq!(
                one.apply(PLACE, kind.rules(), told, time(NOW)),
                other.apply(PLACE, kind.rules(), told, time(NOW + later))
            );
        }
    }
}
