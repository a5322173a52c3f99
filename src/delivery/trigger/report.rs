use serde::Serialize;

use super::state::{Pending, State};
use crate::event::Timestamp;
use crate::log::Bounds;
use crate::trigger::Written;

/// A trigger as its operator sees it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TriggerReport {
    /// What was written, without its secrets.
    #[serde(flatten)]
    pub written: Written,
    /// `settings` or `api`: where it can be changed.
    pub defined_in: &'static str,
    /// The filter as it was understood, within its cloud.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub understood: String,
    /// How it does.
    pub state: StateReport,
}

/// How a trigger does.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StateReport {
    /// `running`, `retrying`, `paused` or `disabled`.
    pub status: &'static str,
    /// Why it is disabled.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Everything up to here is dealt with.
    pub position: String,
    /// Events behind that, whether they match or not.
    pub behind: u64,
    /// Batches delivered.
    pub delivered: u64,
    /// Batches given up.
    pub given_up: u64,
    /// Batches kept among the dead letters.
    pub dead_letters: usize,
    /// Failed attempts in a row.
    pub failures: u32,
    /// Since when there was no success.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub failing_since: String,
    /// No attempt before this.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub next_attempt: String,
    /// The batch on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingReport>,
}

/// The batch on its way.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PendingReport {
    /// Its id.
    pub id: String,
    /// Its first event.
    pub first: String,
    /// Its last event.
    pub last: String,
    /// How many it has.
    pub count: usize,
    /// Attempts that failed.
    pub attempts: u32,
}

fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).ok().filter(|_| ms > 0).map(|at| at.to_string()).unwrap_or_default()
}

impl StateReport {
    pub(super) fn new(state: &State, fault: Option<&str>, dead_letters: usize, bounds: Bounds) -> Self {
        let reason = fault.map_or_else(|| state.disabled.clone(), str::to_owned);
        let status = match state {
            _ if !reason.is_empty() => "disabled",
            State { paused: true, .. } => "paused",
            State { failures: (1.., _), .. } => "retrying",
            _ => "running",
        };
        let position = state.position();
        let behind =
            position.filter(|at| at.epoch == bounds.epoch).map(|at| bounds.newest.saturating_sub(at.offset));
        Self {
            status,
            reason,
            position: state.position.clone(),
            behind: behind.unwrap_or(0),
            delivered: state.delivered,
            given_up: state.given_up,
            dead_letters,
            failures: state.failures.0,
            failing_since: time(state.failures.1),
            next_attempt: time(state.next_at),
            pending: state.pending.first().map(PendingReport::new),
        }
    }
}

impl PendingReport {
    fn new(pending: &Pending) -> Self {
        Self {
            id: pending.id.clone(),
            first: pending.first.clone(),
            last: pending.last.clone(),
            count: pending.count,
            attempts: pending.attempts,
        }
    }
}
