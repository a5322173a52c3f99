//! Nothing lost, doubled or reordered.
//!
//! A subscription's events come in log order, each once: so a reader only has to see ids that grow, and in the end
//! to have seen as many as were acknowledged, and the same ones. That they are the same is told by a running
//! hash, so that ten thousand readers cost three words each.

use std::collections::HashSet;
use std::fmt;

use crate::event_id::EventId;

/// What one reader has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Events.
    pub count: u64,
    /// Events whose id did not grow.
    pub disordered: u64,
    last: u128,
    hash: u64,
}

impl Seen {
    /// The next event.
    #[inline]
    pub fn see(&mut self, id: EventId) {
        self.disordered += u64::from(id.0 <= self.last && self.count > 0);
        self.count += 1;
        self.last = id.0;
        self.hash = self.hash.wrapping_mul(0x0000_0100_0000_01B3).wrapping_add(fold(id.0));
    }
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

/// Compares what readers have seen, in few words each, with what was acknowledged.
pub fn compare(acknowledged: &mut [EventId], readers: &[Seen]) -> Verdict {
    acknowledged.sort_unstable();
    let mut expected = Seen::default();
    for &id in acknowledged.iter() {
        expected.see(id);
    }
    let mut verdict = Verdict { doubled: expected.disordered, ..Verdict::default() };
    for seen in readers.iter().filter(|&&seen| seen != expected || seen.disordered > 0) {
        verdict.readers += 1;
        verdict.reordered += seen.disordered;
        verdict.lost += expected.count.saturating_sub(seen.count);
        let more = seen.count.saturating_sub(expected.count);
        // As many, in order, and yet others: at least one is lost and one is strange.
        let others = u64::from(seen.count == expected.count && seen.disordered == 0);
        verdict.lost += others;
        verdict.strange += others + more;
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

    fn seen(got: &[EventId]) -> Seen {
        let mut seen = Seen::default();
        for &id in got {
            seen.see(id);
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

    proptest! {
        /// The few words of a reader find a fault exactly where the full comparison finds one.
        #[test]
        fn short_and_full_comparison_agree(
            acknowledged in prop::collection::btree_set(0u128..40, 0..20),
            got in prop::collection::vec(0u128..40, 0..20),
            exact in any::<bool>(),
        ) {
            let mut acknowledged = ids(&acknowledged.into_iter().collect::<Vec<_>>());
            let got = if exact { acknowledged.clone() } else { ids(&got) };
            let full = compare_all(&acknowledged, &got);
            let short = compare(&mut acknowledged, &[seen(&got)]);
            prop_assert_eq!(short.is_good(false), full.is_good(false), "{:?} {:?}", short, full);
        }
    }
}
