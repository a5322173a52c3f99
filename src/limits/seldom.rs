use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A kind of line in the diagnostics that anyone can cause as often as they like: it comes seldom, and says how many
/// were left out before it.
#[derive(Debug)]
pub(crate) struct Seldom {
    every: Duration,
    /// Milliseconds from the beginning, before which none comes.
    next: AtomicU64,
    left_out: AtomicU64,
}

impl Seldom {
    /// Once a minute, the first at once.
    pub(crate) const fn minutely() -> Self {
        Self::every(Duration::from_mins(1))
    }

    /// Once in so much time, the first at once.
    pub(crate) const fn every(every: Duration) -> Self {
        Self { every, next: AtomicU64::new(0), left_out: AtomicU64::new(0) }
    }

    /// Whether a line may come now: how many were left out since the last one, or `None`.
    pub(crate) fn turn(&self) -> Option<u64> {
        self.turn_at(BEGAN.elapsed())
    }

    fn turn_at(&self, now: Duration) -> Option<u64> {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let next = self.next.load(Ordering::Relaxed);
        let then = millis(now + self.every);
        // Of several at once only one is told.
        if millis(now) < next
            || self.next.compare_exchange(next, then, Ordering::Relaxed, Ordering::Relaxed).is_err()
        {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.left_out.swap(0, Ordering::Relaxed))
    }
}

/// A line that strangers can cause: `seldom!(warn, error = %why, "what happened")`. Each place is a kind of its own.
macro_rules! seldom {
    ($level:ident, $($line:tt)+) => {{
        static KIND: $crate::limits::Seldom = $crate::limits::Seldom::minutely();
        if let Some(left_out) = KIND.turn() {
            tracing::$level!(left_out, $($line)+);
        }
    }};
}

pub(crate) use seldom;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_a_minute_is_told_with_a_count_of_the_others() {
        let kind = Seldom::minutely();
        let at = |millis| kind.turn_at(Duration::from_millis(millis));
        assert_eq!([at(5), at(6), at(60_004), at(60_005), at(60_006)], [Some(0), None, None, Some(2), None]);
        assert_eq!(at(500_000), Some(1));
    }
}
