//! What filters cost while they run: the bytes that they search, so it is the same on every machine.
//!
//! A byte that a small automaton looks at counts 1, one of a large automaton more, each search [`SEARCH`] on top.
//! Comparisons cost nothing here, since the index keeps those few; but for those beyond [`FREE`] of a filter that it can't
//! serve.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a search costs, however short the text.
pub(super) const SEARCH: u64 = 16;

/// Conditions of a filter that runs for every event which cost nothing, and what each more costs.
const FREE: usize = 8;
const CONDITION: u64 = 8;

/// What a filter of so many conditions costs every event, where no index can serve it.
pub(super) const fn conditions(count: usize) -> u64 {
    CONDITION * count.saturating_sub(FREE) as u64
}

/// What a filter may cost an event although its account is used up: who asks for little is not stopped by another
/// filter that asks for much.
const LITTLE: u64 = 512;

/// How much may be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchBudget {
    /// Bytes for each event, on average.
    pub per_event: u64,
    /// Bytes beyond that, once.
    pub burst: u64,
}

impl SearchBudget {
    /// Bytes for each event, and as much again as for 128 events at once.
    pub const fn new(per_event: u64) -> Self {
        Self { per_event, burst: per_event.saturating_mul(128) }
    }
}

impl Default for SearchBudget {
    fn default() -> Self {
        Self::new(64 << 10)
    }
}

/// What the filters of one principal have cost. It is paid off by events that go by, and not by time.
#[derive(Debug)]
pub struct Account {
    budget: SearchBudget,
    /// What is not paid off yet, and the number of the event up to which it was.
    level: AtomicU64,
    event: AtomicU64,
    /// The number of the last event at which a filter was stopped.
    stopped: AtomicU64,
}

impl Account {
    /// One on which nothing is.
    pub const fn new(budget: SearchBudget) -> Self {
        Self { budget, level: AtomicU64::new(0), event: AtomicU64::new(0), stopped: AtomicU64::new(u64::MAX) }
    }

    /// Another one with the same budget, on which nothing is.
    #[must_use]
    pub const fn fresh(&self) -> Self {
        Self::new(self.budget)
    }

    /// Puts what a filter searched in the event of this number on it, `filter` of it so far; false: the filter is to be
    /// stopped. The first one that is stopped at an event makes room for what an event may cost, so that those remain for
    /// which that is enough; where it is used up at the same event, the others are stopped too. One task at a time calls
    /// this.
    pub(super) fn charge(&self, cost: u64, filter: u64, event: u64) -> bool {
        let SearchBudget { per_event, burst } = self.budget;
        let passed = event.saturating_sub(self.event.swap(event, Ordering::Relaxed));
        let paid = self.level.load(Ordering::Relaxed).saturating_sub(passed.saturating_mul(per_event));
        let level = paid.saturating_add(cost);
        let most = if filter <= LITTLE { burst.saturating_mul(2) } else { burst };
        let kept = level <= most;
        let frees = !kept && self.stopped.swap(event, Ordering::Relaxed) != event;
        self.level.store(
            if frees { most.saturating_sub(per_event) } else { level.min(burst.saturating_mul(2)) },
            Ordering::Relaxed,
        );
        kept
    }
}

/// Who searches for a program, and what that costs.
pub(super) trait Meter {
    /// Whether the pattern of this number is found in the value of a field.
    fn is_match(&mut self, number: u32, field: u8, value: &str) -> bool;

    /// Pays for another search; false: it is not to be done.
    fn pay(&mut self, cost: u64) -> bool;
}

/// The account of one filter for one event.
pub(super) struct Bill<'a> {
    pub(super) payer: Option<&'a Account>,
    /// The event's number.
    pub(super) event: u64,
    /// What it is so far.
    pub(super) sum: u64,
    /// There is more on it than may be: what the filter says of this event does not count.
    pub(super) refused: bool,
}

impl<'a> Bill<'a> {
    pub(super) const fn new(payer: Option<&'a Account>, event: u64) -> Self {
        Self { payer, event, sum: 0, refused: false }
    }

    pub(super) fn add(&mut self, cost: u64) -> bool {
        self.sum += cost;
        if let Some(payer) = self.payer {
            self.refused |= !payer.charge(cost, self.sum, self.event);
        }
        !self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: SearchBudget = SearchBudget { per_event: 1_000, burst: 10_000 };

    #[test]
    fn events_pay_off_what_they_cost_and_time_does_not() {
        let account = Account::new(BUDGET);
        assert!((1..=1_000).all(|event| account.charge(1_000, 1_000, event)));
        assert!(account.charge(9_000, 9_000, 1_000));
        assert!(!account.charge(1, 1_000, 1_000));
    }

    #[test]
    fn a_burst_ends_where_it_says() {
        for (cost, kept) in [(9_999, true), (10_000, true), (10_001, false)] {
            assert_eq!(Account::new(BUDGET).charge(cost, cost, 0), kept, "{cost}");
        }
    }

    #[test]
    fn who_asks_for_little_is_the_last_to_be_stopped() {
        let account = Account::new(BUDGET);
        assert!(account.charge(10_000, 10_000, 1));
        assert!(account.charge(LITTLE, LITTLE, 1));
        assert!(!account.charge(1, LITTLE + 1, 1));
    }

    #[test]
    fn one_event_costs_a_bounded_sum_whatever_there_is_to_stop() {
        for (cost, filters) in [(LITTLE, 1_000), (9_000, 1_000)] {
            let account = Account::new(BUDGET);
            let kept = (0..filters).filter(|_| account.charge(cost, cost, 1)).count() as u64;
            assert!(kept * cost <= 4 * BUDGET.burst, "{kept} of {cost}");
        }
    }
}
