use serde::{Deserialize, Serialize};

use crate::delivery::trigger::progress::{BatchId, PendingBatch};
use crate::delivery::trigger::row_writer::Changes;
use crate::delivery::trigger::task::Attempt;
use crate::delivery::trigger::{keys, text};
use crate::event::{Offset, Position, Timestamp};
use crate::trigger::{FailureCode, QualifiedName};

/// What became of one batch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DeliveryRow {
    /// The batch's.
    pub(crate) id: BatchId,
    /// Its first event.
    #[serde(with = "text")]
    pub(crate) first: Position,
    /// Its last event.
    #[serde(with = "text")]
    pub(crate) last: Position,
    /// Events.
    pub(crate) count: usize,
    pub(crate) outcome: DeliveryOutcome,
    /// So far.
    pub(crate) attempts: u32,
    /// When the last attempt was.
    #[serde(with = "text")]
    pub(crate) at: Timestamp,
    /// Its answer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// Why it had no answer.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::optional")]
    pub(crate) failure: Option<FailureCode>,
    /// How long it took.
    pub(crate) latency_ms: f64,
    /// The beginning of the answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) answer: String,
}

/// How far a batch came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryOutcome {
    Delivered,
    Retrying,
    /// Given up and kept.
    DeadLetter,
    /// Given up and not kept.
    Dropped,
}

impl DeliveryRow {
    pub(crate) fn new(batch: &PendingBatch, attempt: &Attempt, outcome: DeliveryOutcome) -> Self {
        Self {
            id: batch.id.clone(),
            first: batch.first,
            last: batch.last,
            count: batch.count,
            outcome,
            attempts: batch.attempts + 1,
            at: Timestamp::now(),
            status: attempt.status,
            failure: attempt.failure,
            latency_ms: (attempt.took.as_secs_f64() * 1e6).round() / 1e3,
            answer: attempt.answer.clone(),
        }
    }

    /// Whether the batch has, or may have had, the event of this offset.
    pub(crate) fn has(&self, offset: Offset) -> bool {
        (self.first.offset..=self.last.offset).contains(&offset)
    }

    /// Writes it as the row `number`, and lets go of the one that is `most` older.
    pub(crate) fn write(&self, id: &QualifiedName, number: u64, most: u64) -> Changes {
        let row = keys::delivery(id, number).put(serde_json::to_vec(self).unwrap_or_default());
        let old = number.checked_sub(most).map(|old| keys::delivery(id, old).remove());
        [row].into_iter().chain(old).collect()
    }
}
