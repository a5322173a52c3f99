//! Nothing lost, doubled or reordered.
//!
//! A subscription's events come in log order, each once: so a reader only has to see ids that grow, and in the end
//! to have seen as many as were acknowledged, and the same ones. That they are the same is told by a running
//! hash, so that ten thousand readers cost three words each.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::event_id::EventId;

/// What one reader has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Events.
    pub count: u64,
    /// Events whose id did not grow.
    pub disordered: u64,
    /// The newest event.
    pub last: EventId,
    hash: u64,
    /// The sum of what the numbers of notifications are turned into: which they were, in any order.
    numbers: u64,
}

impl Tally {
    /// The next event.
    #[inline]
    pub fn see(&mut self, id: EventId) {
        self.disordered += u64::from(id <= self.last && self.count > 0);
        self.count += 1;
        self.last = id;
        self.hash = self.hash.wrapping_mul(0x0000_0100_0000_01B3).wrapping_add(fold(id.0));
    }

    /// The number of its notification, where that is looked at.
    #[inline]
    pub fn see_number(&mut self, number: u64) {
        self.numbers = self.numbers.wrapping_add(mix(number));
    }
}

/// Sums of these tell sets of numbers apart.
fn mix(number: u64) -> u64 {
    let product = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (product ^ (product >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

/// Epochs of a run are the same, so the low half would do; the high half guards against that being wrong.
#[expect(clippy::cast_possible_truncation, reason = "both halves go in")]
fn fold(id: u128) -> u64 {
    ((id as u64) ^ ((id >> 64) as u64).rotate_left(32)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// What is wrong with all readers together. All zero: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Acknowledged events that a reader did not get, summed over readers.
    pub lost: u64,
    /// Events that a reader got again.
    pub doubled: u64,
    /// Events that came before one with a smaller id.
    pub reordered: u64,
    /// Events that nobody acknowledged: of lost answers, or of somebody else.
    pub strange: u64,
    /// Readers that something of this befell.
    pub readers: u64,
}

impl Verdict {
    /// Whether nothing is wrong. Strange events are no fault where `answers_lost` posts have no known outcome.
    pub fn is_good(&self, answers_lost: bool) -> bool {
        self.lost == 0 && self.doubled == 0 && self.reordered == 0 && (self.strange == 0 || answers_lost)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lost, doubled, reordered, strange, readers } = self;
        if *self == Self::default() {
            return f.write_str("nothing lost, doubled or reordered");
        }
        write!(
            f,
            "lost {lost}, doubled {doubled}, reordered {reordered}, strange {strange}, at {readers} readers"
        )
    }
}

/// Compares what readers have seen, in few words each, with what was acknowledged. Every so-manyeth reader, as many as
/// there are lists, gets the events of one list.
pub fn compare(lists: &mut [Vec<EventId>], readers: &[Tally]) -> Verdict {
    let (turns, mut verdict) = (lists.len(), Verdict::default());
    for (index, acknowledged) in lists.iter_mut().enumerate() {
        acknowledged.sort_unstable();
        let mut expected = Tally::default();
        for &id in acknowledged.iter() {
            expected.see(id);
        }
        verdict.doubled += expected.disordered;
        // Ids say all: numbers are for where answers may be lost.
        let is_wrong =
            |seen: &Tally| *seen != Tally { numbers: seen.numbers, ..expected } || seen.disordered > 0;
        for seen in readers.iter().skip(index).step_by(turns).filter(|seen| is_wrong(seen)) {
            verdict.readers += 1;
            verdict.reordered += seen.disordered;
            verdict.lost += expected.count.saturating_sub(seen.count);
            let more = seen.count.saturating_sub(expected.count);
            // As many, in order, and yet others: at least one is lost and one is strange.
            let others = u64::from(seen.count == expected.count && seen.disordered == 0);
            verdict.lost += others;
            verdict.strange += others + more;
        }
    }
    verdict
}

/// Compares with notifications 0 to `made`, each of which was posted until it was acknowledged. Answers that were
/// lost on the way don't matter here: which events they named can be told from the numbers.
pub fn compare_numbers(made: u64, readers: &[Tally]) -> Verdict {
    let numbers = (0..made).fold(0u64, |sum, number| sum.wrapping_add(mix(number)));
    let mut verdict = Verdict::default();
    for seen in readers.iter().filter(|seen| {
        let expected = Tally { count: made, disordered: 0, numbers, ..**seen };
        **seen != expected
    }) {
        verdict.readers += 1;
        verdict.reordered += seen.disordered;
        verdict.lost += made.saturating_sub(seen.count);
        verdict.doubled += seen.count.saturating_sub(made);
        // As many and yet others: one doubled for one lost.
        let others = u64::from(seen.count == made && seen.numbers != numbers);
        verdict.lost += others;
        verdict.doubled += others;
    }
    verdict
}

/// Compares all that one reader got with what was acknowledged, event by event.
pub fn compare_all(acknowledged: &[EventId], got: &[EventId]) -> Verdict {
    let known: HashSet<_> = acknowledged.iter().copied().collect();
    let mut seen = HashSet::with_capacity(got.len());
    let mut verdict = Verdict::default();
    let mut largest = None;
    for &id in got {
        if !seen.insert(id) {
            verdict.doubled += 1;
        } else if !known.contains(&id) {
            verdict.strange += 1;
        }
        verdict.reordered += u64::from(largest.is_some_and(|largest| id < largest));
        largest = largest.max(Some(id));
    }
    verdict.lost = known.difference(&seen).count() as u64;
    // Two answers that name one event: the gateway acknowledged it twice.
    verdict.doubled += (acknowledged.len() - known.len()) as u64;
    verdict.readers = u64::from(verdict != Verdict::default());
    verdict
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(ids: &[u128]) -> Vec<EventId> {
        ids.iter().copied().map(EventId).collect()
    }

    fn seen(got: &[EventId]) -> Tally {
        let mut seen = Tally::default();
        for (&id, number) in got.iter().zip(7..) {
            seen.see(id);
            seen.see_number(number);
        }
        seen
    }

    #[test]
    fn each_fault_has_its_name() {
        let acknowledged = ids(&[1, 2, 3]);
        let verdict = |got: &[u128]| {
            let Verdict { lost, doubled, reordered, strange, .. } = compare_all(&acknowledged, &ids(got));
            (lost, doubled, reordered, strange)
        };
        assert_eq!(verdict(&[1, 2, 3]), (0, 0, 0, 0));
        assert_eq!(verdict(&[1, 3]), (1, 0, 0, 0));
        assert_eq!(verdict(&[1, 2, 2, 3]), (0, 1, 0, 0));
        assert_eq!(verdict(&[1, 3, 2]), (0, 0, 1, 0));
        assert_eq!(verdict(&[1, 2, 3, 4]), (0, 0, 0, 1));
        assert_eq!(compare_all(&ids(&[1, 1]), &ids(&[1])).doubled, 1);
    }

    #[test]
    fn strange_events_are_forgiven_where_answers_were_lost() {
        let verdict = compare_all(&ids(&[1]), &ids(&[1, 2]));
        assert!(verdict.is_good(true) && !verdict.is_good(false));
    }

    #[test]
    fn numbers_tell_what_is_missing_and_what_came_twice() {
        let seen = |numbers: &[u64]| {
            let mut seen = Tally::default();
            for (&number, id) in numbers.iter().zip(1..) {
                seen.see(EventId(id));
                seen.see_number(number);
            }
            seen
        };
        let verdict = |numbers: &[u64]| {
            let Verdict { lost, doubled, reordered, .. } = compare_numbers(3, &[seen(numbers)]);
            (lost, doubled, reordered)
        };
        assert_eq!(verdict(&[2, 0, 1]), (0, 0, 0));
        assert_eq!(verdict(&[2, 1]), (1, 0, 0));
        assert_eq!(verdict(&[2, 0, 0]), (1, 1, 0));
        assert_eq!(verdict(&[2, 0, 1, 1]), (0, 1, 0));
        let twice = Tally { disordered: 1, ..seen(&[0, 1, 2]) };
        assert_eq!(compare_numbers(3, &[twice]).reordered, 1);
    }

    proptest! {
        /// The few words of a reader find a fault exactly where the full comparison finds one.
        #[test]
        fn short_and_full_comparison_agree(
            acknowledged in prop::collection::btree_set(0u128..40, 0..20),
            got in prop::collection::vec(0u128..40, 0..20),
            exact in any::<bool>(),
        ) {
            let acknowledged = ids(&acknowledged.into_iter().collect::<Vec<_>>());
            let got = if exact { acknowledged.clone() } else { ids(&got) };
            let full = compare_all(&acknowledged, &got);
            let short = compare(&mut [acknowledged], &[seen(&got)]);
            prop_assert_eq!(short.is_good(false), full.is_good(false), "{:?} {:?}", short, full);
        }
    }
}
