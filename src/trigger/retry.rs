use std::time::Duration;

/// Waits after the first, second … failed attempt in a row; the last one repeats.
const SCHEDULE: [Duration; 6] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(10),
    Duration::from_mins(30),
    Duration::from_hours(1),
];
/// Up to this share a wait is longer or shorter, so that triggers of one target don't come together.
const JITTER: f64 = 0.2;
/// A target without one success for so long has its trigger disabled.
const PATIENCE_MS: i64 = 5 * 24 * 3_600_000;
/// Until when a batch is tried, from its oldest event.
const TTL: Duration = Duration::from_hours(24);

/// How a trigger repeats what failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts for one batch, at most; `None` while it is young enough.
    pub attempts: Option<u32>,
    /// The same wait after each; `None`: as the schedule says.
    pub interval: Option<Duration>,
    /// How old the oldest event of a batch may be when an attempt fails.
    pub ttl: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: None, interval: None, ttl: TTL }
    }
}

/// How a target does. It belongs to the target, not to one batch: the first success ends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// Failed attempts in a row.
    pub count: u32,
    /// Since when there was no success, in Unix milliseconds; 0 where the last attempt was one.
    pub since: i64,
}

/// What comes after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The same batch, after a wait.
    Again(Duration),
    /// The batch is given up; the next one after a wait.
    GiveUp(Duration),
    /// The trigger is disabled.
    Disable,
}

impl Retry {
    /// What comes after a failed attempt at `now`, the `attempts`-th of its batch, whose oldest event was accepted
    /// at `oldest` (both in Unix milliseconds). `jitter` is a random number from 0 to 1.
    pub fn next(
        &self,
        failures: &mut Failures,
        attempts: u32,
        (oldest, now): (i64, i64),
        asked: Option<Duration>,
        jitter: f64,
    ) -> Next {
        if failures.count == 0 {
            failures.since = now;
        }
        failures.count = failures.count.saturating_add(1);
        if now - failures.since >= PATIENCE_MS {
            return Next::Disable;
        }
        let scheduled = self.interval.unwrap_or_else(|| {
            let place = usize::try_from(failures.count - 1).unwrap_or(usize::MAX);
            SCHEDULE[place.min(SCHEDULE.len() - 1)]
        });
        let spread = scheduled.mul_f64(1.0 - JITTER + 2.0 * JITTER * jitter.clamp(0.0, 1.0));
        let wait = spread.max(asked.unwrap_or_default());
        let ttl = i64::try_from(self.ttl.as_millis()).unwrap_or(i64::MAX);
        let worn_out = self.attempts.is_some_and(|most| attempts >= most) || now - oldest >= ttl;
        if worn_out { Next::GiveUp(wait) } else { Next::Again(wait) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(next: Next) -> f64 {
        match next {
            Next::Again(wait) | Next::GiveUp(wait) => wait.as_secs_f64(),
            Next::Disable => f64::INFINITY,
        }
    }

    #[test]
    fn waits_grow_and_stay_at_an_hour() {
        let (retry, mut failures) = (Retry::default(), Failures::default());
        let waits: Vec<f64> =
            (1..9).map(|n| seconds(retry.next(&mut failures, n, (0, 0), None, 0.5))).collect();
        assert_eq!(waits, [5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 3600.0, 3600.0]);
    }

    #[test]
    fn a_batch_is_given_up_by_attempts_or_by_age() {
        let retry = Retry { attempts: Some(2), interval: Some(Duration::from_secs(10)), ..Retry::default() };
        let mut failures = Failures::default();
        assert_eq!(retry.next(&mut failures, 1, (0, 0), None, 0.5), Next::Again(Duration::from_secs(10)));
        assert_eq!(retry.next(&mut failures, 2, (0, 0), None, 0.5), Next::GiveUp(Duration::from_secs(10)));
        let day = 24 * 3_600_000;
        let aged = Retry::default().next(&mut Failures::default(), 1, (0, day), None, 0.5);
        assert!(matches!(aged, Next::GiveUp(_)));
        let young = Retry::default().next(&mut Failures::default(), 1, (1, day), None, 0.5);
        assert!(matches!(young, Next::Again(_)));
    }

    #[test]
    fn five_days_without_a_success_disable() {
        let mut failures = Failures::default();
        let retry = Retry { ttl: Duration::from_hours(24 * 30), ..Retry::default() };
        retry.next(&mut failures, 1, (1_000, 1_000), None, 0.5);
        let almost = retry.next(&mut failures, 2, (1_000, 999 + PATIENCE_MS), None, 0.5);
        assert!(matches!(almost, Next::Again(_)));
        assert_eq!(retry.next(&mut failures, 3, (1_000, 1_000 + PATIENCE_MS), None, 0.5), Next::Disable);
    }

    proptest! {
        #[test]
        fn a_wait_is_within_its_jitter_and_never_shorter_than_asked(
            count in 0_u32..1_000, jitter in 0.0..=1.0, asked in proptest::option::of(0_u64..3_600),
            interval in proptest::option::of(1_u64..3_600),
        ) {
            let retry = Retry { interval: interval.map(Duration::from_secs), ..Retry::default() };
            let mut failures = Failures { count, since: 5 };
            let next = retry.next(&mut failures, 1, (0, 10), asked.map(Duration::from_secs), jitter);
            let Next::Again(wait) = next else { panic!("{next:?}") };
            let place = usize::try_from(count).unwrap().min(SCHEDULE.len() - 1);
            let base = retry.interval.unwrap_or(SCHEDULE[place]);
            prop_assert!(wait >= Duration::from_secs(asked.unwrap_or(0)));
            prop_assert!(wait >= base.mul_f64(0.799));
            prop_assert!(wait <= base.mul_f64(1.201).max(Duration::from_secs(asked.unwrap_or(0))));
            prop_assert_eq!(failures.count, count + 1);
        }
    }
}
