use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};

use super::App;
use super::query::LARGEST_PAGE;
use crate::event::Timestamp;

/// What a gateway says of itself, for as long as it runs.
#[derive(Clone, Debug)]
pub(crate) struct About {
    /// The machine's name.
    pub node: String,
    /// When it started.
    pub started_at: Timestamp,
    /// The log's home: `disk` or `memory`.
    pub store: &'static str,
    /// Retention by age.
    pub max_age: Duration,
    /// Retention by size, in bytes.
    pub max_bytes: u64,
}

/// `/v1/server`: what runs here, how far its log reaches, and how it is doing.
pub(super) async fn server(State(app): State<Arc<App>>) -> Response {
    let bounds = app.bus.reader().bounds();
    let about = &app.about;
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "node": about.node,
        "started_at": about.started_at.to_string(),
        "time": Timestamp::now().to_string(),
        "position": bounds.position().to_string(),
        "log": {
            "epoch": bounds.epoch,
            "oldest": bounds.oldest,
            "newest": bounds.newest,
            "store": about.store,
            "max_age_seconds": about.max_age.as_secs(),
            "max_size_bytes": about.max_bytes,
        },
        "health": health(&app),
        "limits": limits(&app),
        "counts": counts(&app),
        "latency": {
            "commit": app.metrics.commit_seconds.report(),
            "delivery": app.metrics.delivery_seconds.report(),
            "window": app.metrics.window_seconds.report(),
        },
    }))
    .into_response()
}

/// What an operator should look after.
fn health(app: &App) -> Value {
    let (bounds, condition) = (app.bus.reader().bounds(), app.bus.reader().condition());
    let id = |offset| bounds.at(offset).to_string();
    let damaged: Vec<_> =
        condition.damaged.iter().map(|g| json!({"from": id(g.from), "to": id(g.to)})).collect();
    json!({
        "state": if condition.is_degraded() { "degraded" } else { "ok" },
        "reasons": condition.reasons(),
        "room": condition.room.as_str(),
        "damaged": damaged,
    })
}

fn limits(app: &App) -> Value {
    let connections = app.connections.limits();
    json!({
        "body_bytes": app.limits.body,
        "message_bytes": connections.message,
        "subscriptions": connections.subscriptions,
        "filter_bytes": app.filters.max_text,
        "page": LARGEST_PAGE,
        "connections": connections.total,
        "connections_per_address": connections.per_address,
        "outbox_bytes": connections.outbox_bytes,
        "batch": {"size": [1, 5_000], "cutoff_seconds": [0, 300], "bytes": [1 << 10, 1 << 20]},
    })
}

/// Since the start, or now.
fn counts(app: &App) -> Value {
    let metrics = &app.metrics;
    let open = app.connections.open();
    let open: Map<_, _> =
        open.map(|(framing, open)| (framing.as_str().to_owned(), open.into())).into_iter().collect();
    json!({
        "events": metrics.events_by_type(),
        "notifications": app.ingest.notifications(),
        "connections": open,
        "subscriptions": metrics.live_subscriptions.get(),
        "groups": metrics.groups.get(),
        "filters": metrics.filters.get(),
        "batches_delivered": metrics.frames.get(),
        "fell_behind": metrics.fell_behind.get(),
        "catalog_tags": metrics.catalog_tags.get(),
    })
}
