//! Storage: taking back, writing and loading, under random inputs of every sort.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::support::{NOW, digest, notification, snapshot, time};
use crate::catalog::{BadEntry, Catalog, Change, Limits, Order, RepositoryName, Rules, UntaggedImages};
use crate::event::{Action, EventType, Notification};

type Disk = BTreeMap<Vec<u8>, Vec<u8>>;

/// One call of the catalog.
#[derive(Clone, Debug)]
enum Call {
    Apply(&'static str, Rules, Box<Notification>, i64),
    Warm(&'static str, String, String, i64),
    Expire(i64),
}

/// Calls, and whether they are committed.
type Batch = (Vec<Call>, bool);

fn actions() -> impl Strategy<Value = Action> {
    let image = prop::sample::select(vec!["a", "b", "c", "d", "e"]);
    let wide = format!("sha512:{}", "a".repeat(128));
    let image = prop_oneof![9 => image.prop_map(digest), 1 => Just(wide)];
    let maybe = prop_oneof![3 => image.clone().prop_map(Some), 1 => Just(None)];
    let tag = prop::sample::select(vec!["v1", "v2", "latest", "ä"]).prop_map(str::to_owned);
    let maybe_tag = prop::option::of(tag.clone());
    prop_oneof![
        6 => (image.clone(), maybe_tag.clone()).prop_map(|(digest, tag)| Action::Put { digest, tag }),
        1 => tag.clone().prop_map(|tag| Action::PutTag { tag }),
        3 => (tag.clone(), maybe.clone()).prop_map(|(tag, digest)| Action::DeleteTag { tag, digest }),
        3 => (image.clone(), maybe_tag).prop_map(|(digest, tag)| Action::Delete { digest, tag }),
        1 => Just(Action::DeleteRepository),
        1 => (tag.clone(), maybe.clone()).prop_map(|(version, digest)|
            Action::PutChart { version, digest: digest.unwrap_or_default() }),
        1 => (tag.clone(), maybe.clone()).prop_map(|(version, digest)|
            Action::DeleteChart { version, digest: digest.unwrap_or_default() }),
        2 => (prop::sample::select(EventType::ALL.to_vec()), maybe, tag).prop_map(|(event_type, digest, tag)|
            Action::Told { event_type, digest: digest.unwrap_or_default(), tag }),
    ]
}

fn calls() -> impl Strategy<Value = Call> {
    let repository = prop::sample::select(vec!["app", "app2", "team/app"]);
    let rules = vec(any::<bool>(), 5).prop_map(|on| Rules {
        keeps_order: on[0],
        blobs_look_like_images: on[1],
        last_tag_takes_image: on[2],
        untagged: if on[3] { UntaggedImages::Announce } else { UntaggedImages::Silent },
        order: if on[4] { Order::Arrival } else { Order::Time },
        ..Rules::default()
    });
    let told = (actions(), prop::option::weighted(0.8, 0..20_i64), 0..3_u8, 0..3_u8).prop_map(
        |(action, at, emitter, request)| Notification {
            at: at.map(time),
            emitter: emitter.to_string(),
            request: if request == 0 { String::new() } else { request.to_string() },
            ..notification(action)
        },
    );
    let now = NOW..NOW + 200_000;
    let letter = prop::sample::select(vec!["a", "b", "c"]);
    prop_oneof![
        12 => (repository.clone(), rules, told, now.clone()).prop_map(|(r, rules, told, now)| Call::Apply(r, rules, told.into(), now)),
        1 => (repository, "[vw]1", letter, now.clone()).prop_map(|(r, tag, d, now)| Call::Warm(r, tag, digest(d), now)),
        1 => now.prop_map(Call::Expire),
    ]
}

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    vec((vec(calls(), 0..8), any::<bool>()), 1..12)
}

/// Bounds small enough to be met.
fn limits() -> impl Strategy<Value = Limits> {
    (1..6_usize, 1..4_usize, 1..4_usize).prop_map(|(tombstones, requests, silent)| Limits {
        tombstones,
        requests,
        silent,
    })
}

fn place(repository: &str) -> RepositoryName<'_> {
    RepositoryName { cloud: "c", registry: "r", repository }
}

/// Makes the calls, and answers with their events.
fn make(catalog: &mut Catalog, calls: &[Call]) -> Vec<String> {
    let mut events = Vec::new();
    for call in calls {
        match call {
            Call::Apply(repository, rules, told, now) => {
                let facts = catalog.apply(place(repository), *rules, told, time(*now));
                events.extend(facts.iter().map(|fact| format!("{fact:?}")));
            }
            Call::Warm(repository, tag, digest, now) => {
                catalog.warm(place(repository), [(tag, digest)], time(*now));
            }
            Call::Expire(now) => catalog.expire(time(*now)),
        }
    }
    events
}

fn write(disk: &mut Disk, changes: Vec<Change>) {
    assert!(changes.is_sorted_by(|one, other| one.key < other.key), "one write a key");
    for Change { key, value } in changes {
        match value {
            Some(value) => disk.insert(key, value),
            None => disk.remove(&key),
        };
    }
}

fn commit(catalog: &mut Catalog, disk: &mut Disk) {
    write(disk, catalog.changes());
    catalog.settle();
    assert_eq!(catalog.changes(), []);
}

proptest! {
    #[test]
    fn taking_back_leaves_no_trace(limits in limits(), batches in batches()) {
        let mut catalog = Catalog::new(limits);
        let mut without = Catalog::new(limits);
        for (calls, commits) in &batches {
            let events = make(&mut catalog, calls);
            if *commits {
                catalog.settle();
                prop_assert_eq!(events, make(&mut without, calls));
                without.settle();
            } else {
                catalog.undo();
                prop_assert_eq!(catalog.changes(), []);
            }
            prop_assert_eq!(snapshot(&catalog), snapshot(&without));
        }
    }

    #[test]
    fn what_is_loaded_goes_on_alike(limits in limits(), batches in batches(), at in any::<prop::sample::Index>()) {
        let mut catalog = Catalog::new(limits);
        let mut disk = Disk::new();
        let (before, after) = batches.split_at(at.index(batches.len()));
        for (calls, commits) in before {
            make(&mut catalog, calls);
            if *commits { commit(&mut catalog, &mut disk) } else { catalog.undo() }
        }
        // The reverse: entries may come in any order.
        let mut loaded = Catalog::load(limits, disk.iter().rev()).unwrap();
        prop_assert_eq!(snapshot(&loaded), snapshot(&catalog));
        for (calls, commits) in after {
            prop_assert_eq!(make(&mut catalog, calls), make(&mut loaded, calls));
            prop_assert_eq!(snapshot(&loaded), snapshot(&catalog));
            if *commits {
                commit(&mut loaded, &mut disk);
                catalog.settle();
            } else {
                loaded.undo();
                catalog.undo();
            }
        }
        let again = Catalog::load(limits, &disk).unwrap();
        prop_assert_eq!(snapshot(&again), snapshot(&catalog));
    }

    /// Damage is an error or other entries, never a panic.
    #[test]
    fn damage_does_no_harm(key in vec(any::<u8>(), 0..60), value in vec(any::<u8>(), 0..60), kind in "[rsitcm]") {
        let key = [kind.as_bytes(), &[0, 0, 0], &*key].concat();
        let value = [&[1][..], &value].concat();
        let name = [&[1][..], &[0; 8], b"app"].concat();
        let _ = Catalog::load(Limits::default(), [(vec![b'r', 0, 0, 0, 0], name), (key, value)]);
    }
}

#[test]
fn bad_entries_are_named() {
    let load = |key: &[u8], value: &[u8]| Catalog::load(Limits::default(), [(key, value)]).map(drop);
    let error = load(b"t\0\0\0\0v1", b"\x01").unwrap_err();
    assert_eq!(error, BadEntry { key: b"t\0\0\0\0v1".to_vec(), reason: "a bad value" });
    assert_eq!(error.to_string(), "stored entry 74000000007631 cannot be read: a bad value");
    for (key, value, reason) in [
        (&b"t\0"[..], &b""[..], "too short a key"),
        (b"t\xff\0\0\0v1", b"", "too high a number"),
        (b"x\0\0\0\0", b"\x01\x00\0\0\0\0\0\0\0\0", "an unknown kind"),
        (b"r\0\0\0\0", b"\x02", "a bad name"),
        (b"s\0\0\0\0", b"\x01", "a bad value"),
        // A tag of a repository without a name.
        (b"t\0\0\0\0v1", b"\x01\x00\0\0\0\0\0\0\0\0", "not there"),
    ] {
        assert_eq!(load(key, value).unwrap_err().reason, reason);
    }
}
