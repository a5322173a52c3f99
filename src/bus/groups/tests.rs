use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::super::round::Round;
use super::super::{Admission, Delivery, Form, Forms, Offer, Subscriber, Wire};
use super::*;
use crate::event::{AttributesBuilder, EventType, Field, Position};
use crate::filter::{Filter, Options};
use crate::protocol::OnGap;
use crate::window::Bounds;

/// Counts what it is offered.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Subscriber for Counter {
    fn offer(&self, _: &Delivery, _: Form) -> Offer {
        self.0.fetch_add(1, Ordering::Relaxed);
        Offer::Taken
    }

    fn stopped(&self, _: &Spec, _: Position) {}

    fn room(&self) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
        Box::pin(std::future::ready(usize::MAX))
    }
}

struct NoWire;

impl Wire for NoWire {
    fn prepare(&self, _: &Delivery, _: Forms) {}
}

const TAGS: [&str; 3] = ["a", "b", "c"];

/// A tag and a name: six specs with three filters.
type Kind = (usize, bool);

fn spec((tag, named): Kind) -> Spec {
    let filter = Filter::parse(&format!("tag == '{}'", TAGS[tag]), &Options::default()).expect("a filter");
    let window = Bounds { count: 1, weight: 1, age: Duration::ZERO };
    Spec { filter, window, id: named.then(|| "named".into()), on_gap: OnGap::Notify }
}

/// A live subscription, in the model: what it asks for, and what it got.
struct Live {
    kind: Kind,
    subscription: Arc<Subscription>,
    counter: Arc<Counter>,
}

fn join(groups: &mut Groups, kind: Kind) -> Live {
    let counter = Arc::<Counter>::default();
    let subscriber = Arc::clone(&counter) as Arc<dyn Subscriber>;
    let subscription = Subscription::new(spec(kind), Form::VALUES, Admission::uncounted(), subscriber);
    groups.add(Arc::clone(&subscription), 0, 0, Instant::now()).expect("an index serves it");
    Live { kind, subscription, counter }
}

/// The groups that want an event with this tag.
fn wanting(groups: &mut Groups, tag: &str) -> BTreeSet<(usize, bool)> {
    let event = AttributesBuilder::new(EventType::CreateImageTag).set(Field::Tag, tag).build();
    let mut found = BTreeSet::new();
    groups.wanting(&[&event], |_, _, group| {
        let tag = TAGS.iter().position(|tag| group.spec.filter.canonical().contains(&format!("\"{tag}\"")));
        let is_new = found.insert((tag.expect("one of the tags"), group.spec.id.is_some()));
        assert!(is_new, "one group for a spec");
    });
    found
}

/// Every group sends to each of its members once.
fn send(groups: &mut Groups) {
    let round = Round::new(Instant::now(), Arc::new(NoWire));
    for group in groups.iter_mut() {
        group.send_position(Position { epoch: 1, offset: 1 }, &round);
    }
}

proptest! {
    #[test]
    fn who_comes_and_goes_is_a_member_of_its_group_for_just_so_long(
        steps in prop::collection::vec((prop::option::of((0..3_usize, any::<bool>())), any::<prop::sample::Index>()), 1..60),
    ) {
        let mut groups = Groups::new(1);
        let (mut live, mut gone): (Vec<Live>, Vec<Live>) = Default::default();
        for (kind, which) in steps {
            match kind {
                Some(kind) => live.push(join(&mut groups, kind)),
                None if live.is_empty() => {}
                None => {
                    let leaving = live.swap_remove(which.index(live.len()));
                    groups.remove(leaving.subscription.serial);
                    gone.push(leaving);
                }
            }
            let kinds: BTreeSet<Kind> = live.iter().map(|one| one.kind).collect();
            let filters: BTreeSet<usize> = kinds.iter().map(|kind| kind.0).collect();
            prop_assert_eq!(groups.len(), (kinds.len(), live.len()));
            prop_assert_eq!(groups.filters(), filters.len());
            for (index, tag) in TAGS.into_iter().enumerate() {
                let expected = kinds.iter().copied().filter(|kind| kind.0 == index).collect();
                prop_assert_eq!(wanting(&mut groups, tag), expected);
            }
            let count = |all: &[Live]| all.iter().map(|one| one.counter.0.swap(0, Ordering::Relaxed)).collect::<Vec<_>>();
            send(&mut groups);
            prop_assert_eq!(count(&live), vec![1; live.len()]);
            prop_assert_eq!(count(&gone), vec![0; gone.len()]);
        }
    }
}
