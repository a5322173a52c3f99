//! When the next notification is due.

use crate::clock::{self, SECOND, float};

/// A plan of sends: as fast as they are taken, or at a rate; until a time, and until a count.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// When the plan begins.
    pub start: u64,
    /// When it ends; nothing is due at or after that.
    pub end: u64,
    /// How many at most.
    pub count: u64,
    /// Nanoseconds between two; `None`: each is due at once.
    pub interval: Option<f64>,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Send; it was intended for this time.
    Now(u64),
    /// Nothing before this time.
    At(u64),
    /// Nothing more at all.
    Never,
}

impl Pace {
    /// From now on for so many seconds, at so many a second; `None`: each is due at once.
    pub fn lasting(seconds: u64, rate: Option<f64>) -> Self {
        let start = clock::now();
        let interval = rate.map(|rate| 1e9 / rate.max(1e-6));
        Self { start, end: start + seconds * SECOND, count: u64::MAX, interval }
    }

    /// So many at once: all are intended for now, however long their sending takes.
    pub fn burst(count: u64) -> Self {
        Self { start: clock::now(), end: u64::MAX, count, interval: Some(0.0) }
    }

    /// The plan for the send with this number, counted from 0.
    ///
    /// Latency counts from the intended time, which does not move when the server is late: a stall can't hide.
    pub fn due(&self, number: u64, now: u64) -> Due {
        let intended = match self.interval {
            None => now.max(self.start),
            Some(interval) => self.start.saturating_add(nanos(float(number) * interval)),
        };
        if number >= self.count || intended >= self.end {
            Due::Never
        } else if intended <= now {
            Due::Now(intended)
        } else {
            Due::At(intended)
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive time within a run")]
fn nanos(time: f64) -> u64 {
    time as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Pace = Pace { start: 1_000, end: 2_000, count: 99, interval: Some(100.0) };

    #[test]
    fn a_late_send_keeps_its_intended_time() {
        assert_eq!(OPEN.due(0, 999), Due::At(1_000));
        assert_eq!(OPEN.due(0, 1_000), Due::Now(1_000));
        assert_eq!(OPEN.due(3, 1_900), Due::Now(1_300));
        assert_eq!(OPEN.due(9, 1_900), Due::Now(1_900));
        assert_eq!(OPEN.due(10, 1_900), Due::Never);
    }

    #[test]
    fn what_was_due_in_time_is_sent_also_late() {
        assert_eq!(OPEN.due(9, 9_000), Due::Now(1_900));
        assert_eq!(Pace { count: 9, ..OPEN }.due(9, 1_900), Due::Never);
    }

    #[test]
    fn closed_loops_send_at_once() {
        let closed = Pace { interval: None, ..OPEN };
        assert_eq!(closed.due(5, 1_500), Due::Now(1_500));
        assert_eq!(closed.due(5, 500), Due::At(1_000));
        assert_eq!(closed.due(5, 2_000), Due::Never);
    }
}
