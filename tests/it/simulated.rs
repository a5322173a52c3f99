//! A registry of each kind lives, and posts what it does in its own form, with repeats and, where the kind has no order,
//! in disorder: who applies the events ends with exactly the registry's tags.

use std::collections::BTreeMap;

use clap::ValueEnum as _;
use loadtest::form::{self, Post};
use loadtest::kind::Kind;
use loadtest::mirror::Mirror;
use loadtest::notification::Registry;
use loadtest::schedule::{self, Disorder};
use loadtest::simulator::{Announcement, Simulator};

use crate::support::gateway::Gateway;
use crate::support::http::request;

const STEPS: usize = 120;
/// Times are as far back, so that a whole history is over by now.
const PAST: i64 = 20 * 3600;

fn post_all(gateway: &Gateway, kind: Kind, registry: &Registry, posts: &[Vec<Announcement>]) -> usize {
    let path = format!("/v1/sources/{}/events", kind.name());
    let mut events = 0;
    let mut post = Post::default();
    for told in posts {
        form::write(kind, told, registry, None, &mut post);
        let lines = post.headers.lines().filter_map(|line| line.split_once(": "));
        let headers: Vec<_> = [("Content-Type", kind.content_type())].into_iter().chain(lines).collect();
        let answer = request(&gateway.address, "POST", &path, &headers, &post.body);
        assert_eq!(answer.status, 200, "{kind:?}: {}", answer.body);
        let said = answer.json();
        assert_eq!(said["quarantined"], 0, "{kind:?}: {}", String::from_utf8_lossy(&post.body));
        events += said["events"].as_array().map_or(0, Vec::len);
    }
    events
}

fn mirror(gateway: &Gateway) -> Mirror {
    let mut mirror = Mirror::default();
    let mut after = "earliest".to_owned();
    loop {
        let page = gateway.get(&format!("/v1/events?limit=1000&after={after}"));
        mirror.apply(page.body.as_bytes());
        match page.json()["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => return mirror,
        }
    }
}

fn live(kind: Kind, seed: u64) {
    let gateway = Gateway::with_settings("[log]\nstore = 'memory'\n");
    let registry = Registry::new(u32::try_from(seed).expect("a small seed"));
    let begin = jiff::Timestamp::now().as_second() - PAST;
    let mut simulator = Simulator::new(seed, registry.clone(), kind.habits(), 3, begin);
    let mut told: Vec<_> = (0..STEPS).flat_map(|_| simulator.step()).collect();
    told.retain(|one| kind.tells(&one.operation));
    let shuffle = if kind.may_be_shuffled() { 15 } else { 0 };
    let repeats = if kind.may_be_repeated() { 100 } else { 0 };
    let per_post = if kind.takes_several() { 3 } else { 1 };
    let lanes = schedule::lanes(told, 1, Disorder { repeats, shuffle, per_post }, seed);
    let events = post_all(&gateway, kind, &registry, &lanes[0]);

    let mirror = mirror(&gateway);
    assert_eq!(mirror.counts.values().sum::<u64>(), events as u64, "{kind:?} {seed}");
    assert_eq!(mirror.contradictions, Vec::<String>::new(), "{kind:?} {seed}");
    let truth: BTreeMap<_, _> = simulator
        .tags()
        .into_iter()
        .map(|((repository, tag), digest)| {
            let shown = if kind.has_digests() { digest.to_string() } else { String::new() };
            ((registry.repository(repository), tag), shown)
        })
        .collect();
    assert!(truth.len() > 5, "{kind:?} {seed}: a life in which nothing stays shows nothing");
    assert_eq!(mirror.differences(&truth).1, Vec::<String>::new(), "{kind:?} {seed}");
}

/// Lives of each kind; `TAGCAST_LIVES` for more of them.
fn lives() -> u64 {
    std::env::var("TAGCAST_LIVES").map_or(3, |lives| lives.parse().expect("a number"))
}

#[test]
fn every_kind_ends_where_its_registry_is() {
    std::thread::scope(|scope| {
        for kinds in Kind::value_variants().chunks(5) {
            scope.spawn(move || {
                for (seed, kind) in (0..lives()).flat_map(|seed| kinds.iter().map(move |kind| (seed, *kind)))
                {
                    live(kind, seed);
                }
            });
        }
    });
}
