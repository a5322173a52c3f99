//! The one book of what sources sent: `/v1/sources`, `/v1/server` and `/metrics` read it.

use std::sync::{Arc, OnceLock};

use serde::Serialize;

use super::Receipt;
use crate::metrics::{CodeLabel, Counter, Metrics, OutcomeLabel, ReasonLabel, SourceLabel};
use crate::protocol::Code;

/// What became of a source's requests since the gateway started.
///
/// `notifications`, `duplicates`, `ignored` and `quarantined` together are all notifications that were dealt with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Events made.
    pub accepted: u64,
    /// Notifications that made them.
    pub notifications: u64,
    /// Notifications that were seen before.
    pub duplicates: u64,
    /// Notifications that are no event.
    pub ignored: u64,
    /// Notifications that could not be read and are kept aside.
    pub quarantined: u64,
    /// Requests refused.
    pub refused: u64,
}

/// The counts of one source. Each is the counter itself that `/metrics` shows.
pub(super) struct Book {
    source: String,
    metrics: Arc<Metrics>,
    accepted: Count,
    notifications: Count,
    duplicates: Count,
    ignored: Count,
    quarantined: Count,
    refused: Count,
}

impl Book {
    /// An empty book.
    pub(super) fn new(source: &str, metrics: Arc<Metrics>) -> Self {
        Self {
            source: source.to_owned(),
            metrics,
            accepted: Count::default(),
            notifications: Count::default(),
            duplicates: Count::default(),
            ignored: Count::default(),
            quarantined: Count::default(),
            refused: Count::default(),
        }
    }

    /// Counts a request that was taken.
    pub(super) fn take(&self, receipt: &Receipt) {
        self.accepted.add(receipt.accepted, || self.metrics.source_events.get_or_create_owned(&self.label()));
        for (count, outcome, notifications) in [
            (&self.notifications, "accepted", receipt.notifications),
            (&self.duplicates, "duplicate", receipt.duplicates),
            (&self.ignored, "ignored", receipt.ignored),
            (&self.quarantined, "quarantined", receipt.quarantined),
        ] {
            count.add(notifications, || {
                let label = OutcomeLabel { source: self.source.clone(), outcome };
                self.metrics.notifications.get_or_create_owned(&label)
            });
        }
        for reason in &receipt.reasons {
            let label = ReasonLabel { source: self.source.clone(), reason };
            self.metrics.ignored.get_or_create(&label).inc();
        }
    }

    /// Counts a request that was refused.
    pub(super) fn refuse(&self, code: Code) {
        refuse(&self.metrics, code);
        self.refused.add(1, || self.metrics.source_refused.get_or_create_owned(&self.label()));
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            accepted: self.accepted.get(),
            notifications: self.notifications.get(),
            duplicates: self.duplicates.get(),
            ignored: self.ignored.get(),
            quarantined: self.quarantined.get(),
            refused: self.refused.get(),
        }
    }

    /// Records dropped from quarantine, which the writer counts.
    pub(super) fn dropped(&self) -> u64 {
        self.metrics.quarantine_dropped.get(&self.label()).map_or(0, |count| count.get())
    }

    fn label(&self) -> SourceLabel {
        SourceLabel { source: self.source.clone() }
    }
}

/// Counts a refused request, whether its source is known or not.
pub(super) fn refuse(metrics: &Metrics, code: Code) {
    metrics.refused.get_or_create(&CodeLabel { code: code.as_str() }).inc();
}

/// A counter that stands in `/metrics` from the first thing that it counts.
#[derive(Default)]
struct Count(OnceLock<Counter>);

impl Count {
    fn add(&self, more: usize, counter: impl FnOnce() -> Counter) {
        if more > 0 {
            self.0.get_or_init(counter).inc_by(more as u64);
        }
    }

    fn get(&self) -> u64 {
        self.0.get().map_or(0, Counter::get)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_metrics_say_the_same() {
        let metrics = Arc::new(Metrics::default());
        let book = Book::new("hub", Arc::clone(&metrics));
        assert!(!metrics.render().contains("hub"), "{}", metrics.render());
        let mut receipt =
            Receipt { accepted: 4, notifications: 2, duplicates: 1, quarantined: 1, ..Receipt::default() };
        receipt.ignore("pull");
        receipt.ignore("pull");
        book.take(&receipt);
        book.refuse(Code::StorageLow);
        let counts =
            Counts { accepted: 4, notifications: 2, duplicates: 1, ignored: 2, quarantined: 1, refused: 1 };
        assert_eq!(book.counts(), counts);
        let text = metrics.render();
        for line in [
            "tagcast_source_events_total{source=\"hub\"} 4",
            "tagcast_notifications_total{source=\"hub\",outcome=\"accepted\"} 2",
            "tagcast_notifications_total{source=\"hub\",outcome=\"duplicate\"} 1",
            "tagcast_notifications_total{source=\"hub\",outcome=\"ignored\"} 2",
            "tagcast_notifications_total{source=\"hub\",outcome=\"quarantined\"} 1",
            "tagcast_ignored_total{source=\"hub\",reason=\"pull\"} 2",
            "tagcast_source_refused_total{source=\"hub\"} 1",
            "tagcast_refused_total{code=\"storage_low\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
