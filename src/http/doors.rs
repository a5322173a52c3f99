//! Who holds a descriptor. Each connection takes a permit, of which there are fewer than descriptors; and whoever has
//! shown nothing yet makes room for whoever comes.

mod crowd;
mod wire;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use self::crowd::Crowd;
use super::TrustedProxies;
use crate::limits::customer;
use crate::metrics::{CodeLabel, Metrics};
use crate::transport::PeerAddress;

pub(super) use self::wire::Wire;

/// How long a connection that was told to end may take before another is told so too.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long one more waits before another is closed for it, where those who came before are just being heard.
const MOMENT: Duration = Duration::from_millis(20);

/// How a connection stands.
const UNPROVEN: u8 = 0;
const PROVEN: u8 = 1;
/// It is a WebSocket or a stream, and counted as such.
const HELD: u8 = 2;

/// How many connections there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DoorLimits {
    /// In all.
    pub accepts: usize,
    /// Of those that have shown nothing yet.
    pub unproven: usize,
    /// The same from one address; loopback and trusted proxies are not counted by address.
    pub unproven_per_address: usize,
    /// Whether a whole head shows enough, because nobody needs a credential.
    pub open_to_all: bool,
}

/// The way in for connections.
pub(crate) struct Doors {
    limits: DoorLimits,
    proxies: TrustedProxies,
    permits: Arc<Semaphore>,
    // Held for a few steps in maps of at most so many connections.
    rooms: Mutex<Rooms>,
    /// Somebody is no longer unproven.
    proved: Notify,
    metrics: Arc<Metrics>,
    began: Instant,
}

/// Those that can be asked to leave.
#[derive(Default)]
struct Rooms {
    next_id: u64,
    unproven: Crowd,
    /// Requests and the time between them. What is held is in neither.
    proven: Crowd,
    /// Of whom the latest proof came, unless somebody waited for the next one in vain.
    hopeful: Option<IpAddr>,
}

/// A bound of those who have shown nothing.
enum Bound {
    OfAddress,
    OfAll,
}

/// One connection, as long as it is.
pub(crate) struct Guest {
    doors: Arc<Doors>,
    id: u64,
    address: IpAddr,
    /// Microseconds after the doors opened.
    heard: AtomicU64,
    standing: AtomicU8,
    /// Ends the connection at once.
    cut: Arc<Notify>,
}

/// A connection's descriptor, and its place among the others; dropping it gives both back.
pub(super) struct Seat {
    pub(super) guest: Arc<Guest>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Doors {
    pub(crate) fn new(limits: DoorLimits, proxies: TrustedProxies, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(limits.accepts)),
            limits,
            proxies,
            rooms: Mutex::default(),
            proved: Notify::new(),
            metrics,
            began: Instant::now(),
        })
    }

    /// Those whose word on the client's address is taken.
    pub(super) fn proxies(&self) -> &TrustedProxies {
        &self.proxies
    }

    /// Lets a connection in. Where there are too many, another one is closed for it.
    pub(super) async fn admit(self: &Arc<Self>, peer: PeerAddress) -> Seat {
        let permit = self.permit().await;
        Seat { guest: self.enter_in_turn(peer, Arc::default()).await, permit }
    }

    async fn enter_in_turn(self: &Arc<Self>, peer: PeerAddress, cut: Arc<Notify>) -> Arc<Guest> {
        let counted = !peer.ip().to_canonical().is_loopback() && !self.proxies.holds(peer);
        let address = customer(peer.ip());
        while self.is_worth_a_moment(address, counted).await {}
        self.enter(address, counted, cut)
    }

    /// Waits a moment, where there is no room but may be some soon: clients that all come at once, as after a restart,
    /// are accepted faster than heard. For those of whom nobody shows anything, nobody waits.
    async fn is_worth_a_moment(&self, address: IpAddr, counted: bool) -> bool {
        let proved = self.proved.notified();
        {
            let mut rooms = self.rooms.lock();
            let is_worth = match self.bound(&rooms.unproven, address, counted) {
                Some(Bound::OfAddress) => rooms.hopeful == Some(address),
                Some(Bound::OfAll) => rooms.hopeful.is_some(),
                None => false,
            };
            if !is_worth {
                return false;
            }
            rooms.hopeful = None;
        }
        timeout(MOMENT, proved).await.is_ok()
    }

    /// Which bound is reached.
    fn bound(&self, unproven: &Crowd, address: IpAddr, counted: bool) -> Option<Bound> {
        if counted && unproven.count(address) >= self.limits.unproven_per_address {
            return Some(Bound::OfAddress);
        }
        (unproven.len() >= self.limits.unproven).then_some(Bound::OfAll)
    }

    fn enter(self: &Arc<Self>, address: IpAddr, counted: bool, cut: Arc<Notify>) -> Arc<Guest> {
        let mut rooms = self.rooms.lock();
        let one_more = match self.bound(&rooms.unproven, address, counted) {
            Some(Bound::OfAddress) => rooms.unproven.take_silent_of(address),
            Some(Bound::OfAll) => rooms.unproven.take_silent(),
            None => None,
        };
        rooms.next_id += 1;
        let guest = Arc::new(Guest {
            doors: Arc::clone(self),
            id: rooms.next_id,
            address,
            heard: AtomicU64::new(self.now()),
            standing: AtomicU8::new(UNPROVEN),
            cut,
        });
        rooms.unproven.add(Arc::clone(&guest));
        let count = rooms.unproven.len();
        drop(rooms);
        self.count_unproven(count);
        self.send_away(one_more.as_deref(), "unproven");
        guest
    }

    /// A descriptor; where none is left, whoever has shown nothing for longest gives up its own, else whoever asks
    /// nothing.
    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
                return Some(permit);
            }
            self.make_room();
            if let Ok(permit) = timeout(PATIENCE, Arc::clone(&self.permits).acquire_owned()).await {
                return permit.ok();
            }
        }
    }

    fn make_room(&self) {
        let mut rooms = self.rooms.lock();
        let (unproven, code) = match rooms.unproven.take_silent() {
            Some(guest) => (Some(guest), "unproven"),
            None => (rooms.proven.take_silent(), "idle"),
        };
        let count = rooms.unproven.len();
        drop(rooms);
        self.count_unproven(count);
        self.send_away(unproven.as_deref(), code);
    }

    fn send_away(&self, guest: Option<&Guest>, code: &'static str) {
        if let Some(guest) = guest {
            self.metrics.cut_for_room.get_or_create(&CodeLabel { code }).inc();
            guest.cut.notify_one();
        }
    }

    fn count_unproven(&self, count: usize) {
        self.metrics.unproven.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Guest {
    /// Ends the connection at once, when it is told.
    pub(super) fn cut(&self) -> &Arc<Notify> {
        &self.cut
    }

    /// Notes that something came.
    fn hear(&self) {
        self.heard.store(self.doors.now(), Ordering::Relaxed);
    }

    /// Notes that a whole head came.
    pub(super) fn ask(self: &Arc<Self>) {
        match self.standing.load(Ordering::Acquire) {
            UNPROVEN if self.doors.limits.open_to_all => self.prove(),
            HELD => self.stand(PROVEN),
            _ => {}
        }
    }

    /// A request showed a right credential: the connection is no stranger's.
    pub(crate) fn prove(self: &Arc<Self>) {
        if self.standing.load(Ordering::Acquire) == UNPROVEN {
            self.stand(PROVEN);
        }
    }

    /// From now on it is a WebSocket or a stream, which has bounds of its own.
    pub(crate) fn hold(self: &Arc<Self>) {
        self.stand(HELD);
    }

    /// Whether it is a stream, or was until a moment ago.
    pub(super) fn is_held(&self) -> bool {
        self.standing.load(Ordering::Acquire) == HELD
    }

    fn stand(self: &Arc<Self>, standing: u8) {
        let mut rooms = self.doors.rooms.lock();
        let was_unproven = rooms.unproven.remove(self);
        let was_there = rooms.proven.remove(self) | was_unproven;
        let before = self.standing.swap(standing, Ordering::AcqRel);
        // Who was asked to leave is in no room any more.
        if standing == PROVEN && (was_there || before == HELD) {
            rooms.proven.add(Arc::clone(self));
        }
        if was_unproven {
            rooms.hopeful = Some(self.address);
        }
        let count = rooms.unproven.len();
        drop(rooms);
        if was_unproven {
            self.doors.proved.notify_waiters();
            self.doors.count_unproven(count);
        }
    }
}

impl Seat {
    /// Takes the place of the client whom a proxy speaks for, in the place of the proxy's.
    async fn introduce(&mut self, client: PeerAddress) {
        let doors = Arc::clone(&self.guest.doors);
        doors.rooms.lock().unproven.remove(&self.guest);
        self.guest = doors.enter_in_turn(client, Arc::clone(&self.guest.cut)).await;
    }

    /// The right to the descriptor alone, for a connection that is no longer one of requests.
    fn into_permit(mut self) -> Option<OwnedSemaphorePermit> {
        self.permit.take()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let doors = &self.guest.doors;
        let mut rooms = doors.rooms.lock();
        let was_unproven = rooms.unproven.remove(&self.guest);
        rooms.proven.remove(&self.guest);
        let count = rooms.unproven.len();
        drop(rooms);
        if was_unproven {
            doors.count_unproven(count);
        }
    }
}

#[cfg(test)]
mod tests;
