use std::sync::atomic::Ordering;

use serde::Serialize;

use super::Connection;
use super::encoding::Encoding;
use crate::bus::Subscription;
use crate::delivery::batching;
use crate::log::Bounds;
use crate::protocol::Batching;

/// What an operator sees of one connection.
#[derive(Debug, Serialize)]
pub(crate) struct ConnectionReport {
    /// Its id, a number, as text.
    pub id: String,
    /// `websocket`, `sse` or `ndjson`.
    pub transport: &'static str,
    /// Address and port of the other end; no port where a proxy tells none; `unix` of a Unix socket.
    pub address: String,
    /// The name of the token's principal; none where nobody needs a token.
    pub identity: Option<String>,
    /// The one cloud that it may read; none: all.
    pub cloud_id: Option<String>,
    /// When it was opened.
    pub since: String,
    /// What was handed to it.
    pub sent: SentReport,
    /// What waits for it.
    pub queued: QueuedReport,
    /// What it asked for.
    pub subscriptions: Vec<SubscriptionReport>,
}

/// Batches, positions, gaps and notices.
#[derive(Debug, Serialize)]
pub(crate) struct SentReport {
    /// How many.
    pub frames: u64,
    /// Their bytes, framing included.
    pub bytes: u64,
}

/// What neither the other end nor the kernel has taken yet.
#[derive(Debug, Serialize)]
pub(crate) struct QueuedReport {
    /// Bytes.
    pub bytes: usize,
}

/// One subscription of a connection.
#[derive(Debug, Serialize)]
pub(crate) struct SubscriptionReport {
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its filter as it runs, the client's rights included.
    pub filter: String,
    /// The bounds of its window.
    pub batch: Batching,
    /// The form of its events.
    pub format: &'static str,
    /// Whether it follows the log's end; else it reads the log on its own.
    pub live: bool,
    /// Up to here it was looked through; of a live one the log's end.
    pub position: String,
}

impl Connection {
    /// What it is, has got, and waits for. `bounds`: of the log.
    pub(super) fn report(&self, bounds: Bounds) -> ConnectionReport {
        let principal = self.peer.principal.as_deref();
        ConnectionReport {
            id: self.id.to_string(),
            transport: self.peer.framing.as_str(),
            address: self.peer.address.to_string(),
            identity: principal.map(|principal| principal.name.clone()),
            cloud_id: principal.and_then(|principal| principal.cloud.clone()),
            since: self.since.to_string(),
            sent: SentReport {
                frames: self.sent.0.load(Ordering::Relaxed),
                bytes: self.sent.1.load(Ordering::Relaxed),
            },
            queued: QueuedReport { bytes: self.outbox.stalled().1 },
            subscriptions: self
                .subscriptions()
                .iter()
                .filter(|s| !s.ended())
                .map(|s| report(s, bounds))
                .collect(),
        }
    }
}

fn report(subscription: &Subscription, bounds: Bounds) -> SubscriptionReport {
    let spec = &subscription.spec;
    let replayed = subscription.replayed();
    SubscriptionReport {
        id: spec.id.clone(),
        filter: spec.filter.canonical().to_owned(),
        batch: batching(spec),
        format: Encoding::of(subscription.form).format.as_str(),
        live: replayed.is_none(),
        position: bounds.at(replayed.unwrap_or(bounds.newest)).to_string(),
    }
}
