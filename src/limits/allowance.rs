//! What work one principal may command: how much at once, and what its filters may search and hold.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::customer;
use crate::filter::{Account, SearchBudget};

/// Checks, pages and the like of one principal at the same time.
const AT_ONCE: usize = 2;
/// How long another one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// Principals of whom nothing runs are remembered up to so many, so that coming again wipes no slate clean.
const REMEMBERED: usize = 1_024;

/// Who commands work.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Customer {
    /// A reader of the settings, by name.
    Reader(String),
    /// Where nobody needs a token: an address, of IPv6 its /64.
    Address(IpAddr),
    /// A cloud, for its triggers and feeds.
    Cloud(String),
    /// Whoever looks after the gateway.
    Operator,
}

/// What each principal may command.
#[derive(Clone, Copy, Debug)]
pub struct WorkLimits {
    /// What its filters may search.
    pub search: SearchBudget,
    /// Bytes of its filters' automata.
    pub automata: usize,
}

/// What everybody may command.
#[derive(Debug)]
pub struct Allowances {
    limits: WorkLimits,
    jobs: Arc<Semaphore>,
    all: RwLock<Known>,
}

#[derive(Debug)]
struct Known {
    by_customer: HashMap<Customer, Arc<Allowance>>,
    /// How many there may be before those who have nothing here any more are looked for.
    tidy_at: usize,
}

/// What one principal may command.
#[derive(Debug)]
pub struct Allowance {
    turns: Arc<Semaphore>,
    /// For what may wait.
    patient: Arc<Semaphore>,
    jobs: Arc<Semaphore>,
    /// Who pays for what its filters search in new events.
    account: Arc<Account>,
    /// Bytes of its filters' automata, and how many there may be.
    automata: AtomicUsize,
    most_automata: usize,
}

/// The right to one piece of work, for as long as it is kept.
#[derive(Debug)]
pub(crate) struct Turn(#[expect(dead_code, reason = "dropping it gives the turn back")] OwnedSemaphorePermit);

/// As much is going on for a principal as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("as much is being worked on for this reader as may be at once; come again")]
pub(crate) struct Busy;

impl Default for WorkLimits {
    fn default() -> Self {
        Self { search: SearchBudget::default(), automata: 32 << 20 }
    }
}

impl Customer {
    /// Who is at an address.
    pub fn at(address: IpAddr) -> Self {
        Self::Address(customer(address))
    }
}

impl Allowances {
    /// The same for each. What computes leaves half of the cores to everything else.
    pub fn new(limits: WorkLimits) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            limits,
            jobs: Arc::new(Semaphore::new((cores / 2).max(1))),
            all: RwLock::new(Known { by_customer: HashMap::new(), tidy_at: REMEMBERED }),
        }
    }

    /// That of one principal.
    pub fn of(&self, who: Customer) -> Arc<Allowance> {
        if let Some(known) = self.all.read().by_customer.get(&who) {
            return Arc::clone(known);
        }
        let Known { by_customer, tidy_at } = &mut *self.all.write();
        if by_customer.len() >= *tidy_at {
            by_customer.retain(|_, allowance| Arc::strong_count(allowance) > 1);
            *tidy_at = (2 * by_customer.len()).max(REMEMBERED);
        }
        let made = by_customer.entry(who).or_insert_with(|| Arc::new(self.allowance()));
        Arc::clone(made)
    }

    fn allowance(&self) -> Allowance {
        Allowance {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            patient: Arc::new(Semaphore::new(1)),
            jobs: Arc::clone(&self.jobs),
            account: Arc::new(Account::new(self.limits.search)),
            automata: AtomicUsize::new(0),
            most_automata: self.limits.automata,
        }
    }
}

impl Default for Allowances {
    fn default() -> Self {
        Self::new(WorkLimits::default())
    }
}

impl Allowance {
    /// Waits for a turn.
    ///
    /// # Errors
    ///
    /// [`Busy`] if none is to be had in time.
    pub(crate) async fn turn(&self) -> Result<Turn, Busy> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        match tokio::time::timeout(PATIENCE, turn).await {
            Ok(Ok(turn)) => Ok(Turn(turn)),
            Ok(Err(_)) | Err(_) => Err(Busy),
        }
    }

    /// Waits for the one turn of what nobody waits for.
    ///
    /// # Errors
    ///
    /// [`Busy`] if the process is ending.
    pub(crate) async fn patient_turn(&self) -> Result<Turn, Busy> {
        Arc::clone(&self.patient).acquire_owned().await.map(Turn).map_err(|_| Busy)
    }

    /// Computes on a thread that may be busy for long, and few of them are. The job should take milliseconds.
    ///
    /// # Errors
    ///
    /// [`Busy`] if the process is ending.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let permit = Arc::clone(&self.jobs).acquire_owned().await.map_err(|_| Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            job()
        });
        done.await.map_err(|_| Busy)
    }

    /// Who pays for what its filters search in new events.
    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Makes room for a filter's automata; false if there is none.
    pub(crate) fn take_room(&self, bytes: usize) -> bool {
        let room = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= self.most_automata);
        self.automata.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok()
    }

    /// Gives the room back.
    pub(crate) fn give_room(&self, bytes: usize) {
        self.automata.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes of automata that there may be.
    pub(crate) const fn most_automata(&self) -> usize {
        self.most_automata
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(name: &str) -> Customer {
        Customer::Reader(name.into())
    }

    #[tokio::test(start_paused = true)]
    async fn two_at_once_and_the_third_waits_a_bounded_time() {
        let allowances = Allowances::default();
        let (one, other) = (allowances.of(who("a")), allowances.of(who("b")));
        let first = one.turn().await.unwrap();
        let _second = one.turn().await.unwrap();
        let began = tokio::time::Instant::now();
        assert_eq!(one.turn().await.unwrap_err(), Busy);
        assert_eq!(began.elapsed().as_secs(), PATIENCE.as_secs());
        assert!(other.turn().await.is_ok());
        drop(first);
        assert!(allowances.of(who("a")).turn().await.is_ok());
    }

    #[test]
    fn room_for_automata_ends_and_comes_back() {
        let limits = WorkLimits { automata: 100, ..WorkLimits::default() };
        for (bytes, fits) in [(99, true), (100, true), (101, false)] {
            assert_eq!(Allowances::new(limits).of(who("a")).take_room(bytes), fits, "{bytes}");
        }
        let one = Allowances::new(limits).of(who("a"));
        assert!(one.take_room(60) && !one.take_room(60));
        one.give_room(60);
        assert!(one.take_room(60));
    }

    #[test]
    fn who_has_something_here_is_never_forgotten() {
        let allowances = Allowances::default();
        let kept = allowances.of(who("kept"));
        for n in 0..3 * REMEMBERED {
            allowances.of(who(&n.to_string()));
        }
        assert!(Arc::ptr_eq(&kept, &allowances.of(who("kept"))));
        assert!(allowances.all.read().by_customer.len() <= 2 * REMEMBERED);
        let address = |text: &str| Customer::at(text.parse().unwrap());
        assert_eq!(address("2001:db8::1"), address("2001:db8::2"));
    }

    #[tokio::test]
    async fn jobs_run_elsewhere() {
        let allowance = Allowances::default().of(who("a"));
        let here = std::thread::current().id();
        let there = allowance.compute(|| std::thread::current().id()).await;
        assert!(there.is_ok_and(|there| there != here));
    }
}
