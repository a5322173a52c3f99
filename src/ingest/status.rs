use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;

use super::Receipt;
use crate::event::Timestamp;

/// How a source is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Its last request was taken.
    Ok,
    /// Its last request was refused or could not be read, or its registry could not be listed.
    Failing,
    /// Its registry's tags are being listed; until then it is closed.
    Warming,
    /// It has sent nothing since the gateway started.
    Silent,
}

/// Notifications by what became of them, and requests refused, since the gateway started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Events made.
    pub accepted: usize,
    /// Seen before.
    pub duplicates: usize,
    /// No event.
    pub ignored: usize,
    /// Kept aside.
    pub quarantined: usize,
    /// Requests refused.
    pub refused: usize,
}

/// The last request that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// When.
    pub at: String,
    /// The code that was answered.
    pub code: &'static str,
    /// Why, for the operator; never a secret.
    pub why: String,
}

/// What `GET /v1/sources` says of one source.
#[derive(Clone, Debug, Serialize)]
pub struct SourceReport {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// What its registry is called; empty: as its payloads say.
    pub registry: String,
    /// Whose it is.
    pub cloud: String,
    /// Which part of that.
    pub folder: String,
    /// How it is doing.
    pub health: Health,
    /// When its last event was made.
    pub last_event: Option<String>,
    /// When its last request was taken.
    pub last_request: Option<String>,
    /// What became of what it sent.
    pub counts: Counts,
    /// The last request that was not taken.
    pub last_refusal: Option<Refusal>,
    /// Why its registry's tags could not be listed.
    pub warm_error: Option<String>,
    /// Records of it in quarantine.
    pub quarantine: usize,
}

/// What is known of a source's requests since the gateway started.
#[derive(Debug, Default)]
pub(super) struct Status(Mutex<Known>);

#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) counts: Counts,
    pub(super) last_event: Option<Timestamp>,
    pub(super) last_request: Option<Timestamp>,
    pub(super) last_refusal: Option<Refusal>,
    pub(super) warming: bool,
    pub(super) warm_error: Option<String>,
    last_went_wrong: bool,
}

impl Status {
    fn lock(&self) -> MutexGuard<'_, Known> {
        // Held for a few assignments only.
        self.0.lock()
    }

    pub(super) fn taken(&self, receipt: &Receipt, now: Timestamp) {
        let mut known = self.lock();
        known.counts.accepted += receipt.accepted;
        known.counts.duplicates += receipt.duplicates;
        known.counts.ignored += receipt.ignored;
        known.counts.quarantined += receipt.quarantined;
        known.last_request = Some(now);
        known.last_went_wrong = receipt.quarantined > 0;
        if receipt.accepted > 0 {
            known.last_event = Some(now);
        }
    }

    pub(super) fn refused(&self, code: &'static str, why: &str, now: Timestamp) {
        let mut known = self.lock();
        known.counts.refused += 1;
        known.last_went_wrong = true;
        known.last_refusal = Some(Refusal { at: now.to_string(), code, why: why.to_owned() });
    }

    pub(super) fn warming(&self, warming: bool, error: Option<String>) {
        let mut known = self.lock();
        known.warming = warming;
        known.warm_error = error;
    }

    pub(super) fn is_warming(&self) -> bool {
        self.lock().warming
    }

    pub(super) fn known(&self) -> Known {
        self.lock().clone()
    }
}

impl Known {
    pub(super) fn health(&self) -> Health {
        if self.warming {
            Health::Warming
        } else if self.last_went_wrong || self.warm_error.is_some() {
            Health::Failing
        } else if self.last_request.is_none() {
            Health::Silent
        } else {
            Health::Ok
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_request_decides() {
        let status = Status::default();
        let now = Timestamp::UNIX_EPOCH;
        let health = || status.known().health();
        assert_eq!(health(), Health::Silent);
        status.warming(true, Some("no answer".into()));
        assert_eq!(health(), Health::Warming);
        status.warming(false, None);
        status.refused("source_unauthenticated", "no token", now);
        assert_eq!(health(), Health::Failing);
        status.taken(&Receipt { accepted: 2, ..Receipt::default() }, now);
        assert_eq!(health(), Health::Ok);
        status.taken(&Receipt { quarantined: 1, ..Receipt::default() }, now);
        assert_eq!(health(), Health::Failing);
        let known = status.known();
        assert_eq!((known.counts.accepted, known.counts.quarantined, known.counts.refused), (2, 1, 1));
        assert_eq!(known.last_refusal.map(|refusal| refusal.code), Some("source_unauthenticated"));
    }
}
