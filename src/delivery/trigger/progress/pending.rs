use std::fmt;

use serde::{Deserialize, Serialize};

use crate::delivery::trigger::text;
use crate::event::Position;
use crate::log::GapReason;

/// A batch that was formed: its bytes follow from this, the log and the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PendingBatch {
    /// The same for every attempt.
    pub(crate) id: BatchId,
    /// Its first event, or the first one missing.
    #[serde(with = "text")]
    pub(crate) first: Position,
    /// Its last event, or the last one missing.
    #[serde(with = "text")]
    pub(crate) last: Position,
    /// Events.
    pub(crate) count: usize,
    /// Of the definition that made it.
    pub(crate) revision: u64,
    /// Attempts that failed.
    pub(crate) attempts: u32,
    /// When its oldest event was accepted, in Unix milliseconds; 0: not looked at yet.
    pub(crate) oldest: i64,
    /// Whether it is a half of one that was too large.
    pub(crate) split: bool,
    /// Why events are missing, if it tells of that.
    #[serde(default, with = "text::optional")]
    pub(crate) gap: Option<GapReason>,
}

/// A batch's name, which the target sees. It sorts by time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct BatchId(String);

impl BatchId {
    /// A new one: 12 digits of time, 20 of chance.
    pub(crate) fn new(now_ms: i64) -> Self {
        Self(format!("dlv_{now_ms:012x}{:020x}", rand::random::<u128>() >> 48))
    }

    /// Of one half of the batch.
    pub(crate) fn half(&self, suffix: &str) -> Self {
        Self(format!("{self}{suffix}"))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for BatchId {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}
