use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};

use super::DeadLetterLimits;

/// Trigger and id of a dead letter.
pub(super) type LetterKey = (String, String);

/// Which dead letters there are, and which of them go first.
pub(super) struct Index {
    limits: DeadLetterLimits,
    /// When each was given up, in Unix milliseconds, and its bytes.
    letters: BTreeMap<LetterKey, (i64, u64)>,
    by_age: BTreeSet<(i64, LetterKey)>,
    bytes: u64,
}

impl Index {
    pub(super) fn new(limits: DeadLetterLimits) -> Self {
        Self { limits, letters: BTreeMap::new(), by_age: BTreeSet::new(), bytes: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.letters.len()
    }

    pub(super) fn insert(&mut self, key: LetterKey, at: i64, bytes: u64) {
        self.remove(&key);
        self.by_age.insert((at, key.clone()));
        self.letters.insert(key, (at, bytes));
        self.bytes += bytes;
    }

    /// Tells whether it was there.
    pub(super) fn remove(&mut self, key: &LetterKey) -> bool {
        let Some((at, bytes)) = self.letters.remove(key) else { return false };
        self.by_age.remove(&(at, key.clone()));
        self.bytes -= bytes;
        true
    }

    /// Lets go of what is too old at `now`, or too much.
    pub(super) fn expire(&mut self, now: i64) -> Vec<LetterKey> {
        let oldest = now - i64::try_from(self.limits.age.as_millis()).unwrap_or(i64::MAX);
        let mut gone = Vec::new();
        while let Some((at, key)) = self.by_age.first() {
            if *at >= oldest && self.bytes <= self.limits.bytes {
                break;
            }
            let key = key.clone();
            self.remove(&key);
            gone.push(key);
        }
        gone
    }

    /// The ids of one trigger's behind `after`, oldest first.
    pub(super) fn ids<'a>(&'a self, trigger: &'a str, after: &str) -> impl Iterator<Item = &'a str> {
        let from = Excluded((trigger.to_owned(), after.to_owned()));
        let behind = self.letters.range((from, Unbounded)).map(|(key, _)| key);
        behind.take_while(move |(of, _)| of == trigger).map(|(_, id)| id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn key(trigger: &str, id: &str) -> LetterKey {
        (trigger.to_owned(), id.to_owned())
    }

    #[test]
    fn the_oldest_goes_first() {
        let mut index = Index::new(DeadLetterLimits { bytes: 250, age: Duration::from_hours(1) });
        index.insert(key("t", "1"), 1_000, 100);
        index.insert(key("t", "2"), 1_002, 100);
        assert!(index.expire(1_002).is_empty());
        index.insert(key("t", "3"), 1_004, 100);
        assert_eq!(index.expire(1_004), [key("t", "1")], "there are too many bytes");
        index.insert(key("u", "0"), 1_004, 0);
        assert_eq!(index.ids("t", "").collect::<Vec<_>>(), ["2", "3"]);
        assert_eq!(index.ids("t", "2").collect::<Vec<_>>(), ["3"]);
        assert_eq!((index.ids("s", "").count(), index.ids("u", "").count(), index.len()), (0, 1, 3));
        assert!(index.remove(&key("t", "2")) && !index.remove(&key("t", "2")));
        let tomorrow = 1_004 + 86_400_000;
        assert_eq!(index.expire(tomorrow), [key("t", "3"), key("u", "0")]);
        assert_eq!((index.len(), index.bytes), (0, 0));
    }

    #[test]
    fn what_is_inserted_twice_counts_once() {
        let mut index = Index::new(DeadLetterLimits { bytes: 250, age: Duration::from_hours(1) });
        index.insert(key("t", "1"), 1_000, 200);
        index.insert(key("t", "1"), 2_000, 200);
        assert!(index.expire(2_000).is_empty());
        assert_eq!((index.len(), index.bytes), (1, 200));
    }
}
