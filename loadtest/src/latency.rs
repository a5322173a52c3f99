//! Times of a run as a histogram of three digits, from 1 µs to 10 minutes.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

const LARGEST: u64 = 600_000_000_000;
const SMALLEST: u64 = 1_000;

/// Times, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Counts", into = "Counts")]
pub struct Latency(Histogram<u64>);

/// A histogram on its way from another process: values, and how often each.
type Counts = Vec<(u64, u64)>;

impl From<Latency> for Counts {
    fn from(latency: Latency) -> Self {
        latency.0.iter_recorded().map(|one| (one.value_iterated_to(), one.count_at_value())).collect()
    }
}

impl From<Counts> for Latency {
    fn from(counts: Counts) -> Self {
        let mut latency = Self::default();
        for (value, count) in counts {
            latency.0.saturating_record_n(value, count);
        }
        latency
    }
}

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

    /// How many times there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// What is told of them.
    pub fn summary(&self) -> Summary {
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

    /// Milliseconds by quantile, closer to each other towards the end: what a plot shows.
    pub fn curve(&self) -> Vec<(f64, f64)> {
        let quantiles =
            self.0.iter_quantiles(4).map(|one| (one.quantile(), milliseconds(one.value_iterated_to())));
        // The last is the largest time, whose quantile of 1 has no place on a scale of nines.
        let largest = 1.0 - 0.5 / crate::clock::float(self.0.len().max(1));
        quantiles.map(|(quantile, time)| (quantile.min(largest), time)).collect()
    }
}

fn milliseconds(nanos: u64) -> f64 {
    crate::clock::float(nanos) / 1e6
}

/// Percentiles, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
    use proptest::prelude::*;

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
        let curve = all.curve();
        assert!(curve.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1), "{curve:?}");
        assert!((curve.last().unwrap().1 - summary.max).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn parts_together_are_the_whole_also_from_other_processes(
            parts in prop::collection::vec(prop::collection::vec(0u64..1 << 40, 0..50), 1..5),
        ) {
            let mut whole = Latency::default();
            let mut together = Latency::default();
            for part in &parts {
                let mut one = Latency::default();
                for &time in part {
                    whole.record(time);
                    one.record(time);
                }
                let sent = serde_json::to_string(&one).unwrap();
                together.add(&serde_json::from_str(&sent).unwrap());
            }
            let (whole, together) = (whole.summary(), together.summary());
            prop_assert_eq!(whole.count, together.count);
            for (a, b) in [(whole.p50, together.p50), (whole.p99, together.p99), (whole.max, together.max)] {
                prop_assert!((a - b).abs() <= a * 0.002, "{} {}", a, b);
            }
        }
    }
}
