use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use super::ConnectionLimits;
use super::outbox::Outbox;
use crate::auth::Principal;
use crate::bus::{Offer, Subscriber, Subscription};
use crate::event::Timestamp;
use crate::limits::{AddressBudgets, customer};
use crate::metrics::{CodeLabel, Gauge, Metrics, TransportLabel};
use crate::protocol::{Close, Framing, ServerMessage, SharedFrames};
use crate::trigger::Feed;

/// How often heartbeats and stalls are looked at.
const SWEEP: Duration = Duration::from_secs(1);

/// All open connections, and who may open another.
pub(crate) struct Connections {
    limits: Arc<ConnectionLimits>,
    metrics: Arc<Metrics>,
    open: DashMap<u64, Arc<Connection>>,
    /// Admitted, whether open yet or not.
    admitted: AtomicUsize,
    by_address: DashMap<IpAddr, usize>,
    handshakes: AddressBudgets,
    next_id: AtomicU64,
    closing: AtomicBool,
}

/// Why a handshake is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The gateway holds as many as it may.
    Overloaded,
    /// This address holds as many as it may.
    TooManyFromAddress,
    /// This address opens them too fast; how long to wait.
    TooFast(Duration),
    /// The gateway is stopping.
    ShuttingDown,
}

/// The right to one connection; dropping it gives the place back.
pub(crate) struct Ticket {
    table: Arc<Connections>,
    /// Whose count it is on.
    address: Option<IpAddr>,
}

/// Who is at the other end, and how it is spoken to.
pub(super) struct Who {
    pub(super) address: SocketAddr,
    /// Whose token it showed.
    pub(super) principal: Option<Arc<Principal>>,
    pub(super) framing: Framing,
    /// Whether it takes compressed frames.
    pub(super) deflate: bool,
    /// The feed that it listens to.
    pub(super) feed: Option<Arc<Feed>>,
    /// Ends the TCP connection under an HTTP stream, which may be stuck in a write.
    pub(super) cut: Option<Arc<Notify>>,
}

/// One open connection, as the table and the bus see it.
pub(super) struct Connection {
    pub(super) id: u64,
    table: Weak<Connections>,
    pub(super) outbox: Outbox,
    pub(super) who: Who,
    pub(super) since: Timestamp,
    /// Frames and bytes that the bus handed to it.
    pub(super) sent: (AtomicU64, AtomicU64),
    /// What its client asked for. They hold the connection too: whoever ends it takes them out.
    subscriptions: Mutex<Vec<Arc<Subscription>>>,
    /// Milliseconds after it was opened: when it is to end, when the peer was last heard, and when it was last pinged.
    end: u64,
    heard: AtomicU64,
    pinged: AtomicU64,
}

impl Connections {
    /// An empty table. Starts its sweep, which ends with the table.
    pub(crate) fn start(limits: ConnectionLimits, metrics: Arc<Metrics>) -> Arc<Self> {
        let handshakes = AddressBudgets::new(limits.handshakes);
        let table = Arc::new(Self {
            limits: Arc::new(limits),
            metrics,
            open: DashMap::new(),
            admitted: AtomicUsize::new(0),
            by_address: DashMap::new(),
            handshakes,
            next_id: AtomicU64::new(1),
            closing: AtomicBool::new(false),
        });
        tokio::spawn(sweep(Arc::downgrade(&table)));
        table
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
    /// [`Refused`]; nothing was counted then.
    pub(crate) fn admit(self: &Arc<Self>, peer: IpAddr) -> Result<Ticket, Refused> {
        if self.closing.load(Ordering::Acquire) {
            return Err(Refused::ShuttingDown);
        }
        let address = (!peer.to_canonical().is_loopback()).then(|| customer(peer));
        if let Some(address) = address {
            self.handshakes.take(address).map_err(Refused::TooFast)?;
            let mut count = self.by_address.entry(address).or_insert(0);
            if *count >= self.limits.per_address {
                return Err(Refused::TooManyFromAddress);
            }
            *count += 1;
        }
        let ticket = Ticket { table: Arc::clone(self), address };
        // From here on, dropping the ticket gives back what was counted.
        if self.admitted.fetch_add(1, Ordering::Relaxed) >= self.limits.total {
            return Err(Refused::Overloaded);
        }
        Ok(ticket)
    }

    /// Asks those who listen to a feed that is no longer what it was to come back: they resume where they are.
    pub(crate) fn renew_feeds(&self, feeds: &BTreeMap<String, Feed>) {
        self.each(|connection| {
            if let Some(feed) = &connection.who.feed
                && feeds.get(&feed.name) != Some(&**feed)
            {
                connection.close(Close::FeedChanged);
            }
        });
    }

    /// Ends every connection with `close` and lets no more in; returns when all are gone or `deadline`
    /// is over.
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
        let _ = tokio::time::timeout(deadline, gone).await;
    }
}

impl Ticket {
    /// Puts the connection into the table.
    pub(super) fn open(&self, outbox: Outbox, who: Who) -> Arc<Connection> {
        let table = &self.table;
        // Ten percent each way, so that those who came together do not all come back together.
        let lifetime = table.limits.lifetime.mul_f64(0.9 + 0.2 * rand::random::<f64>());
        let connection = Arc::new(Connection {
            id: table.next_id.fetch_add(1, Ordering::Relaxed),
            table: Arc::downgrade(table),
            outbox,
            who,
            since: Timestamp::now(),
            sent: (AtomicU64::new(0), AtomicU64::new(0)),
            subscriptions: Mutex::default(),
            end: millis(lifetime),
            heard: AtomicU64::new(0),
            pinged: AtomicU64::new(0),
        });
        table.open.insert(connection.id, Arc::clone(&connection));
        table.gauge(connection.who.framing).inc();
        if table.closing.load(Ordering::Acquire) {
            connection.close(Close::ShuttingDown);
        }
        connection
    }

    pub(super) fn limits(&self) -> &Arc<ConnectionLimits> {
        &self.table.limits
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.table.admitted.fetch_sub(1, Ordering::Relaxed);
        if let Some(address) = self.address {
            self.table.by_address.remove_if_mut(&address, |_, count| {
                *count -= 1;
                *count == 0
            });
        }
    }
}

impl Connection {
    /// Ends the connection with a reason, once what waits is sent.
    pub(super) fn close(&self, close: Close) {
        if self.outbox.end(Some(self.who.framing.close(close))) {
            self.count(close);
        }
    }

    /// Queues an answer.
    pub(super) fn tell(&self, message: &ServerMessage<'_>) {
        if let Some(frame) = self.who.framing.message(message) {
            self.outbox.push(frame);
        }
    }

    /// Its subscriptions.
    pub(super) fn subscriptions(&self) -> MutexGuard<'_, Vec<Arc<Subscription>>> {
        self.subscriptions.lock()
    }

    fn count(&self, close: Close) {
        if let Some(table) = self.table.upgrade() {
            table.metrics.closed.get_or_create(&CodeLabel { code: close.reason() }).inc();
        }
    }

    /// A frame as this client takes it.
    pub(super) fn form<'a>(&self, frame: &'a SharedFrames) -> &'a Bytes {
        if !self.who.deflate {
            return frame.plain();
        }
        frame.deflated(|| {
            if let Some(table) = self.table.upgrade() {
                table.metrics.deflated.inc();
            }
        })
    }

    /// Notes that the peer sent something.
    pub(super) fn hear(&self) {
        self.heard.store(self.age(), Ordering::Relaxed);
    }

    /// Takes the connection out of the table.
    pub(super) fn leave(&self) {
        if let Some(table) = self.table.upgrade()
            && table.open.remove(&self.id).is_some()
        {
            table.gauge(self.who.framing).dec();
        }
    }

    fn age(&self) -> u64 {
        millis(self.outbox.started.elapsed())
    }

    /// Pings a silent peer, and ends a connection whose peer is gone, stuck, or has been here long.
    fn check(&self, limits: &ConnectionLimits) {
        let age = Duration::from_millis(self.age());
        let heard = Duration::from_millis(self.heard.load(Ordering::Relaxed));
        let pinged = Duration::from_millis(self.pinged.load(Ordering::Relaxed));
        if self.outbox.stalled().0 > limits.write_stall {
            // A closing frame would wait behind all the rest: it is cut off.
            self.count(Close::SlowConsumer);
            self.outbox.abort();
            if let Some(cut) = &self.who.cut {
                cut.notify_one();
            }
        } else if pinged > heard && age > pinged + limits.pong {
            self.close(Close::PongTimeout);
        } else if self.age() > self.end {
            self.close(Close::MaxLifetime);
        } else if self.who.framing != Framing::WebSocket {
            // Nobody answers to it; it is there to be sent.
            if self.outbox.quiet() >= limits.ping {
                self.outbox.push(self.who.framing.heartbeat());
            }
        } else if pinged <= heard && age >= heard + limits.ping {
            // Never while an answer is awaited: that would begin its time anew.
            self.pinged.store(self.age(), Ordering::Relaxed);
            self.outbox.push(self.who.framing.heartbeat());
        }
    }
}

impl Subscriber for Connection {
    fn offer(&self, frames: &SharedFrames) -> Offer {
        let bytes = self.form(frames);
        let offer = self.outbox.offer(bytes);
        if offer == Offer::Taken {
            self.sent.0.fetch_add(frames.count(), Ordering::Relaxed);
            self.sent.1.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        offer
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.outbox.room())
    }

    fn over(&self) {
        // An answer over HTTP is of one subscription. On a WebSocket another may be asked for.
        if self.who.framing != Framing::WebSocket {
            self.outbox.end(None);
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

async fn sweep(table: Weak<Connections>) {
    let mut every = tokio::time::interval(SWEEP);
    loop {
        every.tick().await;
        let Some(table) = table.upgrade() else { return };
        for connection in &table.open {
            connection.check(&table.limits);
        }
        table.handshakes.tidy();
    }
}
