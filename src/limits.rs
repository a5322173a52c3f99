//! Rate budgets, per source, address, connection and kind of diagnostic line. They know numbers, not what is limited.

mod allowance;
mod guesses;
mod returns;
mod seldom;
mod turns;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

pub use allowance::{Allowance, Allowances, Customer, WorkLimits};
pub(crate) use allowance::{Busy, Turn};
pub(crate) use guesses::Guesses;
pub(crate) use returns::Returns;
pub(crate) use seldom::{Seldom, seldom};
pub(crate) use turns::Turns;

/// So many a second, and so many at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Lasting, a second.
    pub per_second: NonZeroU32,
    /// At once.
    pub burst: NonZeroU32,
}

impl Rate {
    /// One a second.
    pub const ONE: Self = Self { per_second: NonZeroU32::MIN, burst: NonZeroU32::MIN };

    /// What either may be: beyond it the time between two is less than a clock tells.
    pub(crate) const BOUNDS: RangeInclusive<u32> = 1..=1_000_000_000;

    /// `None` if either is 0.
    pub fn new(per_second: u32, burst: u32) -> Option<Self> {
        Some(Self { per_second: NonZeroU32::new(per_second)?, burst: NonZeroU32::new(burst)? })
    }

    fn quota(self) -> Quota {
        Quota::per_second(self.per_second).allow_burst(self.burst)
    }
}

/// How full the queue for the disk is. New work is turned away in an order: first connections of anyone,
/// then all connections, then subscriptions that would read the past; notifications come last.
#[derive(Debug, Default)]
pub struct Load(AtomicU8);

impl Load {
    /// Notes that so many of a hundred are taken.
    pub fn set(&self, percent: u8) {
        self.0.store(percent, Ordering::Relaxed);
    }

    /// Whether a new connection is too much; one of someone without a token is so sooner.
    pub fn sheds_connection(&self, anonymous: bool) -> bool {
        self.0.load(Ordering::Relaxed) >= if anonymous { 50 } else { 75 }
    }

    /// Whether one more reader of the past is too much.
    pub fn sheds_replays(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= 90
    }
}

/// One budget.
pub(crate) struct Budget(DefaultDirectRateLimiter);

impl Budget {
    /// A full budget.
    pub(crate) fn new(rate: Rate) -> Self {
        Self(RateLimiter::direct(rate.quota()))
    }

    /// Takes `count` of it.
    ///
    /// # Errors
    ///
    /// How long to wait, if that much is not there. More than a burst never is: it counts as a burst.
    pub(crate) fn take(&self, count: NonZeroU32, rate: Rate) -> Result<(), Duration> {
        match self.0.check_n(count.min(rate.burst)) {
            Ok(Err(wait)) => Err(wait.wait_time_from(DefaultClock::default().now())),
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }
}

/// A budget for each address. IPv6 counts by /64, which is what one customer gets.
pub(crate) struct AddressBudgets(DefaultKeyedRateLimiter<IpAddr>);

impl AddressBudgets {
    /// Full budgets for all.
    pub(crate) fn new(rate: Rate) -> Self {
        Self(RateLimiter::keyed(rate.quota()))
    }

    /// Takes one from the address's budget.
    ///
    /// # Errors
    ///
    /// How long to wait.
    pub(crate) fn take(&self, address: IpAddr) -> Result<(), Duration> {
        let taken = self.0.check_key(&customer(address));
        taken.map_err(|wait| wait.wait_time_from(DefaultClock::default().now()))
    }

    /// Forgets addresses whose budget is full again. Call it now and then: nothing else shrinks the table.
    pub(crate) fn tidy(&self) {
        self.0.retain_recent();
        self.0.shrink_to_fit();
    }
}

/// The address by which one customer is counted.
pub(crate) fn customer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends_and_says_how_long_to_wait() {
        let rate = Rate::new(10, 3).unwrap();
        let budget = Budget::new(rate);
        let one = NonZeroU32::MIN;
        assert!((0..3).all(|_| budget.take(one, rate).is_ok()));
        let wait = budget.take(one, rate).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_millis(100), "{wait:?}");
    }

    #[test]
    fn what_matters_least_is_shed_first() {
        let load = Load::default();
        let shed = |percent| {
            load.set(percent);
            (load.sheds_connection(true), load.sheds_connection(false), load.sheds_replays())
        };
        assert_eq!([shed(49), shed(50)], [(false, false, false), (true, false, false)]);
        assert_eq!([shed(74), shed(75)], [(true, false, false), (true, true, false)]);
        assert_eq!([shed(89), shed(90)], [(true, true, false), (true, true, true)]);
    }

    #[test]
    fn more_than_a_burst_counts_as_one() {
        let rate = Rate::new(1, 3).unwrap();
        let budget = Budget::new(rate);
        assert!(budget.take(NonZeroU32::new(9).unwrap(), rate).is_ok());
        assert!(budget.take(NonZeroU32::MIN, rate).is_err());
    }

    #[test]
    fn addresses_do_not_share_but_a_network_does() {
        let budgets = AddressBudgets::new(Rate::new(1, 1).unwrap());
        let take = |text: &str| budgets.take(text.parse().unwrap());
        assert!(take("192.0.2.1").is_ok() && take("192.0.2.2").is_ok());
        assert!(take("192.0.2.1").is_err() && take("::ffff:192.0.2.1").is_err());
        assert!(take("2001:db8::1").is_ok() && take("2001:db8::2").is_err());
        assert!(take("2001:db8:0:1::1").is_ok());
    }
}
