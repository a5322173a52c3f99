mod place;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use tokio::sync::OwnedSemaphorePermit;

use super::frame_memory::FrameMemory;
use super::outbox::Outbox;
use super::{Connection, ConnectionLimits, Peer};
use crate::bus::Bus;
use crate::limits::{AddressBudgets, Returns, customer};
use crate::metrics::{CodeLabel, Gauge, Metrics, TransportLabel};
use crate::protocol::{Close, Framing};
use crate::transport::Stream;
use crate::trigger::{Feed, QualifiedName};
use crate::vital::Vital;

pub(super) use place::Place;
use place::Places;

/// How often heartbeats and stalls are looked at.
const SWEEP: Duration = Duration::from_secs(1);

/// All open connections, and who may open another.
pub(crate) struct Connections {
    limits: Arc<ConnectionLimits>,
    metrics: Arc<Metrics>,
    memory: FrameMemory,
    open: DashMap<u64, Arc<Connection>>,
    /// Admitted, whether open yet or not.
    admitted: AtomicUsize,
    places: Arc<Places>,
    handshakes: AddressBudgets,
    returns: Returns,
    next_id: AtomicU64,
    closing: AtomicBool,
    sweep: Vital,
}

/// Why a handshake is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The gateway holds as many as it may.
    Overloaded,
    /// This address holds as many as it may.
    TooManyFromAddress,
    /// This address opens them too fast; how long to wait.
    TooFast(Duration),
    /// The gateway is stopping.
    ShuttingDown,
}

/// The right to one connection; dropping it gives the right back.
pub(crate) struct Ticket {
    connections: Arc<Connections>,
    /// Of those that its address may have.
    place: Option<Arc<Place>>,
    /// The right to the descriptor of its socket.
    descriptor: Option<OwnedSemaphorePermit>,
}

impl Connections {
    /// None at first. Starts their sweep, which ends with them.
    pub(crate) fn start(limits: ConnectionLimits, bus: Bus, metrics: Arc<Metrics>) -> Arc<Self> {
        let handshakes = AddressBudgets::new(limits.handshakes);
        let before = u32::try_from(limits.per_address).unwrap_or(u32::MAX);
        let (sweep, pulse) = Vital::new("the sweep of connections");
        let connections = Arc::new(Self {
            memory: FrameMemory::new(limits.outboxes, metrics.outbox_bytes.clone()),
            limits: Arc::new(limits),
            metrics,
            open: DashMap::new(),
            admitted: AtomicUsize::new(0),
            places: Arc::default(),
            handshakes,
            returns: Returns::new(before, Instant::now()),
            next_id: AtomicU64::new(1),
            closing: AtomicBool::new(false),
            sweep,
        });
        pulse.spawn(look_after(Arc::downgrade(&connections), bus));
        connections
    }

    /// What it lives for.
    pub(crate) fn vitals(&self) -> Vec<Vital> {
        vec![self.sweep.clone()]
    }

    /// How many there are of one kind.
    pub(super) fn gauge(&self, framing: Framing) -> Gauge {
        self.metrics.connections.get_or_create(&TransportLabel { transport: framing.as_str() }).clone()
    }

    pub(super) fn connection(&self, id: u64) -> Option<Arc<Connection>> {
        self.open.get(&id).map(|found| Arc::clone(&found))
    }

    /// Shows every open connection, in no order that means anything.
    pub(super) fn each(&self, mut see: impl FnMut(&Arc<Connection>)) {
        for connection in &self.open {
            see(&connection);
        }
    }

    /// The bounds it was made with.
    pub(crate) fn limits(&self) -> &ConnectionLimits {
        &self.limits
    }

    /// Lets a handshake from `peer` in, or says why not.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; nothing was counted then.
    pub(crate) fn admit(self: &Arc<Self>, peer: IpAddr) -> Result<Ticket, Refusal> {
        if self.closing.load(Ordering::Acquire) {
            return Err(Refusal::ShuttingDown);
        }
        let address = (!peer.to_canonical().is_loopback()).then(|| customer(peer));
        let place = address.map(|address| self.place(address)).transpose()?;
        let ticket = Ticket { connections: Arc::clone(self), place, descriptor: None };
        // From here on, dropping the ticket gives back what was counted.
        if self.admitted.fetch_add(1, Ordering::Relaxed) >= self.limits.total {
            return Err(Refusal::Overloaded);
        }
        Ok(ticket)
    }

    fn place(&self, address: IpAddr) -> Result<Arc<Place>, Refusal> {
        let is_back = self.returns.take(address, Instant::now());
        if !is_back {
            self.handshakes.take(address).map_err(Refusal::TooFast)?;
        }
        Place::take(&self.places, address, self.limits.per_address).ok_or(Refusal::TooManyFromAddress)
    }

    /// Notes that a client of this address was sent away, and may come back.
    pub(super) fn note_return(&self, address: IpAddr) {
        self.returns.note(address, Instant::now());
    }

    /// Asks those who listen to a feed that is no longer what it was to come back: they resume where they are.
    pub(crate) fn renew_feeds(&self, feeds: &BTreeMap<QualifiedName, Feed>) {
        self.each(|connection| {
            if let Some(feed) = &connection.peer.feed
                && feeds.get(&feed.id()) != Some(&**feed)
            {
                connection.close(Close::FeedChanged);
            }
        });
    }

    /// Ends every connection with `close` and lets no more in; returns when all are gone or `deadline`
    /// is over; who is still there then is cut off.
    pub(crate) async fn close_all(&self, close: Close, deadline: Duration) {
        self.closing.store(true, Ordering::Release);
        for connection in &self.open {
            connection.close(close);
        }
        let gone = async {
            while !self.open.is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(deadline, gone).await.is_err() {
            self.each(|connection| connection.cut());
        }
    }

    /// Takes one out that has ended.
    pub(super) fn forget(&self, connection: &Connection) {
        if self.open.remove(&connection.id).is_some() {
            self.gauge(connection.peer.framing).dec();
        }
    }

    /// Counts one that was closed.
    pub(super) fn count(&self, close: Close) {
        self.metrics.closed.get_or_create(&CodeLabel { code: close.reason() }).inc();
    }

    /// Counts a frame that was compressed for one client alone.
    pub(super) fn count_deflated(&self) {
        self.metrics.deflated.inc();
    }
}

impl Ticket {
    /// Keeps the right to the descriptor of the connection's socket, for as long as that is there.
    pub(crate) fn keep(&mut self, descriptor: Option<OwnedSemaphorePermit>) {
        self.descriptor = descriptor;
    }

    /// A connection of its own, open from now on; `socket`: where it is a WebSocket.
    pub(super) fn open(&self, socket: Option<Stream>, peer: Peer) -> Arc<Connection> {
        let Connections { limits, memory, next_id, open, closing, .. } = &*self.connections;
        // Ten percent each way, so that those who came together do not all come back together.
        let lifetime = limits.lifetime.mul_f64(0.9 + 0.2 * rand::random::<f64>());
        let id = next_id.fetch_add(1, Ordering::Relaxed);
        let outbox = Outbox::new(socket, Arc::clone(limits), memory.clone());
        let connection =
            Arc::new(Connection::new(id, &self.connections, outbox, peer, self.place.clone(), lifetime));
        open.insert(id, Arc::clone(&connection));
        self.connections.gauge(connection.peer.framing).inc();
        if closing.load(Ordering::Acquire) {
            connection.close(Close::ShuttingDown);
        }
        connection
    }

    pub(super) fn limits(&self) -> &Arc<ConnectionLimits> {
        &self.connections.limits
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.connections.admitted.fetch_sub(1, Ordering::Relaxed);
        if let Some(place) = &self.place {
            place.leave();
        }
    }
}

/// Looks at every connection once a second, for as long as there are any to come.
async fn look_after(connections: Weak<Connections>, bus: Bus) {
    let mut every = tokio::time::interval(SWEEP);
    loop {
        every.tick().await;
        let Some(connections) = connections.upgrade() else { return };
        let mut silent = Vec::new();
        for connection in &connections.open {
            connection.check(&connections.limits);
            silent.extend(connection.reminder());
        }
        bus.remind(&silent);
        connections.handshakes.tidy();
        connections.returns.tidy(Instant::now());
    }
}
