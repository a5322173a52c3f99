//! One clock for all threads and processes of the machine: nanoseconds of its monotonic clock.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;

/// Now.
#[inline]
pub fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // Neither is ever negative.
    u64::try_from(now.tv_sec).unwrap_or(0) * SECOND + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// A duration in nanoseconds; 584 years at most.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds as seconds.
pub fn seconds(nanos: u64) -> f64 {
    float(nanos) / 1e9
}

/// `count` as a float, for rates. Counts of a run are far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^53")]
pub fn float(count: u64) -> f64 {
    count as f64
}

/// The same for lengths.
pub fn float_len(count: usize) -> f64 {
    float(count as u64)
}

/// How many a second, of `count` in `nanos`.
pub fn per_second(count: u64, nanos: u64) -> f64 {
    if nanos == 0 { 0.0 } else { float(count) * 1e9 / float(nanos) }
}
