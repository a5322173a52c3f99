use serde::{Deserialize, Serialize};

use super::attempt::Tried;
use super::keys;
use super::state::Pending;
use super::store::{Changes, put, remove};
use crate::event::Timestamp;

/// What became of one batch: a row of the access log.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct DeliveryRow {
    /// The batch's id.
    pub id: String,
    /// Its first event.
    pub first: String,
    /// Its last event.
    pub last: String,
    /// How many it has.
    pub count: usize,
    /// `delivered`, `retrying`, `dead_letter` or `dropped`.
    pub outcome: String,
    /// Attempts so far.
    pub attempts: u32,
    /// When the last one was.
    pub at: String,
    /// Its status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it had none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub failure: String,
    /// How long it took.
    pub latency_ms: f64,
    /// The beginning of the answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer: String,
}

impl DeliveryRow {
    pub(super) fn new(pending: &Pending, tried: &Tried, outcome: &str) -> Self {
        Self {
            id: pending.id.clone(),
            first: pending.first.clone(),
            last: pending.last.clone(),
            count: pending.count,
            outcome: outcome.to_owned(),
            attempts: pending.attempts + 1,
            at: Timestamp::now().to_string(),
            status: tried.status,
            failure: tried.failure.as_ref().map(|(code, _)| (*code).to_owned()).unwrap_or_default(),
            latency_ms: (tried.took.as_secs_f64() * 1e6).round() / 1e3,
            answer: tried.answer.clone(),
        }
    }

    /// Writes it as the row `number`, and lets go of the one that is `most` older.
    pub(super) fn write(&self, name: &str, number: u64, most: u64) -> Changes {
        let value = serde_json::to_vec(self).unwrap_or_default();
        let mut changes = vec![put(keys::ATTEMPTS, keys::row(name, number), value)];
        changes.extend(number.checked_sub(most).map(|old| remove(keys::ATTEMPTS, keys::row(name, old))));
        changes
    }
}
