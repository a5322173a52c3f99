use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};
use serde::Serialize;

/// Upper bounds: 0.1 ms, and double that again and again, up to 210 s.
const BOUNDS: usize = 22;

/// Durations by size, in plain numbers: what one pass observed, or all of them together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// One for each bound, and one for what is longer.
    counts: [u64; BOUNDS + 1],
    sum: f64,
}

/// A histogram that can be read, which the library's own can't.
#[derive(Clone, Debug, Default)]
pub struct Latency(Arc<Mutex<Tally>>);

/// A histogram as `GET /v1/server` shows it; seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LatencyReport {
    /// How many were observed.
    pub count: u64,
    /// All of them together.
    pub sum: f64,
    /// So long took half of them at most; none if nothing was observed.
    pub p50: Option<f64>,
    /// Nine in ten.
    pub p90: Option<f64>,
    /// All but one in a hundred.
    pub p99: Option<f64>,
    /// Upper bounds, and how many were no longer.
    pub buckets: Vec<(f64, u64)>,
}

fn bound(index: usize) -> f64 {
    0.000_1 * f64::from(1u32 << index)
}

impl Tally {
    /// Counts one.
    pub fn add(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let index = (0..BOUNDS).find(|index| seconds <= bound(*index)).unwrap_or(BOUNDS);
        self.counts[index] += 1;
        self.sum += seconds;
    }

    fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The duration that so large a part does not exceed, as if those between two bounds lay evenly.
    fn quantile(&self, part: f64) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let wanted = part * self.count() as f64;
        let mut below = 0.0;
        for (index, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let count = *count as f64;
            if below + count >= wanted {
                let from = if index == 0 { 0.0 } else { bound(index - 1) };
                let to = if index < BOUNDS { bound(index) } else { from };
                return Some(from + (to - from) * ((wanted - below) / count).clamp(0.0, 1.0));
            }
            below += count;
        }
        None
    }
}

impl Latency {
    fn tally(&self) -> Tally {
        *self.0.lock()
    }

    /// Counts one.
    pub fn observe(&self, duration: Duration) {
        self.0.lock().add(duration);
    }

    /// Counts all of a pass.
    pub fn merge(&self, pass: &Tally) {
        if pass.count() == 0 {
            return;
        }
        let mut all = self.0.lock();
        for (all, new) in all.counts.iter_mut().zip(pass.counts) {
            *all += new;
        }
        all.sum += pass.sum;
    }

    /// What it holds.
    pub fn report(&self) -> LatencyReport {
        let tally = self.tally();
        let mut so_far = 0;
        let buckets = (0..BOUNDS).map(|index| {
            so_far += tally.counts[index];
            (bound(index), so_far)
        });
        LatencyReport {
            buckets: buckets.collect(),
            count: tally.count(),
            sum: tally.sum,
            p50: tally.quantile(0.5),
            p90: tally.quantile(0.9),
            p99: tally.quantile(0.99),
        }
    }
}

impl TypedMetric for Latency {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Latency {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        let tally = self.tally();
        let bounds = (0..BOUNDS).map(bound).chain([f64::MAX]);
        let buckets: Vec<_> = bounds.zip(tally.counts).collect();
        encoder.encode_histogram::<NoLabelSet>(tally.sum, tally.count(), &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_the_bounds_of_what_was_seen() {
        let latency = Latency::default();
        assert_eq!((latency.report().count, latency.report().p50), (0, None));
        let mut pass = Tally::default();
        for ms in 1..=100 {
            pass.add(Duration::from_millis(ms));
        }
        latency.merge(&pass);
        latency.observe(Duration::from_secs(1_000));
        let report = latency.report();
        assert_eq!(report.count, 101);
        assert!((report.sum - 1_005.05).abs() < 1e-6, "{}", report.sum);
        let within = |value: Option<f64>, low: f64, high: f64| {
            value.is_some_and(|value| (low..=high).contains(&value))
        };
        assert!(within(report.p50, 0.04, 0.06) && within(report.p90, 0.08, 0.11), "{report:?}");
        assert_eq!(report.buckets.last(), Some(&(bound(BOUNDS - 1), 100)), "one is beyond all bounds");
        assert!(report.buckets.is_sorted_by(|one, other| one.0 < other.0 && one.1 <= other.1));
    }
}
