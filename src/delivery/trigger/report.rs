use serde::Serialize;

use super::progress::{BatchId, Checkpoint, DisableReason, PendingBatch};
use super::text;
use crate::event::{Position, Timestamp};
use crate::log::Bounds;
use crate::trigger::TriggerSpec;

/// A trigger as its operator sees it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TriggerReport {
    /// What was wanted, without its secrets.
    #[serde(flatten)]
    pub(crate) spec: TriggerSpec,
    pub(crate) defined_in: Origin,
    /// The filter as it was understood, within its cloud.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) understood: String,
    /// Why its filter would be refused today, where it was stored before that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outdated: Option<String>,
    pub(crate) state: StateReport,
}

/// Where a trigger was made and can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Origin {
    Settings,
    Api,
}

/// How a trigger does.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StateReport {
    pub(crate) status: TriggerStatus,
    /// Why it is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Everything up to here is dealt with.
    #[serde(with = "text::optional")]
    pub(crate) position: Option<Position>,
    /// Events behind that, whether they match or not.
    pub(crate) behind: u64,
    /// Batches.
    pub(crate) delivered: u64,
    /// Batches.
    pub(crate) given_up: u64,
    /// Batches that are kept.
    pub(crate) dead_letters: usize,
    /// Failed attempts in a row.
    pub(crate) failures: u32,
    /// Since when there was no success.
    #[serde(skip_serializing_if = "Option::is_none", with = "text::optional")]
    pub(crate) failing_since: Option<Timestamp>,
    /// No attempt before this.
    #[serde(skip_serializing_if = "Option::is_none", with = "text::optional")]
    pub(crate) next_attempt: Option<Timestamp>,
    /// The batch on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pending: Option<PendingReport>,
}

/// What a trigger does at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TriggerStatus {
    Running,
    /// Its last attempt failed.
    Retrying,
    Paused,
    /// It stopped by itself, or its definition can't be used.
    Disabled,
}

/// The batch on its way.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PendingReport {
    pub(crate) id: BatchId,
    /// Its first event.
    #[serde(with = "text")]
    pub(crate) first: Position,
    /// Its last event.
    #[serde(with = "text")]
    pub(crate) last: Position,
    /// Events.
    pub(crate) count: usize,
    /// Attempts that failed.
    pub(crate) attempts: u32,
}

impl StateReport {
    /// `fault`: why the definition can't be used.
    pub(super) fn new(
        checkpoint: &Checkpoint,
        fault: Option<String>,
        dead_letters: usize,
        bounds: Bounds,
        now: Timestamp,
    ) -> Self {
        let reason = fault.or_else(|| checkpoint.disabled.as_ref().map(DisableReason::to_string));
        let status = match checkpoint {
            _ if reason.is_some() => TriggerStatus::Disabled,
            Checkpoint { paused: true, .. } => TriggerStatus::Paused,
            _ if checkpoint.failures.count > 0 => TriggerStatus::Retrying,
            _ => TriggerStatus::Running,
        };
        let known = checkpoint.position.filter(|at| at.epoch == bounds.epoch);
        Self {
            status,
            reason,
            position: checkpoint.position,
            behind: known.map_or(0, |at| bounds.newest.saturating_sub(at.offset)),
            delivered: checkpoint.delivered,
            given_up: checkpoint.given_up,
            dead_letters,
            failures: checkpoint.failures.count,
            failing_since: time(checkpoint.failures.since),
            next_attempt: time(checkpoint.next_at).filter(|at| *at > now),
            pending: checkpoint.pending.first().map(PendingReport::new),
        }
    }
}

/// Unix milliseconds, of which 0 are no time.
fn time(ms: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(ms).ok().filter(|_| ms > 0)
}

impl PendingReport {
    fn new(batch: &PendingBatch) -> Self {
        let PendingBatch { first, last, count, attempts, .. } = *batch;
        Self { id: batch.id.clone(), first, last, count, attempts }
    }
}
