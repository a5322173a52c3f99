//! What publisher and readers of one broadcast know of each other: counters, and a wake-up.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use mio::Waker;

/// Events whose readers are counted at once: above any window that is asked for.
const RING: usize = 1 << 16;

/// Shared by the threads of a run.
#[derive(Debug, Default)]
pub struct Broadcast {
    connections: u64,
    /// Connections that are subscribed.
    subscribed: AtomicU64,
    /// Deliveries so far.
    delivered: AtomicU64,
    /// Events acknowledged so far.
    events: AtomicU64,
    /// The publisher is done: `events` is what every reader must get.
    finished: AtomicBool,
    /// A thread gave up: the others must not wait for it.
    failed: AtomicBool,
    /// Notifications that are over: every connection has their event, or they made none.
    completed: AtomicU64,
    /// How many connections have the event of a notification, by its number; empty where no window is kept.
    reached: Vec<AtomicU32>,
    /// When the answer to a notification came, by its number; empty where nobody asks.
    answers: Vec<AtomicU64>,
    /// Notifications that were to be sent earlier are checked, not timed.
    timed_from: AtomicU64,
    parked: AtomicBool,
    waker: OnceLock<Waker>,
}

impl Broadcast {
    /// For so many connections. `windowed`: completions are counted. `answers`: times of so many are kept.
    pub fn new(connections: usize, windowed: bool, answers: usize) -> Self {
        Self {
            connections: connections as u64,
            reached: if windowed { (0..RING).map(|_| AtomicU32::new(0)).collect() } else { Vec::new() },
            answers: (0..answers).map(|_| AtomicU64::new(0)).collect(),
            ..Self::default()
        }
    }

    /// Who is to be woken when a window has room again.
    pub fn wakes(&self, waker: Waker) {
        let _ = self.waker.set(waker);
    }

    /// Whether `per_post` more notifications fit, after `made` were made.
    pub fn has_room(&self, made: u64, per_post: u64, window: u64) -> bool {
        let room = || made + per_post <= self.completed.load(Ordering::SeqCst) + window.max(per_post);
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
            self.complete(notifications - events);
        }
    }

    /// When the answer to this notification came; `None`: not yet, or nobody asked for it.
    pub fn answer(&self, number: u64) -> Option<u64> {
        slot(&self.answers, number).map(|at| at.load(Ordering::Acquire)).filter(|&at| at > 0)
    }

    /// One connection has the event of this notification.
    #[inline]
    pub fn reached(&self, number: u64) {
        if self.reached.is_empty() {
            return;
        }
        let at = usize::try_from(number).unwrap_or(0) % RING;
        let reached = self.reached[at].fetch_add(1, Ordering::Relaxed) + 1;
        if u64::from(reached) == self.connections {
            self.reached[at].store(0, Ordering::Relaxed);
            self.complete(1);
        }
    }

    fn complete(&self, count: u64) {
        self.completed.fetch_add(count, Ordering::SeqCst);
        if self.parked.swap(false, Ordering::SeqCst)
            && let Some(waker) = self.waker.get()
        {
            // It looks again by itself after a while.
            let _ = waker.wake();
        }
    }

    /// One connection more is subscribed.
    pub fn subscribe(&self) {
        self.subscribed.fetch_add(1, Ordering::SeqCst);
    }

    /// How many connections are subscribed.
    pub fn subscribed(&self) -> u64 {
        self.subscribed.load(Ordering::SeqCst)
    }

    /// Whether all are.
    pub fn is_complete(&self) -> bool {
        self.subscribed() >= self.connections
    }

    /// Deliveries since they were last counted.
    #[inline]
    pub fn deliver(&self, count: u64) {
        self.delivered.fetch_add(count, Ordering::Relaxed);
    }

    /// Deliveries so far.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Events acknowledged so far.
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::SeqCst)
    }

    /// The publisher is done.
    pub fn finish(&self) {
        self.finished.store(true, Ordering::SeqCst);
    }

    /// How many events every reader must get, once that is known.
    pub fn expected(&self) -> Option<u64> {
        self.finished.load(Ordering::SeqCst).then(|| self.events())
    }

    /// Only notifications that were to be sent from `time` on are timed.
    pub fn time_from(&self, time: u64) {
        self.timed_from.store(time, Ordering::SeqCst);
    }

    /// From when on notifications are timed.
    pub fn timed_from(&self) -> u64 {
        self.timed_from.load(Ordering::Relaxed)
    }

    /// A thread gives up.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::SeqCst);
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

    #[test]
    fn a_window_has_room_again_when_all_have_the_event() {
        let broadcast = Broadcast::new(2, true, 0);
        assert!(broadcast.has_room(0, 1, 1));
        assert!(!broadcast.has_room(1, 1, 1));
        broadcast.reached(0);
        assert!(!broadcast.has_room(1, 1, 1));
        broadcast.reached(0);
        assert!(broadcast.has_room(1, 1, 1));
    }

    #[test]
    fn what_made_no_event_leaves_the_window() {
        let broadcast = Broadcast::new(2, true, 0);
        broadcast.acknowledged(0, 3, 1, 5);
        assert!(broadcast.has_room(3, 1, 2) && !broadcast.has_room(4, 1, 2));
    }

    #[test]
    fn tells_when_answers_came() {
        let broadcast = Broadcast::new(1, false, 2);
        assert_eq!(broadcast.answer(1), None);
        broadcast.acknowledged(1, 5, 5, 77);
        assert_eq!((broadcast.answer(0), broadcast.answer(1), broadcast.answer(2)), (None, Some(77), None));
        assert_eq!(broadcast.expected(), None);
        broadcast.finish();
        assert_eq!(broadcast.expected(), Some(5));
    }
}
