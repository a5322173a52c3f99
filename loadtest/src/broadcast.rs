//! What publisher and readers of one broadcast know of each other: counters, and a wake-up.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::ensure;
use mio::Waker;
use parking_lot::Mutex;

use crate::order::Share;

/// Counters by the threads of a run.
#[derive(Debug, Default)]
pub struct Broadcast {
    connections: u64,
    /// By worker.
    shares: Vec<Mutex<Share>>,
    /// Events acknowledged so far.
    events: AtomicU64,
    /// Notifications that made no event.
    eventless: AtomicU64,
    /// A thread gave up: the others must not wait for it.
    failed: AtomicBool,
    /// When the answer to a notification came, by its number; empty where nobody asks.
    answers: Vec<AtomicU64>,
    parked: AtomicBool,
    waker: OnceLock<Waker>,
}

impl Broadcast {
    /// For so many connections among so many workers. `answers`: times of so many are kept.
    pub fn new(connections: usize, workers: usize, answers: usize) -> Self {
        Self {
            connections: connections as u64,
            shares: (0..workers).map(|_| Mutex::default()).collect(),
            answers: (0..answers).map(|_| AtomicU64::new(0)).collect(),
            ..Self::default()
        }
    }

    /// Who is to be woken when a window has room again.
    pub fn wakes(&self, waker: Waker) {
        let _ = self.waker.set(waker);
    }

    /// A worker tells how far it is.
    pub fn share(&self, worker: usize, share: &Share) {
        let Some(slot) = self.shares.get(worker) else { return };
        // Told before the flag is looked at: see `has_room`.
        let before = std::mem::replace(&mut *slot.lock(), *share);
        if before.completed != share.completed {
            self.wake();
        }
    }

    fn wake(&self) {
        if self.parked.swap(false, Ordering::SeqCst)
            && let Some(waker) = self.waker.get()
        {
            // It looks again by itself after a while.
            let _ = waker.wake();
        }
    }

    fn all(&self) -> impl Iterator<Item = Share> {
        self.shares.iter().map(|share| *share.lock())
    }

    /// Notifications that are over. Readers get events in one order, so each worker has the first ones of all, and
    /// what the slowest has, everyone has.
    pub fn completed(&self) -> u64 {
        self.all().map(|share| share.completed).min().unwrap_or(0) + self.eventless.load(Ordering::SeqCst)
    }

    /// Whether `per_post` more notifications fit, after `made` were made.
    pub fn has_room(&self, made: u64, per_post: u64, window: u64) -> bool {
        let room = || made + per_post <= self.completed() + window.max(per_post);
        if room() {
            return true;
        }
        // First the flag, then another look: a completion in between wakes or is seen.
        self.parked.store(true, Ordering::SeqCst);
        room()
    }

    /// The notifications from `first` were answered, with this many events.
    pub fn acknowledged(&self, first: u64, notifications: u64, events: u64, now: u64) {
        self.events.fetch_add(events, Ordering::SeqCst);
        for number in first..first + notifications {
            if let Some(answer) = slot(&self.answers, number) {
                answer.store(now, Ordering::Release);
            }
        }
        if events < notifications {
            self.eventless.fetch_add(notifications - events, Ordering::SeqCst);
            self.wake();
        }
    }

    /// When the answer to this notification came; `None`: not yet, or nobody asked for it.
    pub fn answer(&self, number: u64) -> Option<u64> {
        slot(&self.answers, number).map(|at| at.load(Ordering::Acquire)).filter(|&at| at > 0)
    }

    /// How many connections are subscribed.
    pub fn subscribed(&self) -> u64 {
        self.all().map(|share| share.subscribed).sum()
    }

    /// Whether all are.
    pub fn is_complete(&self) -> bool {
        self.subscribed() >= self.connections
    }

    /// Deliveries so far.
    pub fn delivered(&self) -> u64 {
        self.all().map(|share| share.delivered).sum()
    }

    /// When anything came last.
    pub fn last(&self) -> u64 {
        self.all().map(|share| share.last).max().unwrap_or(0)
    }

    /// Events acknowledged so far.
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::SeqCst)
    }

    /// A thread gives up.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Whether all go on.
    ///
    /// # Errors
    ///
    /// If a thread gave up.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(!self.has_failed(), "the readers gave up");
        Ok(())
    }

    /// Waits until every reader is subscribed.
    ///
    /// # Errors
    ///
    /// If one can't be.
    pub fn wait_for_all(&self) -> anyhow::Result<()> {
        while !self.is_complete() {
            self.check()?;
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Whether a thread gave up.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }
}

fn slot(slots: &[AtomicU64], number: u64) -> Option<&AtomicU64> {
    slots.get(usize::try_from(number).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(completed: u64) -> Share {
        Share { completed, ..Share::default() }
    }

    #[test]
    fn a_window_has_room_again_when_all_have_the_event() {
        let broadcast = Broadcast::new(2, 2, 0);
        assert!(broadcast.has_room(0, 1, 1));
        assert!(!broadcast.has_room(1, 1, 1));
        broadcast.share(0, &completed(1));
        assert!(!broadcast.has_room(1, 1, 1));
        broadcast.share(1, &completed(1));
        assert!(broadcast.has_room(1, 1, 1));
    }

    #[test]
    fn what_made_no_event_leaves_the_window() {
        let broadcast = Broadcast::new(2, 1, 0);
        broadcast.acknowledged(0, 3, 1, 5);
        assert!(broadcast.has_room(3, 1, 2) && !broadcast.has_room(4, 1, 2));
    }

    #[test]
    fn tells_when_answers_came() {
        let broadcast = Broadcast::new(1, 1, 2);
        assert_eq!(broadcast.answer(1), None);
        broadcast.acknowledged(1, 5, 5, 77);
        assert_eq!((broadcast.answer(0), broadcast.answer(1), broadcast.answer(2)), (None, Some(77), None));
        assert_eq!(broadcast.events(), 5);
    }

    #[test]
    fn counts_over_workers() {
        let broadcast = Broadcast::new(3, 2, 0);
        broadcast.share(0, &Share { subscribed: 1, delivered: 4, completed: 0, last: 9 });
        assert!(!broadcast.is_complete());
        broadcast.share(1, &Share { subscribed: 2, delivered: 3, completed: 0, last: 8 });
        assert!(broadcast.is_complete());
        assert_eq!((broadcast.delivered(), broadcast.last()), (7, 9));
    }
}
