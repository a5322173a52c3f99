use std::time::{Duration, Instant};

use crate::event::Timestamp;
use crate::metrics::Metrics;

/// A step of the wall clock that is worth a word.
const STEP: i64 = 2_000;
/// A step forward after which nothing is removed by age until the clock has been steady for as long.
const LEAP: i64 = 10 * 60_000;
const STEADY: Duration = Duration::from_mins(10);

/// The wall clock beside the monotonic one. What removes by age goes by what it says, which does not follow
/// a leap forward at once: a wrong clock must not take what it can't bring back.
#[derive(Debug, Default)]
pub(super) struct Clock {
    last: Option<(Instant, i64)>,
    /// How far the wall clock is ahead of what removal goes by, and since when it has been steady.
    ahead: Option<(i64, Instant)>,
}

impl Clock {
    /// Compares the clocks, counts a step, and tells the time by which to remove.
    pub(super) fn tick(&mut self, steady: Instant, wall: Timestamp, metrics: &Metrics) -> Timestamp {
        let now_ms = wall.as_millisecond();
        let step = self.step(steady, now_ms);
        if step.abs() > STEP {
            metrics.clock_steps.inc();
            tracing::warn!(milliseconds = step, "the clock was set");
        }
        Timestamp::from_millisecond(self.trusted(steady, now_ms, step)).unwrap_or(wall)
    }

    /// Milliseconds by which the wall clock moved more than the monotonic one since the last call.
    fn step(&mut self, steady: Instant, now_ms: i64) -> i64 {
        let last = self.last.replace((steady, now_ms));
        let Some((then, then_ms)) = last else { return 0 };
        let passed = i64::try_from(steady.saturating_duration_since(then).as_millis()).unwrap_or(i64::MAX);
        now_ms.saturating_sub(then_ms).saturating_sub(passed)
    }

    fn trusted(&mut self, steady: Instant, now_ms: i64, step: i64) -> i64 {
        if let Some((ahead, since)) = &mut self.ahead {
            if step.abs() > STEP {
                *ahead = ahead.saturating_add(step);
                *since = steady;
            }
            if *ahead <= LEAP || steady.saturating_duration_since(*since) >= STEADY {
                self.ahead = None;
            }
        } else if step > LEAP {
            self.ahead = Some((step, steady));
        }
        now_ms - self.ahead.map_or(0, |(ahead, _)| ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3_600_000;

    struct Run {
        clock: Clock,
        begin: Instant,
        passed: Duration,
        wall: i64,
    }

    impl Run {
        fn new() -> Self {
            let mut run =
                Self { clock: Clock::default(), begin: Instant::now(), passed: Duration::ZERO, wall: DAY };
            run.after(Duration::ZERO, 0);
            run
        }

        /// Time passes, then the wall clock is set by `step`; what removal goes by.
        fn after(&mut self, passed: Duration, step: i64) -> i64 {
            self.passed += passed;
            self.wall += i64::try_from(passed.as_millis()).unwrap() + step;
            let wall = Timestamp::from_millisecond(self.wall).unwrap();
            self.clock.tick(self.begin + self.passed, wall, &Metrics::default()).as_millisecond()
        }
    }

    #[test]
    fn a_steady_clock_is_followed() {
        let mut run = Run::new();
        assert_eq!(run.after(Duration::from_secs(90), 1_500), run.wall);
        assert_eq!(run.after(Duration::from_hours(90), 0), run.wall);
    }

    #[test]
    fn a_leap_is_followed_when_it_has_lasted() {
        let mut run = Run::new();
        let before = run.wall;
        assert_eq!(run.after(Duration::from_secs(1), DAY), before + 1_000);
        assert_eq!(run.after(Duration::from_secs(599), 0), before + 600_000, "not yet");
        assert_eq!(run.after(Duration::from_secs(1), 0), run.wall);
    }

    #[test]
    fn a_leap_that_is_taken_back_never_was() {
        let mut run = Run::new();
        run.after(Duration::from_secs(1), DAY);
        assert_eq!(run.after(Duration::from_secs(1), -DAY), run.wall);
        assert_eq!(run.after(Duration::from_secs(1), 0), run.wall);
    }

    #[test]
    fn each_further_step_begins_the_wait_anew() {
        let mut run = Run::new();
        let before = run.wall;
        run.after(Duration::from_secs(1), DAY);
        assert_eq!(run.after(Duration::from_secs(500), DAY), before + 501_000);
        assert_eq!(run.after(Duration::from_secs(599), 0), before + 1_100_000);
        assert_eq!(run.after(Duration::from_secs(1), 0), run.wall);
    }

    #[test]
    fn small_steps_and_steps_back_are_followed() {
        let mut run = Run::new();
        assert_eq!(run.after(Duration::from_secs(1), LEAP), run.wall);
        assert_eq!(run.after(Duration::from_secs(1), -DAY), run.wall);
    }
}
