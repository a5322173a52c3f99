//! Who holds a descriptor. Each connection takes a permit, of which there are fewer than descriptors; and whoever has
//! shown nothing yet makes room for whoever comes.

mod crowd;
mod wire;

use std::net::{IpAddr, SocketAddr};
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

pub(super) use self::wire::Wire;

/// How long a connection that was told to end may take before another is told so too.
const PATIENCE: Duration = Duration::from_millis(100);

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
            metrics,
            began: Instant::now(),
        })
    }

    /// Those whose word on the client's address is taken.
    pub(super) fn proxies(&self) -> &TrustedProxies {
        &self.proxies
    }

    /// Lets a connection in. Where there are too many, another one is closed for it.
    pub(super) async fn admit(self: &Arc<Self>, address: SocketAddr) -> Seat {
        let permit = self.permit().await;
        let (guest, crowded) = self.enter(address.ip());
        if crowded {
            // Whoever came before may have said what it wants already, and needs a moment to be heard.
            tokio::task::yield_now().await;
        }
        Seat { guest, permit }
    }

    fn enter(self: &Arc<Self>, address: IpAddr) -> (Arc<Guest>, bool) {
        let counted = !address.to_canonical().is_loopback() && !self.proxies.holds(address);
        let address = customer(address);
        let mut rooms = self.rooms.lock();
        let unproven = &mut rooms.unproven;
        let one_more = if counted && unproven.count(address) >= self.limits.unproven_per_address {
            unproven.take_silent_of(address)
        } else if unproven.len() >= self.limits.unproven {
            unproven.take_silent()
        } else {
            None
        };
        rooms.next_id += 1;
        let guest = Arc::new(Guest {
            doors: Arc::clone(self),
            id: rooms.next_id,
            address,
            heard: AtomicU64::new(self.now()),
            standing: AtomicU8::new(UNPROVEN),
            cut: Arc::default(),
        });
        rooms.unproven.add(Arc::clone(&guest));
        let count = rooms.unproven.len();
        drop(rooms);
        self.count_unproven(count);
        self.send_away(one_more.as_deref(), "unproven");
        (guest, count > self.limits.unproven / 2)
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

    fn stand(self: &Arc<Self>, standing: u8) {
        let mut rooms = self.doors.rooms.lock();
        let was_unproven = rooms.unproven.remove(self);
        let was_there = rooms.proven.remove(self) | was_unproven;
        let before = self.standing.swap(standing, Ordering::AcqRel);
        // Who was asked to leave is in no room any more.
        if standing == PROVEN && (was_there || before == HELD) {
            rooms.proven.add(Arc::clone(self));
        }
        let count = rooms.unproven.len();
        drop(rooms);
        if was_unproven {
            self.doors.count_unproven(count);
        }
    }
}

impl Seat {
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
