//! Name, help and labels of every metric, in one file. Each gateway has its own set.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// A source's name. Sources are configured, so there are few.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SourceLabel {
    /// The source's name.
    pub source: String,
}

/// What became of a source's notifications.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OutcomeLabel {
    /// The source's name.
    pub source: String,
    /// `accepted`, `duplicate`, `ignored`, `quarantined`.
    pub outcome: &'static str,
}

/// Why notifications are no event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReasonLabel {
    /// The source's name.
    pub source: String,
    /// From a closed list in the reader of that kind.
    pub reason: &'static str,
}

/// The status of a refused request, or the reason of a closed connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CodeLabel {
    /// One of the codes of the protocol.
    pub code: &'static str,
}

/// The type of an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TypeLabel {
    /// Its short name.
    pub event_type: &'static str,
}

macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $field:ident: $kind:ty = $name:literal $(, $make:expr)?;)+) => {
        /// Everything that is counted.
        pub struct Metrics {
            registry: Registry,
            $($(#[doc = $help])+ pub $field: $kind,)+
        }

        impl Default for Metrics {
            fn default() -> Self {
                let mut registry = Registry::with_prefix("tagcast");
                $(
                    let $field: $kind = metrics!(@make $kind $(, $make)?);
                    registry.register($name, concat!($($help),+).trim().trim_end_matches('.'), $field.clone());
                )+
                Self { registry, $($field,)+ }
            }
        }
    };
    (@make $kind:ty, $make:expr) => { $make };
    (@make $kind:ty) => { <$kind>::default() };
}

metrics! {
    /// Notifications by source and outcome.
    notifications: Family<OutcomeLabel, Counter> = "notifications";
    /// Notifications that are no event, by source and reason.
    ignored: Family<ReasonLabel, Counter> = "ignored";
    /// Events written to the log, by type.
    events: Family<TypeLabel, Counter> = "events";
    /// Requests refused, by code.
    refused: Family<CodeLabel, Counter> = "refused";
    /// Same key, other content: repeats that are none.
    repeat_conflicts: Family<SourceLabel, Counter> = "dedupe_conflicts";
    /// Commits to the log.
    commits: Counter = "commits";
    /// Seconds from a request's arrival at the writer to its sync.
    commit_seconds: Histogram = "commit_seconds", Histogram::new(exponential_buckets(0.0001, 2.0, 16));
    /// Whether events are refused because the disk is low: 1 or 0.
    storage_low: Gauge = "storage_low";
    /// Events within the log that can't be read any more.
    damaged_events: Gauge = "log_damaged_events";
    /// Whether an operator has something to look after: 1 or 0.
    degraded: Gauge = "degraded";
    /// Steps of the wall clock by more than 2 s.
    clock_steps: Counter = "clock_steps";
    /// Oldest offset in the log.
    oldest_offset: Gauge = "log_oldest_offset";
    /// Newest offset in the log.
    newest_offset: Gauge = "log_newest_offset";
    /// Tags that the catalog knows.
    catalog_tags: Gauge = "catalog_tags";
    /// Keys by which repeats are known.
    repeat_keys: Gauge = "dedupe_keys";
    /// Open WebSocket connections.
    connections: Gauge = "connections";
    /// WebSocket connections closed by the server, by reason.
    closed: Family<CodeLabel, Counter> = "connections_closed";
    /// Groups of subscriptions that share filter and window.
    groups: Gauge = "groups";
    /// Distinct filters of live subscriptions.
    filters: Gauge = "filters";
    /// Distinct filters that no index can serve, and that run for every event of their cloud.
    broad_filters: Gauge = "broad_filters";
    /// Subscriptions that follow the log's end.
    live_subscriptions: Gauge = "live_subscriptions";
    /// Batches handed to connections.
    frames: Counter = "batches_delivered";
    /// Subscriptions whose connection had no room, and that went on from the log.
    fell_behind: Counter = "subscriptions_fell_behind";
    /// Bytes of input kept because nobody could read it.
    quarantine_bytes: Gauge = "quarantine_bytes";
    /// Quarantine records dropped for room.
    quarantine_dropped: Counter = "quarantine_dropped";
}

impl Metrics {
    /// All of it, in the text format of OpenMetrics, which Prometheus reads.
    pub fn render(&self) -> String {
        let mut out = String::new();
        // Writing to a String can't fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}
