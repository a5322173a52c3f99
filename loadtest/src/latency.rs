//! Times of a run as a histogram of three digits, from 1 µs to 10 minutes.

use hdrhistogram::Histogram;
use serde::Serialize;

const LARGEST: u64 = 600_000_000_000;
const SMALLEST: u64 = 1_000;

/// Times, in nanoseconds.
#[derive(Clone, Debug)]
pub struct Latency(Histogram<u64>);

impl Default for Latency {
    fn default() -> Self {
        // Bounds and digits are constants that it takes; else there would be nothing to record into.
        Self(
            Histogram::new_with_bounds(SMALLEST, LARGEST, 3)
                .unwrap_or_else(|_| unreachable!("constant bounds")),
        )
    }
}

impl Latency {
    /// One time.
    #[inline]
    pub fn record(&mut self, nanos: u64) {
        self.0.saturating_record(nanos.max(SMALLEST));
    }

    /// The times of another thread too.
    pub fn add(&mut self, other: &Self) {
        // The same bounds: nothing that could not be added.
        let _ = self.0.add(&other.0);
    }

    /// What is told of them.
    pub fn summary(&self) -> Summary {
        let milliseconds = |nanos: u64| crate::clock::float(nanos) / 1e6;
        let at = |quantile| milliseconds(self.0.value_at_quantile(quantile));
        Summary {
            count: self.0.len(),
            min: milliseconds(self.0.min()),
            mean: self.0.mean() / 1e6,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: milliseconds(self.0.max()),
        }
    }
}

/// Percentiles, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// How many times.
    pub count: u64,
    /// The least.
    pub min: f64,
    /// Their mean.
    pub mean: f64,
    /// Half are below.
    pub p50: f64,
    /// Nine of ten are below.
    pub p90: f64,
    /// 99 of 100 are below.
    pub p99: f64,
    /// 999 of 1,000 are below.
    pub p999: f64,
    /// The largest.
    pub max: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_percentiles_in_milliseconds() {
        let mut latency = Latency::default();
        (1..=1000).for_each(|i| latency.record(i * 1_000_000));
        let mut all = Latency::default();
        all.add(&latency);
        let summary = all.summary();
        assert_eq!(summary.count, 1000);
        for (value, expected) in [(summary.p50, 500.0), (summary.p99, 990.0), (summary.max, 1000.0)] {
            assert!((value - expected).abs() < expected * 0.002, "{value} {expected}");
        }
    }
}
