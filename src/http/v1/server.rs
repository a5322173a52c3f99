use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::event::Timestamp;
use crate::http::App;
use crate::http::error::Answer;
use crate::http::extract::{LARGEST_PAGE, NoParameters, Onlooker, Operator, Parameters};

/// `GET /v1/server`: what runs here, how far its log reaches, and how it is doing. Counts are of all clouds together,
/// so they are the operator's.
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    onlooker: Onlooker,
    _: Parameters<NoParameters>,
) -> Json<Value> {
    let mut shown = general(&app);
    if onlooker.is_operator() {
        shown["counts"] = counts(&app);
        shown["health"]["outdated"] = app.triggers.outdated().into();
        shown["latency"] = json!({
            "commit": app.metrics.commit_seconds.report(),
            "delivery": app.metrics.delivery_seconds.report(),
            "window": app.metrics.window_seconds.report(),
        });
    }
    Json(shown)
}

/// What everyone may know.
fn general(app: &App) -> Value {
    let bounds = app.bus.reader().bounds();
    let node = &app.node;
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "node": node.name,
        "started_at": node.started_at.to_string(),
        "time": Timestamp::now().to_string(),
        "position": bounds.position().to_string(),
        "log": {
            "epoch": bounds.epoch,
            "oldest": bounds.oldest,
            "newest": bounds.newest,
            "store": node.store,
            "max_age_seconds": node.max_age.as_secs(),
            "max_size_bytes": node.max_bytes,
        },
        "health": health(app),
        "limits": limits(app),
    })
}

/// `POST /v1/server/acknowledge`: an operator knows of what was damaged or lost.
pub(crate) async fn acknowledge(
    State(app): State<Arc<App>>,
    _: Operator,
    _: Parameters<NoParameters>,
) -> Answer<StatusCode> {
    app.bus.reader().acknowledge().await?;
    Ok(StatusCode::NO_CONTENT)
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
