use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::extract::Peer;
use super::gate::Sites;
use super::memory::{MemoryBudget, MemoryLimits, RequestMemory};
use super::{BasePath, Doors};
use crate::auth::Tokens;
use crate::bus::Bus;
use crate::delivery::connection::{Connections, Refusal, Ticket};
use crate::delivery::trigger::Triggers;
use crate::event::Timestamp;
use crate::filter;
use crate::ingest::Ingest;
use crate::limits::Guesses;
use crate::metrics::Metrics;

/// What the handlers work with.
pub(crate) struct App {
    /// The door in.
    pub ingest: Ingest,
    /// The door out.
    pub bus: Bus,
    pub triggers: Arc<Triggers>,
    pub connections: Arc<Connections>,
    /// Who may read.
    pub tokens: Tokens,
    /// What wrong tokens are taken from.
    pub guesses: Arc<Guesses>,
    /// How filters are read.
    pub filters: Arc<filter::Options>,
    /// Filters that were just read, by anyone.
    pub recent_filters: Arc<Mutex<filter::FilterCache>>,
    /// What it is called, and whose pages may read.
    pub sites: Sites,
    /// The way in for connections.
    pub doors: Arc<Doors>,
    /// What requests hold of it.
    pub memory: RequestMemory,
    pub metrics: Arc<Metrics>,
    pub limits: HttpLimits,
    /// What a proxy leaves in front of every path.
    pub base_path: BasePath,
    pub node: Node,
    /// Set while the gateway takes requests.
    pub ready: AtomicBool,
}

/// Bounds of requests.
#[derive(Clone, Debug)]
pub(crate) struct HttpLimits {
    /// Bytes of a notification's body.
    pub body: usize,
    /// Time for a whole body.
    pub body_time: Duration,
    /// Bytes of all bodies that come and are worked on.
    pub bodies: usize,
    /// Bytes of all answers that are made and sent.
    pub answers: usize,
    /// Time for the client to take a whole answer.
    pub answer_time: Duration,
    /// Time for a request's head, from the accept or its first byte.
    pub header_time: Duration,
    /// How long a connection is kept after an answer.
    pub idle_time: Duration,
    /// Bytes of a request's head.
    pub header_bytes: usize,
}

/// What a gateway says of itself, the same for as long as it runs.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The machine's name.
    pub name: String,
    pub started_at: Timestamp,
    /// The log's home: `disk` or `memory`.
    pub store: &'static str,
    /// Retention by age.
    pub max_age: Duration,
    /// Retention by size, in bytes.
    pub max_bytes: u64,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            body: 2 << 20,
            body_time: Duration::from_secs(10),
            bodies: 64 << 20,
            answers: 32 << 20,
            answer_time: Duration::from_mins(1),
            header_time: Duration::from_secs(5),
            idle_time: Duration::from_secs(150),
            header_bytes: 16 << 10,
        }
    }
}

impl HttpLimits {
    /// None of it is taken.
    pub(crate) fn memory(&self, metrics: &Metrics) -> RequestMemory {
        let [bodies, body, answers] = [self.bodies, self.body, self.answers].map(signed);
        // Of bodies, those that showed no secret yet have half, and one address an eighth; one body always fits.
        let (counted, share) = ((bodies / 2).max(body), (bodies / 8).max(body));
        let of_answers = MemoryLimits { most: answers, counted: answers, share: answers / 8 };
        RequestMemory {
            bodies: MemoryBudget::new(
                MemoryLimits { most: bodies, counted, share },
                metrics.body_bytes.clone(),
            ),
            answers: MemoryBudget::new(of_answers, metrics.answer_bytes.clone()),
        }
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

impl App {
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// A place for one connection more, unless there is none or too much is going on.
    pub(crate) fn admit(&self, peer: &Peer) -> Result<Ticket, Refusal> {
        if self.bus.load().sheds_connection(self.tokens.is_empty()) {
            return Err(Refusal::Overloaded);
        }
        self.connections.admit(peer.client())
    }
}
