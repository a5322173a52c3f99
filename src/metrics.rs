//! Name, help and labels of every metric, in one file. Each gateway has its own set.

mod latency;

use std::collections::BTreeMap;

use prometheus_client::encoding::{EncodeLabelSet, text};
pub(crate) use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
pub(crate) use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::event::EventType;

pub(crate) use latency::{Latency, Tally};

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

/// What credentials open.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CredentialLabel {
    /// `source`, `reader`.
    pub kind: &'static str,
}

/// A cloud, for what teams have.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CloudLabel {
    /// Its name; empty where nobody knows it.
    pub cloud: String,
}

/// What came of attempts for a cloud's triggers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AttemptLabel {
    /// The cloud's name.
    pub cloud: String,
    /// What came of it.
    pub code: &'static str,
}

/// How clients are spoken to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TransportLabel {
    /// `websocket`, `sse`, `ndjson`.
    pub transport: &'static str,
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
    /// Events made of a source's notifications.
    source_events: Family<SourceLabel, Counter> = "source_events";
    /// Notifications by source and outcome; accepted are those that made events.
    notifications: Family<OutcomeLabel, Counter> = "notifications";
    /// Notifications that are no event, by source and reason.
    ignored: Family<ReasonLabel, Counter> = "ignored";
    /// Events written to the log, by type.
    events: Family<TypeLabel, Counter> = "events";
    /// Requests of a source that were refused.
    source_refused: Family<SourceLabel, Counter> = "source_refused";
    /// Requests refused, by code; also those for no source.
    refused: Family<CodeLabel, Counter> = "refused";
    /// Requests with a wrong credential, by what it was to open.
    wrong_credentials: Family<CredentialLabel, Counter> = "wrong_credentials";
    /// Requests of other sites' pages and for hosts that are not the gateway's, by code.
    turned_away: Family<CodeLabel, Counter> = "turned_away";
    /// Same key, other content: repeats that are none.
    repeat_conflicts: Family<SourceLabel, Counter> = "dedupe_conflicts";
    /// Commits to the log.
    commits: Counter = "commits";
    /// Seconds from a request's arrival at the writer to its sync.
    commit_seconds: Latency = "commit_seconds";
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
    /// Open connections, by transport.
    connections: Family<TransportLabel, Gauge> = "connections";
    /// Connections closed by the server, by reason.
    closed: Family<CodeLabel, Counter> = "connections_closed";
    /// Bytes that wait for connections, each frame counted once.
    outbox_bytes: Gauge = "outbox_bytes";
    /// Bytes of requests' bodies that come and are worked on.
    body_bytes: Gauge = "http_body_bytes";
    /// Bytes of answers that are made and sent; small ones do not count once they are made.
    answer_bytes: Gauge = "http_answer_bytes";
    /// Groups of subscriptions that share filter and window.
    groups: Gauge = "groups";
    /// Distinct filters of live subscriptions.
    filters: Gauge = "filters";
    /// Distinct filters that no index can serve, and that run for every event of their cloud.
    broad_filters: Gauge = "broad_filters";
    /// Pages, checks and filters for which their reader had no turn in time.
    work_refused: Counter = "work_refused";
    /// Subscriptions that were ended because their filters search too much.
    filters_stopped: Counter = "filters_stopped";
    /// Subscriptions that follow the log's end.
    live_subscriptions: Gauge = "live_subscriptions";
    /// Seconds from the acceptance of a batch's first event to its delivery, without its wait in the window.
    delivery_seconds: Latency = "delivery_seconds";
    /// Seconds that the first event of a batch waited in its window.
    window_seconds: Latency = "window_seconds";
    /// Batches handed to connections.
    frames: Counter = "batches_delivered";
    /// Frames that were compressed; each may have gone to many.
    deflated: Counter = "frames_compressed";
    /// Subscriptions whose connection had no room, and that went on from the log.
    fell_behind: Counter = "subscriptions_fell_behind";
    /// Triggers of each cloud, whether they run or not.
    triggers: Family<CloudLabel, Gauge> = "triggers";
    /// Attempts to deliver to targets, by cloud and what came of them.
    trigger_attempts: Family<AttemptLabel, Counter> = "trigger_attempts";
    /// Batches of each cloud that were given up and are kept.
    dead_letters: Family<CloudLabel, Gauge> = "dead_letters";
    /// Bytes of input kept because nobody could read it.
    quarantine_bytes: Gauge = "quarantine_bytes";
    /// Quarantine records dropped for room or age, by source.
    quarantine_dropped: Family<SourceLabel, Counter> = "quarantine_dropped";
    /// Connections that have shown no credential yet.
    unproven: Gauge = "unproven_connections";
    /// Connections closed to make room for others, by what they were: unproven, idle.
    cut_for_room: Family<CodeLabel, Counter> = "connections_cut_for_room";
    /// Connections closed because no request came in time, by the setting that says when.
    head_timeouts: Family<CodeLabel, Counter> = "http_head_timeouts";
    /// Lines of diagnostics dropped because nobody read them.
    diagnostics_dropped: Counter = "diagnostics_dropped";
}

impl Metrics {
    /// Events written, by the short names of those types of which there were any.
    pub fn events_by_type(&self) -> BTreeMap<&'static str, u64> {
        let all = EventType::ALL.into_iter().map(EventType::as_str);
        let counted = all
            .filter_map(|event_type| Some((event_type, self.events.get(&TypeLabel { event_type })?.get())));
        counted.collect()
    }

    /// All of it, in the text format of OpenMetrics, which Prometheus reads.
    pub fn render(&self) -> String {
        let mut out = String::new();
        // Writing to a String can't fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}
