//! The one door in: a request is verified, read, made into events by the
//! catalog, written durably, and only then answered.
//!
//! Starts one thread, the writer, which ends after [`Ingest::stop`].

mod quarantine;
mod source_table;
mod writer;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use crate::event::{Timestamp, TraceContext};
use crate::log::{AppendError, EventLog};
use crate::metrics::{CodeLabel, Metrics, OutcomeLabel, ReasonLabel};
use crate::source::{self, Handshake, Item, Keys, Reading, Refused, Request, Unreadable};

pub use quarantine::QuarantineLimits;
pub use source_table::{OnMalformed, Source};
pub use writer::WriterOptions;
use writer::{Submission, SubmitError, Writer};

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

/// Why a request was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// No such source, or not its credentials: one answer for both.
    #[error("no such source, or wrong credentials")]
    Unauthenticated,
    /// The caller may not send there.
    #[error("this caller may not send to this source")]
    Forbidden,
    /// Neither POST nor a handshake's OPTIONS.
    #[error("notifications are sent by POST")]
    Method,
    /// Over the source's rate.
    #[error("over this source's rate")]
    RateLimited(Duration),
    /// The source is set to refuse what can't be read.
    #[error("{0}")]
    Malformed(Unreadable),
    /// Too much waits for the disk already.
    #[error("too much is waiting to be written")]
    Overloaded,
    /// The disk did not answer in time; the events may still become durable, and a repeat is recognised.
    #[error("not durable in time; send it again")]
    AckTimeout,
    /// The disk is full.
    #[error("no room on the disk")]
    StorageLow,
    /// The disk failed.
    #[error("storage failed")]
    StorageFailed,
    /// The gateway is stopping.
    #[error("the gateway is stopping")]
    ShuttingDown,
    /// A key that the check needs could not be fetched.
    #[error("a key that the check needs is not at hand")]
    AuthUnavailable,
}

/// The door; shared by all requests.
pub struct Ingest {
    sources: HashMap<String, Arc<Source>>,
    writer: Writer,
    ack_deadline: Duration,
    metrics: Arc<Metrics>,
}

impl Ingest {
    /// Loads what the log's tables hold and starts the writer.
    ///
    /// # Errors
    ///
    /// A text that says which table can't be read.
    pub fn start(
        sources: Vec<Source>,
        log: Arc<dyn EventLog>,
        options: WriterOptions,
        metrics: Arc<Metrics>,
    ) -> Result<Self, String> {
        let ack_deadline = options.ack_deadline;
        let writer = Writer::start(log, options, Arc::clone(&metrics))?;
        let sources = sources.into_iter().map(|s| (s.settings.name.clone(), Arc::new(s))).collect();
        Ok(Self { sources, writer, ack_deadline, metrics })
    }

    /// Says before the body is read whether a request may come in at all, as far as its head tells.
    ///
    /// # Errors
    ///
    /// [`Rejected`] for an unknown source, wrong credentials, address or method.
    pub fn admit(&self, source: &str, request: &Request<'_>) -> Result<(), Rejected> {
        let Some(source) = self.sources.get(source) else { return Err(Rejected::Unauthenticated) };
        source::admit(&source.settings, request).map_err(|refused| refusal(&refused))
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
        let Some(source) = self.sources.get(source) else { return Err(Rejected::Unauthenticated) };
        let verified = source::verify(&source.settings, request, &Keys::default(), now)
            .map_err(|refused| refusal(&refused))?;
        match source::read(&source.settings, &verified) {
            Reading::Answer(handshake) => Ok(Accepted::Handshake(handshake)),
            Reading::Confirm { .. } => Err(Rejected::AuthUnavailable),
            Reading::Unreadable(why) => {
                self.write(source, vec![Item::Unreadable(why)], request, body, now).await
            }
            Reading::Items(items) => self.write(source, items, request, body, now).await,
        }
    }

    async fn write(
        &self,
        source: &Arc<Source>,
        items: Vec<Item>,
        request: Request<'_>,
        body: &Bytes,
        now: Timestamp,
    ) -> Result<Accepted, Rejected> {
        let (mut told, mut unreadable, mut ignored) = (Vec::new(), Vec::new(), 0);
        for (index, item) in items.into_iter().enumerate() {
            match item {
                Item::Told(notification) => told.push(notification),
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
        let mut receipt = Receipt { ignored, ..Receipt::default() };
        if !told.is_empty() || !unreadable.is_empty() {
            let traceparent = request.headers.get("traceparent").and_then(|value| value.to_str().ok());
            let trace = TraceContext::continued(traceparent, rand::random());
            let source = Arc::clone(source);
            let submission = Submission { source, told, unreadable, body: body.clone(), trace, now };
            let written = self.submit(submission).await?;
            receipt = Receipt { ignored: written.ignored + ignored, ..written };
        }
        self.count(source, &receipt);
        Ok(Accepted::Receipt(receipt))
    }

    async fn submit(&self, submission: Submission) -> Result<Receipt, Rejected> {
        let reply = self.writer.submit(submission).map_err(|error| match error {
            SubmitError::Full => Rejected::Overloaded,
            SubmitError::Stopped => Rejected::ShuttingDown,
        })?;
        match tokio::time::timeout(self.ack_deadline, reply).await {
            Err(_) => Err(Rejected::AckTimeout),
            Ok(Err(_)) => Err(Rejected::ShuttingDown),
            Ok(Ok(Err(AppendError::NoSpace))) => Err(Rejected::StorageLow),
            Ok(Ok(Err(AppendError::Failed(_)))) => Err(Rejected::StorageFailed),
            Ok(Ok(Ok(receipt))) => Ok(receipt),
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

    /// Whether storage failed, so that the process should end and recover.
    pub fn failed(&self) -> tokio::sync::watch::Receiver<bool> {
        self.writer.failed()
    }

    /// Writes what waits, and ends the writer. Later requests are refused.
    pub async fn stop(&self) {
        self.writer.stop().await;
    }
}

fn refusal(refused: &Refused) -> Rejected {
    match refused {
        Refused::Unauthenticated(why) => {
            tracing::warn!(why, "a source's request is not its own");
            Rejected::Unauthenticated
        }
        Refused::Forbidden(_) => Rejected::Forbidden,
        Refused::Method => Rejected::Method,
        Refused::NeedsKey(_) => Rejected::AuthUnavailable,
    }
}
