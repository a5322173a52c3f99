use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::limits::{Budget, Rate};

/// Failed requests in a minute, and requests over the rate in a minute, that end a connection.
const MAX_ERRORS: usize = 20;
const MAX_REFUSALS: usize = 100;
const MINUTE: Duration = Duration::from_mins(1);

/// How well a client behaves.
pub(super) struct Conduct {
    budget: Budget,
    rate: Rate,
    errors: MinuteCount,
    refusals: MinuteCount,
}

impl Conduct {
    /// Of a client that may send `rate` commands.
    pub(super) fn new(rate: Rate) -> Self {
        let (errors, refusals) = (MinuteCount::default(), MinuteCount::default());
        Self { budget: Budget::new(rate), rate, errors, refusals }
    }

    /// Counts a command.
    ///
    /// # Errors
    ///
    /// How long to wait, where they come too fast.
    pub(super) fn command(&self) -> Result<(), Duration> {
        self.budget.take(NonZeroU32::MIN, self.rate)
    }

    /// Counts a failed request; whether that was one too many.
    pub(super) fn fails_too_often(&mut self) -> bool {
        self.errors.add_one() > MAX_ERRORS
    }

    /// Counts a command over the rate; whether that was one too many.
    pub(super) fn asks_too_often(&mut self) -> bool {
        self.refusals.add_one() > MAX_REFUSALS
    }
}

/// How often something happened in the minute that began with the first of it.
#[derive(Default)]
struct MinuteCount {
    since: Option<Instant>,
    count: usize,
}

impl MinuteCount {
    fn add_one(&mut self) -> usize {
        let now = Instant::now();
        if self.since.is_none_or(|since| now - since > MINUTE) {
            (self.since, self.count) = (Some(now), 0);
        }
        self.count += 1;
        self.count
    }
}
