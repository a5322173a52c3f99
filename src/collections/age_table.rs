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
pub(crate) struct Aging<V> {
    /// When it came, Unix milliseconds.
    pub(crate) at_ms: i64,
    /// What it weighs.
    pub(crate) bytes: u64,
    /// What else is known of it.
    pub(crate) value: V,
}

/// What is kept for a while only, by key and by age: the oldest go first, once they are too old or all together
/// are too much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AgeTable<K, V> {
    limits: AgeLimits,
    entries: BTreeMap<K, Aging<V>>,
    by_age: BTreeSet<(i64, K)>,
    bytes: u64,
}

impl<K: Ord + Clone, V> AgeTable<K, V> {
    /// An empty table.
    pub(crate) const fn new(limits: AgeLimits) -> Self {
        Self { limits, entries: BTreeMap::new(), by_age: BTreeSet::new(), bytes: 0 }
    }

    /// What there is, by key.
    pub(crate) const fn entries(&self) -> &BTreeMap<K, Aging<V>> {
        &self.entries
    }

    /// Bytes of all together.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The oldest, if it has to go.
    pub(crate) fn overdue(&self, now_ms: i64) -> Option<&K> {
        let (at_ms, key) = self.by_age.first()?;
        let age = i64::try_from(self.limits.age.as_millis()).unwrap_or(i64::MAX);
        (*at_ms < now_ms.saturating_sub(age) || self.bytes > self.limits.bytes).then_some(key)
    }

    /// Adds it, replaces it, or removes it; answers with what was there.
    pub(crate) fn set(&mut self, key: K, entry: Option<Aging<V>>) -> Option<Aging<V>> {
        let before = self.entries.remove(&key);
        if let Some(before) = &before {
            self.bytes -= before.bytes;
            self.by_age.remove(&(before.at_ms, key.clone()));
        }
        if let Some(entry) = entry {
            self.bytes += entry.bytes;
            self.by_age.insert((entry.at_ms, key.clone()));
            self.entries.insert(key, entry);
        }
        before
    }

    /// Removes all that has to go, and answers with its keys, oldest first.
    pub(crate) fn expire(&mut self, now_ms: i64) -> Vec<K> {
        let mut gone = Vec::new();
        while let Some(key) = self.overdue(now_ms).cloned() {
            self.set(key.clone(), None);
            gone.push(key);
        }
        gone
    }
}

impl<K: Ord + Clone, V> Reversible for AgeTable<K, V> {
    /// A key, and what it is to be.
    type Step = (K, Option<Aging<V>>);

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

    fn aging(at_ms: i64, bytes: u64) -> Aging<()> {
        Aging { at_ms, bytes, value: () }
    }

    fn table(entries: &[(u8, i64, u64)]) -> AgeTable<u8, ()> {
        let mut table = AgeTable::new(LIMITS);
        for (key, at_ms, bytes) in entries {
            table.set(*key, Some(aging(*at_ms, *bytes)));
        }
        table
    }

    #[test]
    fn each_bound_holds_at_less_at_and_more() {
        for (bytes, overdue) in [(99, None), (100, None), (101, Some(2))] {
            let table = table(&[(1, 8, bytes - 40), (2, 7, 40)]);
            assert_eq!((table.bytes(), table.overdue(8).copied()), (bytes, overdue));
        }
        for (now_ms, overdue) in [(56, None), (57, None), (58, Some(2))] {
            assert_eq!(table(&[(1, 8, 1), (2, 7, 1)]).overdue(now_ms).copied(), overdue, "{now_ms}");
        }
        assert_eq!(table(&[(1, i64::MAX, 1)]).overdue(i64::MIN), None);
        assert_eq!(table(&[]).overdue(i64::MAX), None);
    }

    /// What is set at a key; `None` removes it.
    fn steps() -> impl Strategy<Value = Vec<(u8, Option<Aging<()>>)>> {
        let entry = (0..100_i64, 0..60_u64).prop_map(|(at_ms, bytes)| aging(at_ms, bytes));
        vec((0..8_u8, prop::option::weighted(0.8, entry)), 0..30)
    }

    proptest! {
        #[test]
        fn the_oldest_go_until_the_rest_fits(steps in steps(), now_ms in 0..200_i64) {
            let mut table = AgeTable::new(LIMITS);
            for (key, entry) in steps {
                table.set(key, entry);
            }
            let before = table.entries().clone();
            let gone = table.expire(now_ms);
            let gone: Vec<_> = gone.into_iter().map(|key| (before[&key].at_ms, key)).collect();
            prop_assert_eq!(before.len(), gone.len() + table.entries().len());
            let bytes: u64 = table.entries().values().map(|entry| entry.bytes).sum();
            prop_assert_eq!(table.bytes(), bytes);
            prop_assert!(bytes <= LIMITS.bytes);
            prop_assert!(table.entries().values().all(|entry| entry.at_ms >= now_ms - 50));
            prop_assert!(gone.is_sorted());
            let oldest = table.entries().iter().map(|(key, entry)| (entry.at_ms, *key)).min();
            prop_assert!(gone.last().is_none_or(|last| oldest.is_none_or(|oldest| *last < oldest)));
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
