use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Reversible;

/// What a table that lets go of its oldest may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgeLimits {
    /// Bytes of all that it stands for.
    pub(crate) bytes: u64,
    /// How old anything in it may be.
    pub(crate) age: Duration,
}

/// One of the things that a table stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Aging<O> {
    /// When it came, Unix milliseconds.
    pub(crate) at_ms: i64,
    /// What it weighs.
    pub(crate) bytes: u64,
    /// Whose it is.
    pub(crate) owner: O,
}

/// What is kept for a while only, by key, for several owners. What is too old goes. Where all together are too much, the
/// owner that has the most loses its oldest, so that no one pushes out what others have within their share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AgeTable<K, O> {
    limits: AgeLimits,
    entries: BTreeMap<K, Aging<O>>,
    shares: BTreeMap<O, Share<K>>,
    bytes: u64,
}

/// What one owner has; never nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Share<K> {
    by_age: BTreeSet<(i64, K)>,
    bytes: u64,
}

impl<K: Ord + Clone, O: Ord + Clone> AgeTable<K, O> {
    /// An empty table.
    pub(crate) const fn new(limits: AgeLimits) -> Self {
        Self { limits, entries: BTreeMap::new(), shares: BTreeMap::new(), bytes: 0 }
    }

    /// What there is, by key.
    pub(crate) const fn entries(&self) -> &BTreeMap<K, Aging<O>> {
        &self.entries
    }

    /// Bytes of all together.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What has to go first, if anything has to. Owners are few, so they are searched one by one.
    pub(crate) fn overdue(&self, now_ms: i64) -> Option<&K> {
        let (at_ms, oldest) = self.shares.values().filter_map(|share| share.by_age.first()).min()?;
        let age = i64::try_from(self.limits.age.as_millis()).unwrap_or(i64::MAX);
        if *at_ms < now_ms.saturating_sub(age) {
            return Some(oldest);
        }
        let largest = self.shares.values().max_by_key(|share| share.bytes)?;
        let (_, first) = largest.by_age.first()?;
        (self.bytes > self.limits.bytes).then_some(first)
    }

    /// Adds it, replaces it, or removes it; answers with what was there.
    pub(crate) fn set(&mut self, key: K, entry: Option<Aging<O>>) -> Option<Aging<O>> {
        let before = self.entries.remove(&key);
        if let Some(before) = &before {
            self.bytes -= before.bytes;
            self.take_from_share(&key, before);
        }
        if let Some(entry) = entry {
            self.bytes += entry.bytes;
            let empty = || Share { by_age: BTreeSet::new(), bytes: 0 };
            let share = self.shares.entry(entry.owner.clone()).or_insert_with(empty);
            share.bytes += entry.bytes;
            share.by_age.insert((entry.at_ms, key.clone()));
            self.entries.insert(key, entry);
        }
        before
    }

    fn take_from_share(&mut self, key: &K, entry: &Aging<O>) {
        let Some(share) = self.shares.get_mut(&entry.owner) else { return };
        share.bytes -= entry.bytes;
        share.by_age.remove(&(entry.at_ms, key.clone()));
        if share.by_age.is_empty() {
            self.shares.remove(&entry.owner);
        }
    }

    /// Removes all that has to go, and answers with its keys.
    pub(crate) fn expire(&mut self, now_ms: i64) -> Vec<K> {
        let mut gone = Vec::new();
        while let Some(key) = self.overdue(now_ms).cloned() {
            self.set(key.clone(), None);
            gone.push(key);
        }
        gone
    }
}

impl<K: Ord + Clone, O: Ord + Clone> Reversible for AgeTable<K, O> {
    /// A key, and what it is to be.
    type Step = (K, Option<Aging<O>>);

    fn apply(&mut self, (key, entry): Self::Step) -> Self::Step {
        let before = self.set(key.clone(), entry);
        (key, before)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::collections::Ledger;

    const LIMITS: AgeLimits = AgeLimits { bytes: 100, age: Duration::from_millis(50) };

    fn aging(at_ms: i64, bytes: u64, owner: u8) -> Aging<u8> {
        Aging { at_ms, bytes, owner }
    }

    /// Keys, times, bytes, owners.
    fn table(entries: &[(u8, i64, u64, u8)]) -> AgeTable<u8, u8> {
        let mut table = AgeTable::new(LIMITS);
        for (key, at_ms, bytes, owner) in entries {
            table.set(*key, Some(aging(*at_ms, *bytes, *owner)));
        }
        table
    }

    #[test]
    fn each_bound_holds_at_less_at_and_more() {
        for (bytes, overdue) in [(99, None), (100, None), (101, Some(2))] {
            let table = table(&[(1, 8, bytes - 40, 0), (2, 7, 40, 0)]);
            assert_eq!((table.bytes(), table.overdue(8).copied()), (bytes, overdue));
        }
        for (now_ms, overdue) in [(56, None), (57, None), (58, Some(2))] {
            assert_eq!(table(&[(1, 8, 1, 0), (2, 7, 1, 1)]).overdue(now_ms).copied(), overdue, "{now_ms}");
        }
        assert_eq!(table(&[(1, i64::MAX, 1, 0)]).overdue(i64::MIN), None);
        assert_eq!(table(&[]).overdue(i64::MAX), None);
    }

    #[test]
    fn who_has_most_makes_room() {
        // The older one of another owner stays.
        assert_eq!(table(&[(1, 1, 50, 0), (2, 2, 30, 1), (3, 3, 21, 1)]).overdue(3), Some(&2));
        assert_eq!(table(&[(1, 1, 52, 0), (2, 2, 30, 1), (3, 3, 21, 1)]).overdue(3), Some(&1));
    }

    /// What is set at a key; `None` removes it.
    fn steps() -> impl Strategy<Value = Vec<(u8, Option<Aging<u8>>)>> {
        let entry = (0..100_i64, 0..60_u64, 0..3_u8);
        let entry = entry.prop_map(|(at_ms, bytes, owner)| aging(at_ms, bytes, owner));
        vec((0..8_u8, prop::option::weighted(0.8, entry)), 0..30)
    }

    fn bytes_of(entries: &BTreeMap<u8, Aging<u8>>, owner: u8) -> u64 {
        entries.values().filter(|entry| entry.owner == owner).map(|entry| entry.bytes).sum()
    }

    proptest! {
        #[test]
        fn the_oldest_of_who_has_most_go_until_the_rest_fits(steps in steps(), now_ms in 0..200_i64) {
            let mut table = AgeTable::new(LIMITS);
            for (key, entry) in steps {
                table.set(key, entry);
            }
            let before = table.entries().clone();
            let gone = table.expire(now_ms);
            prop_assert_eq!(before.len(), gone.len() + table.entries().len());
            let bytes: u64 = table.entries().values().map(|entry| entry.bytes).sum();
            prop_assert_eq!(table.bytes(), bytes);
            prop_assert!(bytes <= LIMITS.bytes);
            prop_assert!(table.entries().values().all(|entry| entry.at_ms >= now_ms - 50));
            for key in gone {
                let (entry, left) = (&before[&key], table.entries());
                let kept = left.iter().filter(|(_, kept)| kept.owner == entry.owner);
                prop_assert!(kept.map(|(other, kept)| (kept.at_ms, *other)).all(|kept| kept > (entry.at_ms, key)));
            }
        }

        #[test]
        fn who_has_a_fair_share_or_less_loses_nothing(steps in steps()) {
            let mut table = AgeTable::new(LIMITS);
            for (key, entry) in steps {
                table.set(key, entry);
            }
            let before = table.entries().clone();
            table.expire(0);
            for owner in (0..3).filter(|owner| bytes_of(&before, *owner) <= LIMITS.bytes / 3) {
                prop_assert_eq!(bytes_of(table.entries(), owner), bytes_of(&before, owner));
            }
        }

        #[test]
        fn steps_taken_back_leave_no_trace(before in steps(), steps in steps()) {
            let mut table = AgeTable::new(LIMITS);
            for (key, entry) in before {
                table.set(key, entry);
            }
            let mut ledger = Ledger::new(table.clone());
            for step in steps {
                ledger.apply(step);
            }
            ledger.undo();
            prop_assert_eq!(&*ledger, &table);
        }
    }
}
