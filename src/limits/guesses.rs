use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Rate, customer};

/// Addresses that are counted one by one; those that come when it is full share one budget.
const ADDRESSES: usize = 10_000;
/// Doors of one address that are counted one by one; the others share one budget.
const DOORS: usize = 16;
/// Full budgets are forgotten no oftener: whoever comes from ever new addresses can't make each guess search the table.
const SWEEP: Duration = Duration::from_secs(1);

/// A budget of wrong credentials for each address and door; a door is what credentials open: a source, or the way of
/// readers. It is asked and taken from only where something fails, or can't be judged without work.
#[derive(Debug)]
pub(crate) struct Guesses {
    /// From one to the next, in the long run.
    pause: Duration,
    /// How far ahead of the clock a budget may be spent before a guess: all of it but one.
    most: Duration,
    names: RandomState,
    /// Whether the table may hold anything: as long as nobody guesses, nobody waits for its lock.
    used: AtomicBool,
    table: Mutex<Table>,
}

/// Each budget is the time at which it will be full again.
#[derive(Debug, Default)]
struct Table {
    addresses: HashMap<IpAddr, Doors>,
    /// Of all addresses that found the table full.
    others: Option<Instant>,
    swept: Option<Instant>,
}

/// Few, so they are searched one by one.
#[derive(Debug, Default)]
struct Doors {
    known: Vec<(u64, Instant)>,
    others: Option<Instant>,
}

impl Guesses {
    /// By default.
    pub(crate) const RATE: Rate =
        Rate { per_second: NonZeroU32::new(5).unwrap(), burst: NonZeroU32::new(20).unwrap() };

    /// Full budgets for all.
    pub(crate) fn new(rate: Rate) -> Self {
        let pause = Duration::from_secs(1) / rate.per_second.get();
        let most = pause.saturating_mul(rate.burst.get() - 1);
        Self { pause, most, names: RandomState::new(), used: AtomicBool::new(false), table: Mutex::default() }
    }

    /// Counts a wrong credential.
    ///
    /// # Errors
    ///
    /// The budget was spent before it; how long until one more may be tried.
    pub(crate) fn count(&self, address: IpAddr, door: &str) -> Result<(), Duration> {
        self.count_at(address, door, Instant::now())
    }

    /// Takes nothing, and says whether one more guess may be judged.
    ///
    /// # Errors
    ///
    /// The budget is spent; how long until then.
    pub(crate) fn check(&self, address: IpAddr, door: &str) -> Result<(), Duration> {
        if self.used.load(Ordering::Relaxed) { self.check_at(address, door, Instant::now()) } else { Ok(()) }
    }

    fn count_at(&self, address: IpAddr, door: &str, now: Instant) -> Result<(), Duration> {
        let mut table = self.table.lock();
        self.used.store(true, Ordering::Relaxed);
        table.sweep(now);
        let full = table.budget(customer(address), self.names.hash_one(door), now);
        let ahead = self.ahead(*full, now)?;
        *full = now + ahead + self.pause;
        Ok(())
    }

    fn check_at(&self, address: IpAddr, door: &str, now: Instant) -> Result<(), Duration> {
        let mut table = self.table.lock();
        table.sweep(now);
        if table.is_empty() {
            self.used.store(false, Ordering::Relaxed);
        }
        let full = table.find(customer(address), self.names.hash_one(door)).unwrap_or(now);
        self.ahead(full, now).map(drop)
    }

    /// How far ahead of the clock a budget is spent; the error is how much too far.
    fn ahead(&self, full: Instant, now: Instant) -> Result<Duration, Duration> {
        let ahead = full.saturating_duration_since(now);
        match ahead.checked_sub(self.most) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => Ok(ahead),
        }
    }
}

impl Table {
    /// The budget of a door, which is full at first.
    fn budget(&mut self, address: IpAddr, door: u64, now: Instant) -> &mut Instant {
        if !self.addresses.contains_key(&address) && self.addresses.len() >= ADDRESSES {
            return self.others.get_or_insert(now);
        }
        let doors = self.addresses.entry(address).or_default();
        match doors.known.iter().position(|(known, _)| *known == door) {
            Some(index) => &mut doors.known[index].1,
            None if doors.known.len() >= DOORS => doors.others.get_or_insert(now),
            None => {
                doors.known.push((door, now));
                let last = doors.known.len() - 1;
                &mut doors.known[last].1
            }
        }
    }

    /// The same if something was taken from it. Who never failed does not pay for those who found the table full.
    fn find(&self, address: IpAddr, door: u64) -> Option<Instant> {
        let doors = self.addresses.get(&address)?;
        doors.known.iter().find(|(known, _)| *known == door).map(|(_, full)| *full).or(doors.others)
    }

    fn sweep(&mut self, now: Instant) {
        if self.swept.is_some_and(|swept| now.saturating_duration_since(swept) < SWEEP) {
            return;
        }
        self.swept = Some(now);
        self.others = self.others.filter(|full| *full > now);
        self.addresses.retain(|_, doors| {
            doors.known.retain(|(_, full)| *full > now);
            doors.others = doors.others.filter(|full| *full > now);
            !doors.known.is_empty() || doors.others.is_some()
        });
        self.addresses.shrink_to(ADDRESSES / 100);
    }

    fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.others.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn guesses() -> Guesses {
        Guesses::new(Guesses::RATE)
    }

    fn address(number: u64) -> IpAddr {
        IpAddr::V6((u128::from(number) << 64).into())
    }

    #[test]
    fn a_burst_may_fail_and_then_so_many_a_second() {
        let (guesses, now) = (guesses(), Instant::now());
        assert_eq!(guesses.check(HOME, "hub"), Ok(()));
        for _ in 0..19 {
            assert_eq!(guesses.count_at(HOME, "hub", now), Ok(()));
        }
        assert_eq!(guesses.check_at(HOME, "hub", now), Ok(()));
        assert_eq!(guesses.count_at(HOME, "hub", now), Ok(()));
        let wait = Duration::from_millis(200);
        assert_eq!(guesses.check_at(HOME, "hub", now), Err(wait));
        assert_eq!(guesses.count_at(HOME, "hub", now), Err(wait));
        // Another door, another address.
        assert_eq!(guesses.count_at(HOME, "quay", now), Ok(()));
        assert_eq!(guesses.count_at(address(1), "hub", now), Ok(()));
        assert_eq!(guesses.count_at(HOME, "hub", now + wait), Ok(()));
        assert_eq!(guesses.count_at(HOME, "hub", now + wait), Err(wait));
    }

    #[test]
    fn who_stops_guessing_is_forgotten() {
        let (guesses, now) = (guesses(), Instant::now());
        for number in 0..50 {
            assert_eq!(guesses.count_at(address(number), "hub", now), Ok(()));
        }
        assert_eq!(guesses.check_at(HOME, "hub", now + SWEEP), Ok(()));
        assert!(guesses.table.lock().is_empty() && !guesses.used.load(Ordering::Relaxed));
    }

    #[test]
    fn the_table_has_an_end() {
        let (guesses, now) = (guesses(), Instant::now());
        let last = ADDRESSES as u64;
        for number in 0..last {
            assert_eq!(guesses.count_at(address(number), "hub", now), Ok(()));
        }
        for guess in 0..21 {
            assert_eq!(guesses.count_at(address(last + guess), "hub", now).is_ok(), guess < 20);
        }
        assert_eq!(guesses.table.lock().addresses.len(), ADDRESSES);
        // Who never failed is not judged by them, and who was there before goes on as before.
        assert_eq!(guesses.check_at(address(last + 99), "hub", now), Ok(()));
        assert_eq!(guesses.count_at(address(0), "hub", now), Ok(()));
    }

    #[test]
    fn one_address_does_not_get_a_budget_for_each_name_that_it_makes_up() {
        let (guesses, now) = (guesses(), Instant::now());
        let doors = DOORS as u64;
        let passed = (0..100).filter(|door| guesses.count_at(HOME, &format!("s{door}"), now).is_ok()).count();
        assert_eq!(passed as u64, doors + 20);
        assert!(guesses.check_at(HOME, "s0", now).is_ok() && guesses.check_at(HOME, "s16", now).is_err());
    }
}
