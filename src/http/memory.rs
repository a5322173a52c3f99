use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use dashmap::DashMap;
use tokio::sync::Notify;

use crate::limits::customer;
use crate::metrics::Gauge;

/// What requests hold.
pub(crate) struct RequestMemory {
    /// Bodies that come and are worked on.
    pub(crate) bodies: Arc<MemoryBudget>,
    /// Answers that are made and sent.
    pub(crate) answers: Arc<MemoryBudget>,
}

/// Bytes that requests hold together: of bodies that come, or of answers that go.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    held: Gauge,
    limits: MemoryLimits,
    /// What those hold that count by their address, together and each.
    counted: AtomicI64,
    by_address: DashMap<IpAddr, i64>,
    freed: Notify,
}

/// Bounds of a [`MemoryBudget`], in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemoryLimits {
    /// Of all.
    pub most: i64,
    /// Of all that count by their address.
    pub counted: i64,
    /// Of one address.
    pub share: i64,
}

/// There is no room for so much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl MemoryBudget {
    /// All of it is free; `held` tells how much is not.
    pub(crate) fn new(limits: MemoryLimits, held: Gauge) -> Arc<Self> {
        let (counted, by_address, freed) = Default::default();
        Arc::new(Self { held, limits, counted, by_address, freed })
    }

    /// Nothing yet, for someone who counts by this address; by none: only with all others.
    pub(crate) fn reserve(self: &Arc<Self>, address: Option<IpAddr>) -> Reservation {
        Reservation { budget: Arc::clone(self), address: address.map(customer), bytes: 0 }
    }

    /// How much is not free.
    #[cfg(test)]
    pub(crate) fn held(&self) -> i64 {
        self.held.get()
    }

    fn take(&self, bytes: i64, address: Option<IpAddr>) -> Result<(), NoRoom> {
        // The share first: what it refuses is held at no moment.
        if let Some(address) = address {
            self.take_share(bytes, address)?;
        }
        if self.held.inc_by(bytes) + bytes > self.limits.most {
            self.give_back(bytes, address);
            return Err(NoRoom);
        }
        Ok(())
    }

    fn take_share(&self, bytes: i64, address: IpAddr) -> Result<(), NoRoom> {
        if self.counted.fetch_add(bytes, Ordering::Relaxed) + bytes > self.limits.counted {
            self.counted.fetch_sub(bytes, Ordering::Relaxed);
            return Err(NoRoom);
        }
        let mut share = self.by_address.entry(address).or_default();
        if *share + bytes > self.limits.share {
            drop(share);
            self.give_share(0, address);
            self.counted.fetch_sub(bytes, Ordering::Relaxed);
            return Err(NoRoom);
        }
        *share += bytes;
        Ok(())
    }

    fn give_share(&self, bytes: i64, address: IpAddr) {
        self.by_address.remove_if_mut(&address, |_, share| {
            *share -= bytes;
            *share == 0
        });
    }

    fn give(&self, bytes: i64, address: Option<IpAddr>) {
        self.give_back(bytes, address);
        self.freed.notify_waiters();
    }

    fn give_back(&self, bytes: i64, address: Option<IpAddr>) {
        self.held.dec_by(bytes);
        if let Some(address) = address {
            self.counted.fetch_sub(bytes, Ordering::Relaxed);
            self.give_share(bytes, address);
        }
    }
}

/// What one request holds of a budget. Who has it keeps it beside the bytes, as long as those are there.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<MemoryBudget>,
    address: Option<IpAddr>,
    bytes: i64,
}

impl Reservation {
    /// Takes so many bytes more.
    ///
    /// # Errors
    ///
    /// [`NoRoom`]; what it held it holds.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let bytes = signed(bytes);
        self.budget.take(bytes, self.address)?;
        self.bytes += bytes;
        Ok(())
    }

    /// The same, once there is room.
    pub(crate) async fn grow_in_turn(&mut self, bytes: usize) {
        let budget = Arc::clone(&self.budget);
        loop {
            let mut freed = std::pin::pin!(budget.freed.notified());
            // From here on, so that nothing is freed between the look and the wait.
            freed.as_mut().enable();
            if self.grow(bytes).is_ok() {
                return;
            }
            freed.await;
        }
    }

    /// Gives back what is more than this.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let rest = self.bytes - signed(bytes);
        if rest > 0 {
            self.bytes -= rest;
            self.budget.give(rest, self.address);
        }
    }

    /// The same bytes, with which it is given back.
    pub(crate) fn of(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Held { bytes, _reservation: self })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

struct Held {
    bytes: Bytes,
    _reservation: Reservation,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const ONE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));
    const OTHER: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)));

    fn budget() -> Arc<MemoryBudget> {
        MemoryBudget::new(MemoryLimits { most: 100, counted: 50, share: 30 }, Gauge::default())
    }

    #[test]
    fn an_address_has_its_share_and_all_of_them_theirs() {
        let budget = budget();
        let grow = |reservation: &mut Reservation, bytes| reservation.grow(bytes).is_ok();
        let (mut one, mut again, mut other) =
            (budget.reserve(ONE), budget.reserve(ONE), budget.reserve(OTHER));
        assert_eq!([grow(&mut one, 20), grow(&mut again, 11), grow(&mut again, 10)], [true, false, true]);
        assert_eq!([grow(&mut other, 21), grow(&mut other, 20)], [false, true]);
        let mut proven = budget.reserve(None);
        assert_eq!([grow(&mut proven, 51), grow(&mut proven, 50)], [false, true]);
        assert_eq!(budget.held.get(), 100);
        one.shrink_to(5);
        one.shrink_to(6);
        assert_eq!(budget.held.get(), 85);
        drop((one, again, other, proven));
        assert_eq!((budget.held.get(), budget.counted.load(Ordering::Relaxed)), (0, 0));
        assert!(budget.by_address.is_empty());
    }

    #[test]
    fn it_is_held_as_long_as_the_bytes_are() {
        let budget = budget();
        let mut reservation = budget.reserve(ONE);
        assert_eq!(reservation.grow(5), Ok(()));
        let bytes = reservation.of(Bytes::from_static(b"bytes"));
        let rest = bytes.slice(2..);
        drop(bytes);
        assert_eq!((budget.held.get(), &rest[..]), (5, &b"tes"[..]));
        drop(rest);
        assert_eq!(budget.held.get(), 0);
    }

    #[tokio::test]
    async fn who_waits_for_room_is_woken() {
        let budget = budget();
        let (mut first, mut second) = (budget.reserve(ONE), budget.reserve(ONE));
        first.grow_in_turn(30).await;
        let mut waits = Box::pin(second.grow_in_turn(1));
        assert!(waits.as_mut().now_or_never().is_none());
        drop(first);
        waits.await;
        assert_eq!(budget.held.get(), 1);
    }
}
