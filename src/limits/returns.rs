use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// For so long after it was sent away a client that comes back counts as one.
const MEMORY: Duration = Duration::from_mins(1);
/// Addresses that are remembered; those that come when it is full are charged like everyone.
const ADDRESSES: usize = 10_000;

/// How many connections of each address may come back uncharged: as many as were sent away from there through no fault of
/// their own. And whoever was there before the start comes back too, so in the first minute that many is as many as there
/// can have been.
#[derive(Debug)]
pub(crate) struct Returns {
    began: Instant,
    /// Of one address, at the start.
    before: u32,
    /// Whether the table may hold anything: as long as nobody is sent away, nobody waits for its lock.
    used: AtomicBool,
    owed: Mutex<HashMap<IpAddr, Owed>>,
}

#[derive(Clone, Copy, Debug)]
struct Owed {
    count: u32,
    until: Instant,
}

impl Returns {
    /// Begins `now`; of one address there were at most so many connections `before`.
    pub(crate) fn new(before: u32, now: Instant) -> Self {
        Self { began: now, before, used: AtomicBool::new(false), owed: Mutex::default() }
    }

    /// Notes that one was sent away.
    pub(crate) fn note(&self, address: IpAddr, now: Instant) {
        self.change(address, now, |owed| {
            owed.count = owed.count.saturating_add(1);
            owed.until = owed.until.max(now + MEMORY);
        });
    }

    /// Whether one that comes `now` comes back; it is counted.
    pub(crate) fn take(&self, address: IpAddr, now: Instant) -> bool {
        let mut is_back = false;
        if self.used.load(Ordering::Relaxed) || now < self.began + MEMORY {
            self.change(address, now, |owed| {
                is_back = owed.count > 0;
                owed.count = owed.count.saturating_sub(1);
            });
        }
        is_back
    }

    fn change(&self, address: IpAddr, now: Instant, change: impl FnOnce(&mut Owed)) {
        let start = self.began + MEMORY;
        let fresh = Owed { count: if now < start { self.before } else { 0 }, until: start.max(now) };
        let mut all = self.owed.lock();
        if let Some(owed) = all.get_mut(&address) {
            if owed.until < now {
                *owed = fresh;
            }
            change(owed);
        } else if all.len() < ADDRESSES {
            self.used.store(true, Ordering::Relaxed);
            change(all.entry(address).or_insert(fresh));
        }
    }

    /// Forgets what is over. Call it now and then: nothing else shrinks the table.
    pub(crate) fn tidy(&self, now: Instant) {
        if !self.used.load(Ordering::Relaxed) {
            return;
        }
        let mut all = self.owed.lock();
        all.retain(|_, owed| owed.until >= now);
        all.shrink_to_fit();
        self.used.store(!all.is_empty(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: usize) -> IpAddr {
        IpAddr::V6((number as u128).into())
    }

    /// How many of a hundred that come at once come back.
    fn back(returns: &Returns, number: usize, now: Instant) -> usize {
        (0..100).filter(|_| returns.take(address(number), now)).count()
    }

    #[test]
    fn as_many_come_back_as_were_sent_away_within_a_minute() {
        let start = Instant::now();
        let returns = Returns::new(5, start);
        let now = start + 2 * MEMORY;
        assert_eq!(back(&returns, 1, now), 0, "the start is long over");
        for _ in 0..3 {
            returns.note(address(1), now);
        }
        assert_eq!((back(&returns, 2, now), back(&returns, 1, now)), (0, 3));
        returns.note(address(1), now);
        assert_eq!(back(&returns, 1, now + MEMORY + Duration::from_millis(1)), 0, "too late");
        returns.note(address(1), now);
        assert_eq!(back(&returns, 1, now + MEMORY), 1);
        returns.tidy(now + MEMORY);
        assert_eq!(returns.owed.lock().len(), 1);
        returns.tidy(now + MEMORY + Duration::from_millis(2));
        assert_eq!(returns.owed.lock().len(), 0);
    }

    #[test]
    fn in_the_first_minute_as_many_come_back_as_can_have_been_there() {
        let start = Instant::now();
        let returns = Returns::new(5, start);
        assert_eq!((back(&returns, 1, start), back(&returns, 1, start)), (5, 0));
        returns.note(address(1), start);
        returns.note(address(2), start);
        assert_eq!((back(&returns, 1, start), back(&returns, 2, start)), (1, 6));
        let end = start + MEMORY;
        assert_eq!(back(&returns, 3, end.checked_sub(Duration::from_millis(1)).unwrap()), 5);
        assert_eq!(back(&returns, 4, end), 0);
    }

    #[test]
    fn the_table_has_an_end() {
        let start = Instant::now();
        let returns = Returns::new(1, start);
        assert!((0..ADDRESSES).all(|number| returns.take(address(number), start)));
        assert!(!returns.take(address(ADDRESSES), start));
        returns.note(address(ADDRESSES), start);
        assert!(!returns.take(address(ADDRESSES), start));
        returns.note(address(0), start);
        assert!(returns.take(address(0), start), "who is in it is remembered");
    }
}
