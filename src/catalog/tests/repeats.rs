//! The window of repeats against a plain table.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::support::{NOW, time};
use crate::catalog::{Change, RepeatKey, Repeats, Sighting};

type Disk = BTreeMap<Vec<u8>, Vec<u8>>;

fn write(disk: &mut Disk, changes: Vec<Change>) {
    assert!(changes.is_sorted_by(|one, other| one.key < other.key), "one write a key");
    for Change { key, value } in changes {
        match value {
            Some(value) => disk.insert(key, value),
            None => disk.remove(&key),
        };
    }
}

#[test]
fn keys_of_two_sources_differ() {
    assert_eq!(RepeatKey::new("ab", "c"), RepeatKey::new("ab", "c"));
    for (source, text) in [("a", "bc"), ("abc", ""), ("ab", "d"), ("", "abc")] {
        assert_ne!(RepeatKey::new("ab", "c"), RepeatKey::new(source, text));
    }
}

#[test]
fn the_first_content_stays() {
    let (mut repeats, window) = (Repeats::default(), Duration::from_mins(1));
    let mut see = |content| repeats.see(0, RepeatKey(1), content, window, time(NOW));
    assert_eq!(
        [see(5), see(5), see(6), see(5)],
        [Sighting::New, Sighting::Repeat, Sighting::Conflict, Sighting::Repeat]
    );
    assert_eq!(repeats.len(), 1);
}

#[test]
fn too_many_keys_shorten_the_window() {
    let (mut repeats, day) = (Repeats::new(3), Duration::from_hours(24));
    let quarter = Duration::from_mins(15);
    for (second, key) in (0..).zip(1..=3) {
        repeats.see(0, RepeatKey(key), 0, if key == 2 { quarter } else { day }, time(NOW + second * 100));
    }
    assert_eq!(repeats.effective(day), day);
    // The first accepted goes, though another's window ends sooner.
    assert_eq!(repeats.see(0, RepeatKey(4), 0, day, time(NOW + 500)), Sighting::New);
    assert_eq!(repeats.see(0, RepeatKey(2), 0, quarter, time(NOW + 500)), Sighting::Repeat);
    assert_eq!((repeats.len(), repeats.effective(day)), (3, Duration::from_secs(500)));
    // A key that lives its whole day again says that there is room.
    repeats.expire(time(NOW + 24 * 3600 + 200));
    assert_eq!((repeats.len(), repeats.effective(day)), (1, day));
}

#[test]
fn who_has_most_keys_makes_room() {
    let (mut repeats, day) = (Repeats::new(10), Duration::from_hours(24));
    let mut see = |owner, key, window| repeats.see(owner, RepeatKey(key), 0, window, time(NOW + 1));
    for key in 0..3 {
        assert_eq!(see(1, key, day), Sighting::New);
    }
    // One with two windows, and many keys.
    for key in 100..150 {
        assert_eq!(see(2, key, if key % 2 == 0 { day } else { day / 2 }), Sighting::New);
    }
    for key in 0..3 {
        assert_eq!(see(1, key, day), Sighting::Repeat, "{key}");
    }
    assert_eq!(see(2, 149, day / 2), Sighting::Repeat);
    // Beyond its share it makes room for others.
    for key in 200..250 {
        assert_eq!(see(1, key, day), Sighting::New);
    }
    assert_eq!(see(2, 149, day / 2), Sighting::Repeat);
    assert_eq!(repeats.len(), 10);
}

/// One call: a key seen with a content, `later` seconds after the one before; or an expiry.
#[derive(Clone, Debug)]
enum Call {
    See { key: u128, content: u64, minutes: u64, later: i64 },
    Expire { later: i64 },
    Commit,
    Fail,
    Restart,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let see = (0..12_u128, 0..2_u64, prop::sample::select(vec![1_u64, 2, 10]), 0..30_i64)
        .prop_map(|(key, content, minutes, later)| Call::See { key, content, minutes, later });
    let call = prop_oneof![
        12 => see,
        3 => (0..60_i64).prop_map(|later| Call::Expire { later }),
        2 => Just(Call::Commit),
        1 => Just(Call::Fail),
        1 => Just(Call::Restart),
    ];
    vec(call, 1..120)
}

/// The same in its shortest form: key → content, accepted, window.
#[derive(Clone, Debug, Default)]
struct Plain(BTreeMap<u128, (u64, i64, i64)>);

impl Plain {
    fn see(&mut self, max: usize, key: u128, content: u64, window: i64, now: i64) -> Sighting {
        match self.0.get(&key) {
            Some((known, ..)) if *known == content => Sighting::Repeat,
            Some(_) => Sighting::Conflict,
            None => {
                if self.0.len() == max {
                    let oldest = self.0.iter().min_by_key(|(key, (_, accepted, _))| (*accepted, **key));
                    let oldest = *oldest.unwrap().0;
                    self.0.remove(&oldest);
                }
                self.0.insert(key, (content, now, window));
                Sighting::New
            }
        }
    }

    fn expire(&mut self, now: i64) {
        self.0.retain(|_, (_, accepted, window)| *accepted + *window > now);
    }
}

proptest! {
    #[test]
    fn as_a_plain_table(max in 1..10_usize, calls in calls()) {
        let (mut repeats, mut plain) = (Repeats::new(max), Plain::default());
        let (mut disk, mut committed, mut now) = (Disk::new(), Plain::default(), NOW);
        for call in calls {
            match call {
                Call::See { key, content, minutes, later } => {
                    now += later;
                    let seen = repeats.see(0, RepeatKey(key), content, Duration::from_mins(minutes), time(now));
                    let window = i64::try_from(minutes).unwrap() * 60;
                    prop_assert_eq!(seen, plain.see(max, key, content, window, now));
                }
                Call::Expire { later } => {
                    now += later;
                    repeats.expire(time(now));
                    plain.expire(now);
                }
                Call::Commit => {
                    write(&mut disk, repeats.changes());
                    repeats.settle();
                    committed = plain.clone();
                }
                Call::Fail => {
                    repeats.undo();
                    plain = committed.clone();
                }
                Call::Restart => {
                    repeats = Repeats::load(max, &disk).unwrap();
                    plain = committed.clone();
                }
            }
            prop_assert_eq!(repeats.len(), plain.0.len());
        }
        write(&mut disk, repeats.changes());
        prop_assert_eq!(disk.len(), plain.0.len());
    }

    #[test]
    fn damage_does_no_harm(key in vec(any::<u8>(), 0..30), value in vec(any::<u8>(), 0..30)) {
        let _ = Repeats::load(9, [([b"k", &*key].concat(), [&[1][..], &value].concat())]);
    }
}

#[test]
fn stored_keys_sort_by_the_end_of_their_window() {
    let mut repeats = Repeats::default();
    for (key, hours) in [(1, 24), (2, 1), (3, 168)] {
        repeats.see(0, RepeatKey(key), 0, Duration::from_hours(hours), time(NOW));
    }
    let order: Vec<u8> = repeats.changes().iter().map(|change| change.key[20]).collect();
    assert_eq!(order, [2, 1, 3]);
}
