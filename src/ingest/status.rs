use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;

use super::book::{Book, Counts};
use super::{Receipt, Source};
use crate::event::Timestamp;
use crate::limits::Seldom;
use crate::metrics::Metrics;
use crate::protocol::Code;

/// How a source is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Its last request was taken.
    Ok,
    /// Its last request was refused or could not be read, or its registry could not be listed. A request that did not
    /// prove to be its own is not its last one.
    Failing,
    /// Its registry's tags are being listed; until then it is closed.
    Warming,
    /// It has sent nothing since the gateway started.
    Silent,
}

/// The last request that was the source's own and was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastRefusal {
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
    /// Its name in the settings.
    pub name: String,
    /// Its kind's.
    pub kind: &'static str,
    /// What its registry is called; empty: as its payloads say.
    pub registry: String,
    /// Whose events it makes.
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
    pub last_refusal: Option<LastRefusal>,
    /// Why its registry's tags could not be listed.
    pub warm_error: Option<String>,
    /// Records of it in quarantine.
    pub quarantine: usize,
    /// Records of it that went from there for room or age since the gateway started.
    pub quarantine_dropped: u64,
}

/// A source, and how it has been doing since the gateway started.
pub(super) struct SourceStatus {
    pub(super) source: Arc<Source>,
    book: Book,
    // Held for a few assignments only.
    last: Mutex<Last>,
    /// Of lines that say that a request is not its own; anyone can cause them.
    lines: Seldom,
}

/// What came last, and whether the source is open.
#[derive(Default)]
struct Last {
    event: Option<Timestamp>,
    request: Option<Timestamp>,
    refusal: Option<LastRefusal>,
    went_wrong: bool,
    warming: bool,
    warm_error: Option<String>,
}

impl SourceStatus {
    pub(super) fn new(source: Source, metrics: Arc<Metrics>) -> Self {
        let book = Book::new(&source.settings.name, metrics);
        Self { source: Arc::new(source), book, last: Mutex::default(), lines: Seldom::minutely() }
    }

    /// Notes a request that was taken.
    pub(super) fn take(&self, receipt: &Receipt, now: Timestamp) {
        self.book.take(receipt);
        let mut last = self.last.lock();
        last.request = Some(now);
        last.went_wrong = receipt.quarantined > 0;
        if receipt.accepted > 0 {
            last.event = Some(now);
        }
    }

    /// Notes a request of its own that was not taken.
    pub(super) fn note_refusal(&self, code: Code, why: &str, now: Timestamp) {
        self.book.refuse(code);
        let mut last = self.last.lock();
        last.went_wrong = true;
        last.refusal = Some(LastRefusal { at: now.to_string(), code: code.as_str(), why: why.to_owned() });
    }

    /// Counts a refused request that anyone may have sent.
    pub(super) fn count_refusal(&self, code: Code) {
        self.book.refuse(code);
    }

    /// Says now and then why requests are not its own.
    pub(super) fn warn_of_strangers(&self, why: &str) {
        if let Some(left_out) = self.lines.turn() {
            let source = self.source.settings.name.as_str();
            tracing::warn!(left_out, source, why, "a source's request is not its own");
        }
    }

    /// Closes or opens the source, and notes why its registry could not be listed.
    pub(super) fn set_warming(&self, warming: bool, error: Option<String>) {
        let mut last = self.last.lock();
        last.warming = warming;
        last.warm_error = error;
    }

    pub(super) fn is_warming(&self) -> bool {
        self.last.lock().warming
    }

    pub(super) fn counts(&self) -> Counts {
        self.book.counts()
    }

    /// How it is doing; `quarantine`: records of it there.
    pub(super) fn report(&self, quarantine: usize) -> SourceReport {
        let (source, last) = (&self.source, self.last.lock());
        SourceReport {
            name: source.settings.name.clone(),
            kind: source.settings.kind.as_str(),
            registry: source.registry.clone(),
            cloud: source.tenant.cloud.clone(),
            folder: source.tenant.folder.clone(),
            health: last.health(),
            last_event: last.event.map(|at| at.to_string()),
            last_request: last.request.map(|at| at.to_string()),
            counts: self.book.counts(),
            last_refusal: last.refusal.clone(),
            warm_error: last.warm_error.clone(),
            quarantine,
            quarantine_dropped: self.book.dropped(),
        }
    }
}

impl Last {
    fn health(&self) -> Health {
        if self.warming {
            Health::Warming
        } else if self.went_wrong || self.warm_error.is_some() {
            Health::Failing
        } else if self.request.is_none() {
            Health::Silent
        } else {
            Health::Ok
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Rules;
    use crate::event::Tenant;
    use crate::ingest::OnMalformed;
    use crate::limits::Rate;
    use crate::source::{Kind, Settings};

    fn status() -> SourceStatus {
        let tenant = Tenant { cloud: "c".into(), folder: "f".into() };
        let settings = Settings::new(Kind::Quay, "quay");
        let (rules, malformed) = (Rules::default(), OnMalformed::default());
        let source = Source::new(settings, tenant, String::new(), rules, malformed, Rate::ONE);
        SourceStatus::new(source, Arc::default())
    }

    #[test]
    fn the_last_request_decides() {
        let (status, now) = (status(), Timestamp::UNIX_EPOCH);
        let health = || status.report(0).health;
        assert_eq!(health(), Health::Silent);
        status.set_warming(true, Some("no answer".into()));
        assert_eq!(health(), Health::Warming);
        status.set_warming(false, None);
        status.count_refusal(Code::SourceUnauthenticated);
        assert_eq!(health(), Health::Silent, "anyone may have sent that");
        status.note_refusal(Code::StorageLow, "no room on the disk", now);
        assert_eq!(health(), Health::Failing);
        status.take(&Receipt { accepted: 2, ..Receipt::default() }, now);
        assert_eq!(health(), Health::Ok);
        status.take(&Receipt { quarantined: 1, ..Receipt::default() }, now);
        assert_eq!(health(), Health::Failing);
        let SourceReport { counts, last_refusal, .. } = status.report(0);
        assert_eq!((counts.accepted, counts.quarantined, counts.refused), (2, 1, 2));
        let last = last_refusal.unwrap();
        assert_eq!((last.code, last.why.as_str()), ("storage_low", "no room on the disk"));
    }
}
