//! The one door in: a request is verified, read, made into events by the
//! catalog, written durably, and only then answered.
//!
//! Starts one thread, the writer, which ends after [`Ingest::stop`].

mod book;
mod door;
mod interpreter;
mod key_cache;
mod quarantine;
mod quarantine_admin;
mod refusal;
mod registries;
mod registry_api;
mod sender;
mod status;
mod trial;
mod writer;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::event::{Timestamp, TraceContext, Via};
use crate::limits::{Guesses, seldom};
use crate::log::{Home, LogHandle, Table};
use crate::metrics::Metrics;
use crate::outgoing::{Ask, Outgoing, OutgoingError};
use crate::source::{self, Handshake, Item, Keys, Reading, Request, Settings};
use crate::vital::Vital;

use book::Counts;
pub(crate) use door::Admitted;
pub(crate) use interpreter::{CATALOG, REPEATS};
use key_cache::KeyCache;
use quarantine::{BODIES, QUARANTINE, RequestHead, kept_headers};
pub(crate) use quarantine::{QuarantineId, QuarantineRecord};
pub(crate) use quarantine_admin::{QuarantineError, Scope};
pub use refusal::Refusal;
pub(crate) use registries::CatalogError;
pub(crate) use registry_api::SourceApi;
use sender::SOURCES;
pub(crate) use sender::{OnMalformed, Source};
pub(crate) use status::SourceReport;
use status::SourceStatus;
pub use trial::{Trial, TrialReport};
pub(crate) use writer::LoadError;
pub use writer::WriterOptions;
use writer::{Part, Reply, Submission, SubmitError, WriterHandle};

/// The tables of what comes in.
pub const TABLES: [Table; 5] = [CATALOG, REPEATS, QUARANTINE, BODIES, SOURCES];

/// For the answer to a confirmation; SNS waits 15 s for ours.
const CONFIRM_TIME: Duration = Duration::from_secs(5);
const CONFIRM_DEADLINE: Duration = Duration::from_secs(20);

/// What a request became, durably.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// Events made.
    pub accepted: usize,
    /// Notifications that were seen before.
    pub duplicates: usize,
    /// Notifications that are no event.
    pub ignored: usize,
    /// Notifications that could not be read and are kept aside.
    pub quarantined: usize,
    /// The ids of the events made.
    pub events: Vec<String>,
    /// Notifications that made them.
    #[serde(skip)]
    pub notifications: usize,
    /// For each that is ignored the reason, from a closed list.
    #[serde(skip)]
    pub reasons: Vec<&'static str>,
}

impl Receipt {
    /// Adds a notification that is no event.
    fn ignore(&mut self, reason: &'static str) {
        self.ignored += 1;
        self.reasons.push(reason);
    }
}

/// The answer to a request that was taken.
#[derive(Debug)]
pub enum SourceAnswer {
    /// Everything in it is dealt with durably.
    Receipt(Receipt),
    /// It was a question of the source's protocol.
    Handshake(Handshake),
}

/// The door; shared by all requests.
pub struct Ingest {
    sources: HashMap<String, Arc<SourceStatus>>,
    writer: WriterHandle,
    ack_deadline: Duration,
    metrics: Arc<Metrics>,
    log: LogHandle,
    quarantined: quarantine::Counts,
    keys: KeyCache,
    no_keys: Keys,
    /// What who asks for no source is measured by.
    nobody: Settings,
    guesses: Arc<Guesses>,
    outgoing: Arc<Outgoing>,
    /// Turns to look at the catalog.
    looks: Semaphore,
}

impl Ingest {
    /// Loads what the log's tables hold and starts the writer.
    ///
    /// # Errors
    ///
    /// [`LoadError`]
    pub fn start(
        sources: Vec<Source>,
        home: Arc<dyn Home>,
        options: WriterOptions,
        metrics: Arc<Metrics>,
        outgoing: Arc<Outgoing>,
    ) -> Result<Self, LoadError> {
        let (ack_deadline, guesses) = (options.ack_deadline, Arc::clone(&options.guesses));
        let counts = quarantine::Counts::default();
        let writer =
            WriterHandle::start(Arc::clone(&home), options, Arc::clone(&metrics), Arc::clone(&counts))?;
        let sources = sources.into_iter().map(|source| {
            let name = source.settings.name.clone();
            (name, Arc::new(SourceStatus::new(source, Arc::clone(&metrics))))
        });
        let sources: HashMap<_, _> = sources.collect();
        for status in sources.values() {
            let source = &status.source;
            let Some(time) = source.api.as_ref().and_then(|api| api.warm) else { continue };
            // Once only: a tag that was pushed while we were away is told by its notification, not by the list.
            if home.row(SOURCES, source.settings.name.as_bytes())?.is_none() {
                status.set_warming(true, None);
                tokio::spawn(registry_api::warm(Arc::clone(status), writer.clone(), time));
            }
        }
        let log = LogHandle::new(home);
        let keys = KeyCache::new(Arc::clone(&outgoing));
        Ok(Self {
            sources,
            writer,
            ack_deadline,
            metrics,
            log,
            quarantined: counts,
            keys,
            no_keys: Keys::default(),
            nobody: door::nobody(),
            guesses,
            outgoing,
            looks: Semaphore::new(registries::AT_ONCE),
        })
    }

    /// Deals with one request to `source`, durably, before it returns.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; nothing of the request was taken then, except perhaps after `AckTimeout`.
    pub async fn accept(
        &self,
        source: &str,
        request: Request<'_>,
        body: &Bytes,
        now: Timestamp,
    ) -> Result<SourceAnswer, Refusal> {
        let admitted = self.admit(source, &request, now).await?;
        self.take(admitted, request, body, now).await
    }

    /// The same with one whose head was let in.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; nothing of the request was taken then, except perhaps after `AckTimeout`.
    pub async fn take(
        &self,
        mut admitted: Admitted,
        request: Request<'_>,
        body: &Bytes,
        now: Timestamp,
    ) -> Result<SourceAnswer, Refusal> {
        let verified = self.verify(&mut admitted, request, now).await?;
        let status = &admitted.status;
        let (source, settings) = (&status.source, &status.source.settings);
        let kept = RequestHead {
            headers: kept_headers(settings, request.headers),
            signed: verified.is_signed(),
            whole: false,
        };
        let traceparent = request.headers.get("traceparent").and_then(|value| value.to_str().ok());
        let about = About { body, kept, replays: None, traceparent, via: via(request.headers), now };
        let done = match source::read(settings, &verified) {
            Reading::Answer(handshake) => return Ok(SourceAnswer::Handshake(handshake)),
            Reading::Confirm { url } => self.confirm(url).await,
            Reading::Unreadable(why) => {
                let kept = RequestHead { whole: true, ..about.kept };
                self.write(source, vec![Item::Unreadable(why)], About { kept, ..about }).await
            }
            Reading::Items(items) => match source.spend_rest(items.len()) {
                Ok(()) => self.write(source, items, about).await,
                Err(wait) => Err(Refusal::RateLimited(wait)),
            },
        };
        match done {
            Ok(receipt) => {
                status.take(&receipt, now);
                Ok(SourceAnswer::Receipt(receipt))
            }
            Err(refusal) => Err(admitted.refuse(refusal, now)),
        }
    }

    /// Asks what a confirmation names; its host was checked with its signature.
    async fn confirm(&self, url: String) -> Result<Receipt, Refusal> {
        let ask = Ask {
            method: http::Method::GET,
            url,
            headers: http::HeaderMap::new(),
            plain: false,
            max: 64 << 10,
            deadline: CONFIRM_DEADLINE,
        };
        let outgoing = Arc::clone(&self.outgoing);
        // What takes longer goes on, and has confirmed by the time that the sender asks again.
        let asked = tokio::spawn(async move { outgoing.ask(ask).await });
        let answered = tokio::time::timeout(CONFIRM_TIME, asked).await;
        match answered.ok().and_then(Result::ok).unwrap_or(Err(OutgoingError::Late)) {
            Ok(answer) if answer.status.is_success() => {
                let mut receipt = Receipt::default();
                receipt.ignore("confirmation");
                Ok(receipt)
            }
            Ok(answer) => {
                seldom!(warn, status = answer.status.as_u16(), "a subscription can't be confirmed");
                Err(Refusal::AuthUnavailable)
            }
            Err(error) => {
                seldom!(warn, %error, "a subscription can't be confirmed");
                Err(Refusal::AuthUnavailable)
            }
        }
    }

    async fn write(
        &self,
        source: &Arc<Source>,
        items: Vec<Item>,
        about: About<'_>,
    ) -> Result<Receipt, Refusal> {
        let (mut told, mut unreadable, mut ignored) = (Vec::new(), Vec::new(), Vec::new());
        for (index, item) in items.into_iter().enumerate() {
            match item {
                Item::Told(mut told_now) => match self.way(&mut told_now.via, &about.via) {
                    None => told.push(Part::new(index, told_now)),
                    Some(reason) => ignored.push(reason),
                },
                Item::Unreadable(why) => unreadable.push((index, why)),
                Item::Ignored(reason) => ignored.push(reason),
            }
        }
        if let (OnMalformed::Reject, Some((_, why))) = (source.on_malformed, unreadable.first()) {
            return Err(Refusal::Malformed(why.clone()));
        }
        if let Some(api) = &source.api {
            api.resolve(&mut told).await;
        }
        let mut receipt = Receipt::default();
        if !told.is_empty() || !unreadable.is_empty() || about.replays.is_some() {
            let trace = TraceContext::continued(about.traceparent, rand::random());
            let submission = Submission {
                source: Arc::clone(source),
                told,
                unreadable,
                body: about.body.clone(),
                kept: about.kept,
                replays: about.replays,
                trace,
                now: about.now,
            };
            receipt = self.submit(submission).await?;
        }
        for reason in ignored {
            receipt.ignore(reason);
        }
        Ok(receipt)
    }

    /// Joins the ways of a notification and of its request; says why it goes no further.
    fn way(&self, way: &mut Via, request: &Via) -> Option<&'static str> {
        if way.is_empty() && request.is_empty() {
            return None;
        }
        way.join(request);
        let reason = if way.contains(self.log.bounds().epoch) { "loop" } else { "too_many_hops" };
        if reason != "loop" && !way.is_too_long() {
            return None;
        }
        seldom!(
            warn,
            reason,
            "events went round: a trigger's target is a source that its own events come from"
        );
        Some(reason)
    }

    async fn submit(&self, submission: Submission) -> Result<Receipt, Refusal> {
        let reply = self.writer.submit(submission).map_err(|error| match error {
            SubmitError::Full => Refusal::Overloaded,
            SubmitError::Stopped => Refusal::ShuttingDown,
        })?;
        self.durable(reply).await
    }

    /// Waits for the writer, not for ever.
    async fn durable<T>(&self, reply: Reply<T>) -> Result<T, Refusal> {
        match tokio::time::timeout(self.ack_deadline, reply).await {
            Err(_) => Err(Refusal::AckTimeout),
            Ok(Err(_)) => Err(Refusal::ShuttingDown),
            Ok(Ok(written)) => Ok(written?),
        }
    }

    /// Notifications since the start, by outcome, those of all sources together.
    pub(crate) fn notifications(&self) -> BTreeMap<&'static str, u64> {
        let counts: Vec<_> = self.sources.values().map(|status| status.counts()).collect();
        let sum = |of: fn(&Counts) -> u64| counts.iter().map(of).sum();
        BTreeMap::from([
            ("accepted", sum(|counts| counts.notifications)),
            ("duplicate", sum(|counts| counts.duplicates)),
            ("ignored", sum(|counts| counts.ignored)),
            ("quarantined", sum(|counts| counts.quarantined)),
        ])
    }

    /// How every source is doing, by name; those of one cloud only where one is named.
    pub fn sources(&self, cloud: Option<&str>) -> Vec<SourceReport> {
        let quarantined = self.quarantined.lock().clone();
        let of_cloud =
            |status: &&Arc<SourceStatus>| cloud.is_none_or(|cloud| cloud == status.source.tenant.cloud);
        let mut reports: Vec<_> = self
            .sources
            .iter()
            .filter(|(_, status)| of_cloud(status))
            .map(|(name, status)| status.report(quarantined.get(name.as_str()).copied().unwrap_or(0)))
            .collect();
        reports.sort_by(|one, other| one.name.cmp(&other.name));
        reports
    }

    /// Whether anyone who reaches this source may send to it.
    pub(crate) fn asks_for_nothing(&self, source: &str) -> bool {
        self.sources.get(source).is_some_and(|status| status.source.settings.asks_for_nothing())
    }

    /// What it lives for.
    pub(crate) fn vitals(&self) -> Vec<Vital> {
        self.writer.vitals()
    }

    /// Whether storage failed, so that the process should end and recover.
    pub fn failed(&self) -> tokio::sync::watch::Receiver<bool> {
        self.writer.failed()
    }

    /// Writes what waits, and ends the writer. Later requests are refused.
    pub async fn stop(&self) {
        self.writer.stop().await;
    }
}

/// What a request is, beside its notifications.
struct About<'a> {
    body: &'a Bytes,
    kept: RequestHead,
    /// The record that it is read from anew.
    replays: Option<(QuarantineId, QuarantineRecord)>,
    traceparent: Option<&'a str>,
    /// The gateways that all of it passed through.
    via: Via,
    now: Timestamp,
}

/// The gateways that a delivery of another one passed through, as it says itself.
fn via(headers: &HeaderMap) -> Via {
    let lines = headers.get_all("tagcast-via").iter().filter_map(|line| line.to_str().ok());
    Via::of_names(lines.flat_map(|line| line.split(',')).map(str::trim))
}
