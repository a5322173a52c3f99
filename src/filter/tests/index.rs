//! The index finds what trying every filter finds, and forgets what is removed.

use std::sync::Arc;

use proptest::prelude::*;

use super::random::{an_event, parse, tree};
use super::{event, filter, with_tag};
use crate::event::{Attributes, AttributesBuilder, EventType, Field};
use crate::filter::index::{BroadFilters, MOST_BROAD, MOST_OF_ONE};
use crate::filter::{Account, Code, Filter, FilterId, Index, SearchBudget};

const SEED: u64 = 0x5eed;

/// Filters that are added and removed, and what should be in the index.
struct Both {
    index: Index,
    /// One entry for each use.
    there: Vec<(FilterId, Filter)>,
}

impl Both {
    fn new() -> Self {
        Self { index: Index::new(SEED), there: Vec::new() }
    }

    fn add(&mut self, filter: Filter) {
        let id = self.index.add(&filter).unwrap();
        for (other, known) in &self.there {
            assert_eq!(*other == id, *known == filter, "{known} and {filter}");
        }
        self.there.push((id, filter));
    }

    fn remove(&mut self, at: usize) {
        let (id, _) = self.there.swap_remove(at);
        self.index.remove(id);
    }

    fn check(&mut self, events: &[Attributes]) {
        let groups: Vec<&Attributes> = events.iter().collect();
        let mut found = vec![Vec::new(); events.len()];
        let mut last = 0;
        self.index.match_group(&groups, |event, id| {
            assert!(event >= last, "events come in order");
            last = event;
            found[event].push(id);
        });
        for (event, mut found) in events.iter().zip(found) {
            let mut one = Vec::new();
            self.index.match_one(event, &mut one);
            found.sort_unstable();
            one.sort_unstable();
            let mut expected: Vec<FilterId> =
                self.there.iter().filter(|(_, f)| f.matches(event)).map(|(id, _)| *id).collect();
            expected.sort_unstable();
            expected.dedup();
            assert_eq!(found, expected, "{event:?}");
            assert_eq!(one, expected, "{event:?}");
        }
    }
}

/// Filters as people write them: few values, so that keys crowd and pairs, prefixes and lists all occur.
fn usual() -> impl Strategy<Value = String> {
    let repository = || prop::sample::select(vec!["a/x", "a/xylophone", "b/y", "team/application"]);
    let tag = || prop::sample::select(vec!["v1", "v2", "latest", "release-v1", "release-v2", "é", ""]);
    let condition = prop_oneof![
        repository().prop_map(|r| format!("repository == '{r}'")),
        tag().prop_map(|t| format!("tag == '{t}'")),
        prop::collection::vec(tag(), 1..6).prop_map(|tags| format!("tag in {tags:?}")),
        tag().prop_map(|t| format!("tag.startsWith('{t}')")),
        tag().prop_map(|t| format!("tag.endsWith('{t}')")),
        repository().prop_map(|r| format!("repository.startsWith('{r}')")),
        Just("tag.matches('^release-v[0-9]')".to_owned()),
        Just("tag.matches('[a-z]+-v[12]$')".to_owned()),
        Just("tag.matches('[0-9]')".to_owned()),
        Just("actor == 'bot'".to_owned()),
        Just("type in ['CreateImage', 'DeleteImage']".to_owned()),
        (0..3).prop_map(|size| format!("size > {size}")),
        prop::sample::select(vec!["one", "two"]).prop_map(|cloud| format!("cloud_id == '{cloud}'")),
        Just("registry != 'hub'".to_owned()),
    ];
    let joined = |of: &'static str| move |parts: Vec<String>| format!("({})", parts.join(of));
    let all = prop::collection::vec(condition.clone(), 1..4).prop_map(joined(" && "));
    let any = prop::collection::vec(all.clone(), 1..3).prop_map(joined(" || "));
    prop::collection::vec(any, 1..3).prop_map(joined(" && "))
}

fn usual_event() -> impl Strategy<Value = Attributes> {
    let of = |texts: &[&'static str]| prop::sample::select(texts.to_vec());
    let repository = of(&["a/x", "a/xylophone", "b/y", "team/application", ""]);
    let tag = of(&["v1", "v2", "latest", "release-v1", "release-v2", "release-v17", "é", ""]);
    let rest =
        (of(&["bot", ""]), of(&["one", "two", "three"]), prop::sample::select(EventType::ALL.to_vec()));
    (repository, tag, rest, 0_i64..4).prop_map(|(repository, tag, (actor, cloud, event_type), size)| {
        let mut builder = AttributesBuilder::new(event_type);
        builder.set(Field::Repository, repository).set(Field::Tag, tag).set(Field::Actor, actor);
        builder.set(Field::Cloud, cloud).size(size).build()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_index_finds_what_a_full_scan_finds(
        trees in prop::collection::vec(tree(), 1..60),
        removed in prop::collection::vec(any::<prop::sample::Index>(), 0..80),
        events in prop::collection::vec(an_event(), 40),
    ) {
        let mut both = Both::new();
        for tree in &trees {
            both.add(parse(&tree.print()));
        }
        both.check(&events);
        for (n, at) in removed.iter().enumerate().take(trees.len()) {
            both.remove(at.index(both.there.len()));
            if n % 3 == 0 {
                both.add(parse(&trees[at.index(trees.len())].print()));
            }
        }
        both.check(&events);
    }

    #[test]
    fn the_index_finds_usual_filters(
        texts in prop::collection::vec(usual(), 1..120),
        removed in prop::collection::vec(any::<prop::sample::Index>(), 0..100),
        events in prop::collection::vec(usual_event(), 70),
    ) {
        let mut both = Both::new();
        for text in &texts {
            both.add(parse(text));
        }
        both.check(&events);
        for at in removed.iter().take(texts.len()) {
            both.remove(at.index(both.there.len()));
        }
        both.check(&events);
        while let Some(last) = both.there.len().checked_sub(1) {
            both.remove(last);
        }
        both.check(&events);
        assert!(both.index.is_empty() && both.index.patterns() == 0);
    }
}

#[test]
fn equal_filters_are_one() {
    let mut index = Index::new(SEED);
    let a = index.add(&filter("tag == 'a' || tag == 'b'")).unwrap();
    let b = index.add(&filter("tag in ['b', 'a']")).unwrap();
    assert_eq!((a, index.len()), (b, 1));
    index.remove(a);
    let mut found = Vec::new();
    index.match_one(&with_tag("a"), &mut found);
    assert_eq!(found, [a], "one use is left");
    index.remove(a);
    found.clear();
    index.match_one(&with_tag("a"), &mut found);
    assert!(found.is_empty() && index.is_empty());
}

#[test]
fn constants() {
    let mut index = Index::new(SEED);
    let never = index.add(&filter("false")).unwrap();
    let always = index.add(&Filter::all()).unwrap();
    assert_eq!(index.add(&filter("true")).unwrap(), always);
    assert_eq!(index.add(&filter("1 == 2")).unwrap(), never);
    let mut found = Vec::new();
    index.match_one(&event(), &mut found);
    assert_eq!(found, [always]);
}

#[test]
fn a_crowd_makes_lists_precise() {
    // Ten tags of one repository wait under the repository, until many filters do.
    let mut index = Index::new(SEED);
    for n in 0..1000 {
        let tags: Vec<String> = (0..10).map(|tag| format!("v{n}.{tag}")).collect();
        index.add(&filter(&format!("repository == 'team/app' && tag in {tags:?}"))).unwrap();
    }
    let mut found = Vec::new();
    index.match_one(&with_tag("v7.3"), &mut found);
    assert_eq!(found.len(), 1);
    assert!(index.most_candidates() < 20, "{}", index.most_candidates());
}

#[test]
fn too_broad_filters_are_refused() {
    let mut index = Index::new(SEED);
    let mut counted = BroadFilters::default();
    let broad = |n: usize| match n % 5 {
        0 => format!("tag != 'v{n}'"),
        1 => format!("size > {n}"),
        2 => format!("tag.contains('rc{n}')"),
        3 => format!("type == 'CreateImage' && size < {n}"),
        _ => format!("repository == 'a' || tag.matches('[a-z]{n}')"),
    };
    for n in 0..MOST_BROAD {
        let filter = filter(&broad(n));
        index.add(&filter).unwrap();
        assert_eq!(counted.add(&filter, None), Ok(true), "{filter}");
    }
    for n in MOST_BROAD..MOST_BROAD + 5 {
        let filter = filter(&broad(n));
        let error = index.add(&filter).unwrap_err();
        assert_eq!(error.code, Code::FilterTooBroad);
        assert!(error.hint.is_some(), "{}", error.details());
        assert_eq!(counted.add(&filter, None), Err(error));
    }
    let culprit = index.add(&filter("repository == 'a' || size > 77777")).unwrap_err().found.clone();
    assert_eq!(culprit.as_deref(), Some("size > 77777"));
    // What is there, what is indexed, what is a handful by nature, and other clouds are let in.
    for fine in [
        &broad(0),
        "true",
        "false",
        "type in ['CreateImage']",
        "type != 'PullImage'",
        "tag == 'a'",
        "repository == 'a' && size > 9",
        "repository.startsWith('a') || tag.endsWith('b')",
        "tag.matches('^v[0-9]')",
        "cloud_id == 'one'",
        "cloud_id == 'one' && type == 'CreateImage'",
        "cloud_id == 'one' && size > 5",
    ] {
        index.add(&filter(fine)).unwrap();
        counted.add(&filter(fine), None).unwrap();
    }
    counted.remove(&filter(&broad(1)), None);
    counted.add(&filter("size > 77777"), None).unwrap();
    assert_eq!(counted.len(), MOST_BROAD + 1);
}

#[test]
fn one_of_several_readers_brings_half_of_a_clouds_broad_filters() {
    let mut counted = BroadFilters::default();
    let of = |cloud: &str, n: usize| filter(&format!("cloud_id == '{cloud}' && size > {n}"));
    for n in 0..MOST_OF_ONE {
        assert_eq!(counted.add(&of("c", n), Some("a")), Ok(true));
    }
    let one_more = of("c", MOST_OF_ONE);
    assert_eq!(counted.add(&one_more, Some("a")).unwrap_err().code, Code::FilterTooBroad);
    counted.add(&of("d", 0), Some("a")).unwrap();
    counted.add(&one_more, Some("b")).unwrap();
    assert_eq!(counted.add(&one_more, Some("a")), Ok(true), "it is there already");
    counted.remove(&one_more, Some("a"));
    counted.remove(&of("c", 0), Some("a"));
    counted.add(&of("c", MOST_OF_ONE + 1), Some("a")).unwrap();
    // Who is alone has all of it.
    for n in 0..MOST_BROAD {
        counted.add(&of("e", n), None).unwrap();
    }
    assert_eq!(counted.add(&of("e", MOST_BROAD), None).unwrap_err().code, Code::FilterTooBroad);
}

#[test]
fn what_one_cloud_asks_for_costs_no_other() {
    let mut index = Index::new(SEED);
    for n in 0..900 {
        index.add(&filter(&format!("cloud_id == 'one' && size > {n}"))).unwrap();
    }
    let mut builder = AttributesBuilder::new(EventType::CreateImage);
    builder.set(Field::Cloud, "two").size(1_000_000);
    let mut found = Vec::new();
    index.match_one(&builder.build(), &mut found);
    assert!(found.is_empty() && index.most_candidates() == 0);
}

/// Bytes that this thread holds.
fn held() -> i64 {
    let (allocated, freed) =
        (tikv_jemalloc_ctl::thread::allocatedp::read(), tikv_jemalloc_ctl::thread::deallocatedp::read());
    let (allocated, freed) = (allocated.unwrap().get(), freed.unwrap().get());
    i64::try_from(allocated).unwrap() - i64::try_from(freed).unwrap()
}

#[test]
fn after_adding_and_removing_100_000_filters_the_index_is_empty_and_its_memory_is_back() {
    let count: usize = 100_000;
    let of = |n: usize| match n % 5 {
        0 | 1 => format!("repository == 'team{}/app' && tag == 'v{n}'", n % 977),
        2 => format!("repository == 'team/app{n}'"),
        3 => format!("repository == 'crowd' && tag.startsWith('release-{n}')"),
        _ if n % 1000 == 4 => format!("repository == 'crowd' && tag.matches('^v[0-9]+-{n}$')"),
        _ => format!("cloud_id == 'c{}' && (repository == 'r{n}' || tag == 't{n}')", n % 100),
    };
    let filters: Vec<Filter> = (0..count).map(|n| filter(&of(n))).collect();
    let mut order: Vec<usize> = (0..count).collect();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut shuffle = |order: &mut Vec<usize>| {
        for n in (1..order.len()).rev() {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            order.swap(n, usize::try_from(random % (n as u64 + 1)).unwrap());
        }
    };
    let mut ids = vec![None; count];
    let mut index = Index::new(SEED);
    let before = held();
    shuffle(&mut order);
    for n in &order {
        ids[*n] = Some(index.add(&filters[*n]).unwrap());
    }
    assert_eq!(index.len(), count);
    let full = held() - before;
    assert!(full / 256 <= i64::try_from(count).unwrap(), "{full} bytes");
    shuffle(&mut order);
    for n in &order {
        index.remove(ids[*n].unwrap());
    }
    let left = held() - before;
    assert!(index.is_empty() && index.patterns() == 0);
    assert!(left * 10 <= full, "{left} of {full} bytes are left");
}

/// A pattern of its own, found in no tag of 200 bytes.
fn searching(n: usize) -> Filter {
    filter(&format!("tag.matches('x[a-z]+{n}y')"))
}

#[test]
fn who_pays_for_too_much_is_stopped_at_the_event_and_others_go_on() {
    let mut index = Index::new(SEED);
    let budget = SearchBudget { per_event: 1_000, burst: 5_000 };
    let (greedy, modest) = (Arc::new(Account::new(budget)), Arc::new(Account::new(budget)));
    let ids: Vec<_> = (0..20).map(|n| index.add(&searching(n)).unwrap()).collect();
    for (n, id) in ids.iter().enumerate() {
        index.set_payer(*id, Some(Arc::clone(if n < 19 { &greedy } else { &modest })));
    }
    let event = with_tag(&"ab".repeat(100));
    let (mut found, mut stopped) = (Vec::new(), Vec::new());
    for number in 0..500 {
        index.match_group(&[&event], |_, id| found.push(id));
        stopped.extend(index.take_stopped().into_iter().map(|(at, id)| (number, at, id)));
    }
    assert!(found.is_empty());
    // 216 for each pattern and event: four of them are within the budget.
    assert!((14..=16).contains(&stopped.len()), "{stopped:?}");
    assert!(stopped.iter().all(|(_, at, id)| *at == 0 && *id != ids[19]), "{stopped:?}");
    assert!(stopped.iter().any(|(number, ..)| *number < 5), "{stopped:?}");
}

#[test]
fn a_pattern_that_filters_share_is_paid_once() {
    let mut index = Index::new(SEED);
    let account = Arc::new(Account::new(SearchBudget { per_event: 0, burst: 1_000 }));
    for n in 0..100 {
        let id = index.add(&filter(&format!("tag.matches('a+b$') && size > {n}"))).unwrap();
        index.set_payer(id, Some(Arc::clone(&account)));
    }
    let mut builder = AttributesBuilder::new(EventType::CreateImageTag);
    builder.set(Field::Tag, "aaab").size(1_000);
    let mut found = Vec::new();
    index.match_one(&builder.build(), &mut found);
    assert_eq!((found.len(), index.take_stopped().len()), (100, 0));
}

#[test]
fn what_only_compares_costs_nothing() {
    let account = Account::new(SearchBudget { per_event: 0, burst: 0 });
    let tag = with_tag("v1");
    for text in
        ["tag in ['v1', 'v2']", "tag.startsWith('v') && size < 5", "tag != 'x' && type == 'PullImage'"]
    {
        let filter = filter(text);
        assert!(!filter.searches() && filter.matches_on(&tag, &account, 1).is_some(), "{text}");
    }
    for text in ["tag.contains('v')", "tag.matches('a+b')", "size(tag) > 1 && tag.size() < 4"] {
        let filter = filter(text);
        assert!(filter.searches() && filter.matches_on(&tag, &account, 1).is_none(), "{text}");
    }
}

#[test]
fn many_conditions_that_run_for_every_event_are_paid() {
    let broad = |count: usize| {
        let more = (1..count).map(|n| format!(" || tag.startsWith('{n}')")).collect::<Vec<_>>();
        format!("size > 5{}", more.concat())
    };
    let event = with_tag("v1");
    for (text, cost) in [
        (broad(7), 0),
        (broad(8), 0),
        (broad(9), 8),
        (broad(60), 416),
        // The index finds this one.
        (format!("repository == 'x' && ({})", broad(60)), 0),
    ] {
        let filter = filter(&text);
        assert_eq!(filter.comparing(), cost, "{text}");
        // Who asks for little may have twice the burst.
        for (burst, stopped) in [(cost / 2, 0), ((cost / 2).saturating_sub(1), usize::from(cost > 0))] {
            let mut index = Index::new(SEED);
            let id = index.add(&filter).unwrap();
            index.set_payer(id, Some(Arc::new(Account::new(SearchBudget { per_event: 0, burst }))));
            let mut found = Vec::new();
            index.match_one(&event, &mut found);
            assert_eq!(index.take_stopped().len(), stopped, "{cost} of {burst}");
        }
    }
}
