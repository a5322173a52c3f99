use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::PendingBatch;
use crate::delivery::trigger::{keys, text};
use crate::event::Position;
use crate::log::{Change, Table};
use crate::trigger::{Failures, QualifiedName};

/// How far a trigger is, as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Checkpoint {
    /// Where it began.
    #[serde(with = "text::optional")]
    pub(crate) since: Option<Position>,
    /// Everything up to here is dealt with.
    #[serde(with = "text::optional")]
    pub(crate) position: Option<Position>,
    /// The batch on its way; two after one was split.
    pub(crate) pending: Vec<PendingBatch>,
    #[serde(with = "failures")]
    pub(crate) failures: Failures,
    /// No attempt before this, in Unix milliseconds.
    pub(crate) next_at: i64,
    /// Whether a person stopped it.
    pub(crate) paused: bool,
    /// Why it stopped by itself.
    #[serde(with = "text::optional")]
    pub(crate) disabled: Option<DisableReason>,
    /// Of the URL whose owner agreed to deliveries.
    pub(crate) agreed: Fingerprint,
    /// Batches.
    pub(crate) delivered: u64,
    /// Batches.
    pub(crate) given_up: u64,
    /// Number of the next row of its access log.
    pub(crate) next_row: u64,
    /// Of its definition in the settings when it was last read.
    pub(crate) settings: Fingerprint,
    /// The principal that made it; empty where nobody showed a token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) made_by: String,
}

/// Why a trigger stopped by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DisableReason {
    TargetGone,
    NoSuccess,
    /// It searches more of each event than may be.
    FilterStopped,
    /// What the bus says of its filter.
    Filter(String),
}

/// Tells whether a text is still the same, where the text itself, a URL among it, may hold a secret. The default is no
/// text's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Fingerprint(String);

impl Checkpoint {
    /// Of a trigger that begins at `position`.
    pub(crate) fn starting_at(position: Position) -> Self {
        Self { since: Some(position), position: Some(position), ..Self::default() }
    }

    /// As it is stored under a trigger's name: it holds no secret.
    pub(crate) fn row(&self, id: &QualifiedName) -> (Table, Change) {
        keys::checkpoint(id).put(serde_json::to_vec(self).unwrap_or_default())
    }

    pub(crate) fn runs(&self) -> bool {
        !self.paused && self.disabled.is_none()
    }

    /// A batch is dealt with: it goes on behind it.
    pub(crate) fn pass(&mut self, batch: &PendingBatch) {
        self.position = Some(batch.last);
        self.pending.retain(|pending| pending.id != batch.id);
    }

    /// The target is not known to fail any more.
    pub(crate) fn forget_failures(&mut self) {
        (self.failures, self.next_at) = (Failures::default(), 0);
    }
}

impl DisableReason {
    const TARGET_GONE: &str = "the target is gone (410)";
    const NO_SUCCESS: &str = "no success for five days";
    const FILTER_STOPPED: &str =
        "filter_stopped: the filter, with others of its cloud, searches more of each event than may be";
}

impl fmt::Display for DisableReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TargetGone => Self::TARGET_GONE,
            Self::NoSuccess => Self::NO_SUCCESS,
            Self::FilterStopped => Self::FILTER_STOPPED,
            Self::Filter(why) => why,
        })
    }
}

impl FromStr for DisableReason {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            Self::TARGET_GONE => Self::TargetGone,
            Self::NO_SUCCESS => Self::NoSuccess,
            Self::FILTER_STOPPED => Self::FilterStopped,
            why => Self::Filter(why.to_owned()),
        })
    }
}

impl Fingerprint {
    pub(crate) fn of(text: &str) -> Self {
        Self(HEXLOWER.encode(&Sha256::digest(text)))
    }
}

/// Failures are stored as a pair.
mod failures {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::trigger::Failures;

    pub(super) fn serialize<S: Serializer>(failures: &Failures, serializer: S) -> Result<S::Ok, S::Error> {
        (failures.count, failures.since).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Failures, D::Error> {
        let (count, since) = <(u32, i64)>::deserialize(deserializer)?;
        Ok(Failures { count, since })
    }
}
