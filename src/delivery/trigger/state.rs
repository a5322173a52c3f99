use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::stored::Former;
use crate::event::Position;
use crate::trigger::Failures;

/// How far a trigger is. It is stored, and what is in it holds after any crash.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// Where it began.
    pub(super) since: String,
    /// Everything up to here is dealt with.
    pub(super) position: String,
    /// The batch on its way, with its id; two after one was split.
    pub(super) pending: Vec<Pending>,
    /// Failed attempts in a row, and since when in Unix milliseconds.
    pub(super) failures: (u32, i64),
    /// No attempt before this, in Unix milliseconds.
    pub(super) next_at: i64,
    /// Whether a person stopped it.
    pub(super) paused: bool,
    /// Why it stopped by itself; empty: it did not.
    pub(super) disabled: String,
    /// [`fingerprint`] of the URL whose owner agreed to deliveries.
    pub(super) agreed: String,
    /// The signing secret before the present one. It is stored apart, since this is not encrypted.
    #[serde(skip)]
    pub(super) former_secret: Option<Former>,
    /// Batches delivered, and given up.
    pub(super) delivered: u64,
    /// See `delivered`.
    pub(super) given_up: u64,
    /// Number of the next row of its access log.
    pub(super) next_row: u64,
    /// [`fingerprint`] of its definition in the settings when it was last read; empty for others.
    pub(super) settings: String,
}

/// A batch that was formed: its bytes follow from this, the log and the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    /// Its id, the same for every attempt.
    pub(super) id: String,
    /// Its first event.
    pub(super) first: String,
    /// Its last event.
    pub(super) last: String,
    /// How many it has.
    pub(super) count: usize,
    /// Of the definition that made it.
    pub(super) revision: u64,
    /// Attempts that failed.
    pub(super) attempts: u32,
    /// When its oldest event was accepted, in Unix milliseconds; 0: not looked at yet.
    pub(super) oldest: i64,
    /// Whether it is a part of one that was too large.
    pub(super) split: bool,
    /// Why events are missing, if it tells of that.
    #[serde(default)]
    pub(super) gap: String,
}

impl State {
    pub(super) fn failures(&self) -> Failures {
        Failures { count: self.failures.0, since: self.failures.1 }
    }

    pub(super) fn set_failures(&mut self, failures: Failures) {
        self.failures = (failures.count, failures.since);
    }

    pub(super) fn runs(&self) -> bool {
        !self.paused && self.disabled.is_empty()
    }

    pub(super) fn position(&self) -> Option<Position> {
        self.position.parse().ok()
    }
}

/// Tells whether a text is still the same, where the text itself, a URL among it, may hold a secret.
pub(super) fn fingerprint(text: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(text))
}

/// A new id, which sorts by time.
pub(super) fn new_id(now_ms: i64) -> String {
    format!("dlv_{now_ms:012x}{:020x}", rand::random::<u128>() >> 48)
}
