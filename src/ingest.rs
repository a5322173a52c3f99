//! The one door in: a request is verified, read, made into events by the
//! catalog, written durably, and only then answered.
//!
//! Starts one thread, the writer, which ends after [`Ingest::stop`].

mod api;
mod key_cache;
mod look;
mod quarantine;
mod rejected;
mod replay;
mod source_table;
mod state;
mod status;
mod trial;
mod writer;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::event::{Timestamp, TraceContext};
use crate::log::{Home, LogHandle, Room, Table};
use crate::metrics::{CodeLabel, Metrics, OutcomeLabel, ReasonLabel};
use crate::outgoing::{Ask, Outgoing};
use crate::source::{self, Handshake, Item, Reading, Refused, Request, Verified};

pub(crate) use api::SourceApi;
use key_cache::KeyCache;
pub(crate) use look::LookError;
use quarantine::{BODIES, Kept, QUARANTINE, kept_headers};
pub(crate) use quarantine::{QuarantineId, QuarantineLimits, QuarantineRecord};
pub use rejected::Rejected;
pub(crate) use replay::{QuarantineError, Scope};
use source_table::SOURCES;
pub(crate) use source_table::{OnMalformed, Source};
pub(crate) use state::{CATALOG, REPEATS};
pub(crate) use status::SourceReport;
pub use trial::{Trial, Tried};
pub(crate) use writer::LoadError;
pub use writer::WriterOptions;
use writer::{Reply, Submission, SubmitError, Told, Writer};

/// The tables of what comes in.
pub const TABLES: [Table; 5] = [CATALOG, REPEATS, QUARANTINE, BODIES, SOURCES];

/// For the answer to a confirmation; SNS waits 15 s for ours.
const CONFIRM_TIME: Duration = Duration::from_secs(5);

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
    pub told: usize,
    /// Notifications, of those ignored, that changed nothing.
    #[serde(skip)]
    pub unchanged: usize,
}

/// The answer to a request that was taken.
#[derive(Debug)]
pub enum Accepted {
    /// Everything in it is dealt with durably.
    Receipt(Receipt),
    /// It was a question of the source's protocol.
    Handshake(Handshake),
}

/// The door; shared by all requests.
pub struct Ingest {
    sources: HashMap<String, Arc<Source>>,
    writer: Writer,
    ack_deadline: Duration,
    metrics: Arc<Metrics>,
    log: LogHandle,
    quarantined: quarantine::Counts,
    keys: KeyCache,
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
        let ack_deadline = options.ack_deadline;
        let counts = quarantine::Counts::default();
        let writer = Writer::start(Arc::clone(&home), options, Arc::clone(&metrics), Arc::clone(&counts))?;
        let sources: HashMap<_, _> =
            sources.into_iter().map(|s| (s.settings.name.clone(), Arc::new(s))).collect();
        for source in sources.values() {
            let Some(time) = source.api.as_ref().and_then(|api| api.warm) else { continue };
            // Once only: a tag that was pushed while we were away is told by its notification, not by the list.
            if home.row(SOURCES, source.settings.name.as_bytes())?.is_none() {
                source.status.warming(true, None);
                tokio::spawn(api::warm(Arc::clone(source), writer.clone(), time));
            }
        }
        let log = LogHandle::new(home);
        let keys = KeyCache::new(Arc::clone(&outgoing));
        let looks = Semaphore::new(look::AT_ONCE);
        Ok(Self { sources, writer, ack_deadline, metrics, log, quarantined: counts, keys, outgoing, looks })
    }

    /// Says before the body is read whether a request may come in at all, as far as its head tells.
    ///
    /// # Errors
    ///
    /// [`Rejected`] for an unknown source, wrong credentials, address or method.
    pub fn admit(&self, source: &str, request: &Request<'_>, now: Timestamp) -> Result<(), Rejected> {
        let source = self.source(source)?;
        source::admit(&source.settings, request).map_err(|refused| source.refuse(&refused, now))?;
        if self.log.room() == Room::None {
            return Err(Rejected::StorageLow);
        }
        if source.status.is_warming() { Err(Rejected::Warming) } else { Ok(()) }
    }

    /// Deals with one request to `source`, durably, before it returns.
    ///
    /// # Errors
    ///
    /// [`Rejected`]; nothing of the request was taken then, except perhaps after `AckTimeout`.
    pub async fn accept(
        &self,
        source: &str,
        request: Request<'_>,
        body: &Bytes,
        now: Timestamp,
    ) -> Result<Accepted, Rejected> {
        let source = self.source(source)?;
        let settings = &source.settings;
        let verified = self.verify(source, request, now).await?;
        let kept = Kept {
            headers: kept_headers(settings, request.headers),
            signed: verified.is_signed(),
            whole: false,
        };
        let traceparent = request.headers.get("traceparent").and_then(|value| value.to_str().ok());
        let about = About { body, kept, replays: None, traceparent, now };
        let done = match source::read(settings, &verified) {
            Reading::Answer(handshake) => return Ok(Accepted::Handshake(handshake)),
            Reading::Confirm { url } => self.confirm(url).await,
            Reading::Unreadable(why) => {
                let kept = Kept { whole: true, ..about.kept };
                self.write(source, vec![Item::Unreadable(why)], About { kept, ..about }).await
            }
            Reading::Items(items) => self.write(source, items, about).await,
        };
        match done {
            Ok(receipt) => {
                source.status.taken(&receipt, now);
                Ok(Accepted::Receipt(receipt))
            }
            Err(rejected) => {
                source.status.refused(rejected.code().as_str(), &rejected.to_string(), now);
                Err(rejected)
            }
        }
    }

    /// Checks who sent a request, and fetches the key that it takes, once.
    async fn verify<'a>(
        &self,
        source: &Source,
        request: Request<'a>,
        now: Timestamp,
    ) -> Result<Verified<'a>, Rejected> {
        let refused = match source::verify(&source.settings, request, &self.keys.at_hand(), now) {
            Err(Refused::NeedsKey(url)) => match self.keys.with(&url).await {
                None => Refused::NeedsKey(url),
                Some(keys) => match source::verify(&source.settings, request, &keys, now) {
                    Err(Refused::NeedsKey(_)) => Refused::Unauthenticated("signed with an unknown key"),
                    Err(refused) => refused,
                    Ok(verified) => return Ok(verified),
                },
            },
            Err(refused) => refused,
            Ok(verified) => return Ok(verified),
        };
        Err(source.refuse(&refused, now))
    }

    /// Asks what a confirmation names; its host was checked with its signature.
    async fn confirm(&self, url: String) -> Result<Receipt, Rejected> {
        let ask = Ask {
            method: http::Method::GET,
            url,
            headers: http::HeaderMap::new(),
            plain: false,
            max: 64 << 10,
            deadline: CONFIRM_TIME,
        };
        match self.outgoing.ask(ask).await {
            Ok(answer) if answer.status.is_success() => Ok(Receipt { ignored: 1, ..Receipt::default() }),
            Ok(answer) => {
                tracing::warn!(status = answer.status.as_u16(), "a subscription can't be confirmed");
                Err(Rejected::AuthUnavailable)
            }
            Err(error) => {
                tracing::warn!(%error, "a subscription can't be confirmed");
                Err(Rejected::AuthUnavailable)
            }
        }
    }

    fn source(&self, name: &str) -> Result<&Arc<Source>, Rejected> {
        self.sources.get(name).ok_or(Rejected::Unauthenticated)
    }

    async fn write(
        &self,
        source: &Arc<Source>,
        items: Vec<Item>,
        about: About<'_>,
    ) -> Result<Receipt, Rejected> {
        let (mut told, mut unreadable, mut ignored) = (Vec::new(), Vec::new(), 0);
        for (index, item) in items.into_iter().enumerate() {
            match item {
                Item::Told(told_now) => told.push(Told::new(index, told_now)),
                Item::Unreadable(why) => unreadable.push((index, why)),
                Item::Ignored(reason) => {
                    ignored += 1;
                    let source = source.settings.name.clone();
                    self.metrics.ignored.get_or_create(&ReasonLabel { source, reason }).inc();
                }
            }
        }
        if let (OnMalformed::Reject, Some((_, why))) = (source.on_malformed, unreadable.first()) {
            return Err(Rejected::Malformed(why.clone()));
        }
        source.spend(u32::try_from(told.len()).unwrap_or(u32::MAX)).map_err(Rejected::RateLimited)?;
        if let Some(api) = &source.api {
            api.resolve(&mut told).await;
        }
        let mut receipt = Receipt { ignored, ..Receipt::default() };
        if !told.is_empty() || !unreadable.is_empty() || about.replays.is_some() {
            let trace = TraceContext::continued(about.traceparent, rand::random());
            let written = self.submit(Submission {
                source: Arc::clone(source),
                told,
                unreadable,
                body: about.body.clone(),
                kept: about.kept,
                replays: about.replays,
                trace,
                now: about.now,
            });
            let written = written.await?;
            receipt = Receipt { ignored: written.ignored + ignored, ..written };
        }
        self.count(source, &receipt);
        Ok(receipt)
    }

    async fn submit(&self, submission: Submission) -> Result<Receipt, Rejected> {
        let reply = self.writer.submit(submission).map_err(|error| match error {
            SubmitError::Full => Rejected::Overloaded,
            SubmitError::Stopped => Rejected::ShuttingDown,
        })?;
        self.durable(reply).await
    }

    /// Waits for the writer, not for ever.
    async fn durable<T>(&self, reply: Reply<T>) -> Result<T, Rejected> {
        match tokio::time::timeout(self.ack_deadline, reply).await {
            Err(_) => Err(Rejected::AckTimeout),
            Ok(Err(_)) => Err(Rejected::ShuttingDown),
            Ok(Ok(written)) => Ok(written?),
        }
    }

    fn count(&self, source: &Source, receipt: &Receipt) {
        let outcomes = [
            ("accepted", receipt.told),
            ("duplicate", receipt.duplicates),
            ("ignored", receipt.ignored),
            ("quarantined", receipt.quarantined),
        ];
        if receipt.unchanged > 0 {
            let label = ReasonLabel { source: source.settings.name.clone(), reason: "unchanged" };
            self.metrics.ignored.get_or_create(&label).inc_by(receipt.unchanged as u64);
        }
        for (outcome, count) in outcomes.into_iter().filter(|(_, count)| *count > 0) {
            let label = OutcomeLabel { source: source.settings.name.clone(), outcome };
            self.metrics.notifications.get_or_create(&label).inc_by(count as u64);
        }
    }

    /// Counts a refusal.
    pub fn refused(&self, code: &'static str) {
        self.metrics.refused.get_or_create(&CodeLabel { code }).inc();
    }

    /// Notes a refusal in the source's own book, where no body came that could be dealt with.
    pub fn refused_by(&self, source: &str, code: &'static str, why: &str, now: Timestamp) {
        if let Some(source) = self.sources.get(source) {
            source.status.refused(code, why, now);
        }
    }

    /// Notifications since the start, by outcome, those of all sources together.
    pub fn notifications(&self) -> BTreeMap<&'static str, u64> {
        let all = ["accepted", "duplicate", "ignored", "quarantined"].map(|outcome| {
            let of = |source: &Arc<Source>| {
                let label = OutcomeLabel { source: source.settings.name.clone(), outcome };
                self.metrics.notifications.get(&label).map_or(0, |count| count.get())
            };
            (outcome, self.sources.values().map(of).sum())
        });
        all.into()
    }

    /// How every source is doing, by name; those of one cloud only where one is named.
    pub fn sources(&self, cloud: Option<&str>) -> Vec<SourceReport> {
        let counts = self.quarantined.lock().clone();
        let seen = self.sources.values().filter(|s| cloud.is_none_or(|cloud| cloud == s.tenant.cloud));
        let mut reports: Vec<_> = seen
            .map(|source| {
                let quarantine = counts.get(source.settings.name.as_str()).copied().unwrap_or(0);
                source.report(quarantine)
            })
            .collect();
        reports.sort_by(|one, other| one.name.cmp(&other.name));
        reports
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
    kept: Kept,
    /// The record that it is read from anew.
    replays: Option<(QuarantineId, QuarantineRecord)>,
    traceparent: Option<&'a str>,
    now: Timestamp,
}
