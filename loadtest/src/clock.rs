//! One clock for all threads: nanoseconds since the process asked first.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;

/// Now.
pub fn now() -> u64 {
    nanos(START.elapsed())
}

/// A duration in nanoseconds; 584 years at most.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
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
