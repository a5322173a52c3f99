use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{App, answer, operator};
use crate::protocol::Code;

/// `/healthz`: the process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// `/readyz`: it takes notifications and readers, though something may need looking after.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.is_ready() {
        let reasons = app.bus.reader().log().condition().reasons();
        if reasons.is_empty() { "ready\n".into_response() } else { degraded(&reasons).into_response() }
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}

fn degraded(reasons: &[&str]) -> String {
    format!("ready, degraded: {}\n", reasons.join(", "))
}

/// `POST /v1/server/acknowledge`: an operator knows of what was damaged or lost.
pub(super) async fn acknowledge(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if let Err(refused) = operator::operator(&app, &headers) {
        return refused;
    }
    match app.bus.reader().acknowledge().await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => answer::error(Code::StorageFailed, &error.to_string()),
    }
}

/// `/metrics`, in the text format of OpenMetrics.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], app.metrics.render())
}

/// `/v1/server`: what runs here, and how far its log reaches.
pub(super) async fn server(State(app): State<Arc<App>>) -> Response {
    let (bounds, condition) = (app.bus.reader().log().bounds(), app.bus.reader().log().condition());
    let id = |offset| bounds.at(offset).to_string();
    let damaged: Vec<_> =
        condition.damaged.iter().map(|g| json!({"from": id(g.from), "to": id(g.to)})).collect();
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "position": bounds.position().to_string(),
        "log": {"epoch": bounds.epoch, "oldest": bounds.oldest, "newest": bounds.newest},
        "health": {
            "state": if condition.is_degraded() { "degraded" } else { "ok" },
            "reasons": condition.reasons(),
            "room": condition.room.as_str(),
            "damaged": damaged,
        },
        "limits": {
            "body_bytes": app.limits.body,
            "message_bytes": app.connections.limits().message,
            "subscriptions": app.connections.limits().subscriptions,
            "filter_bytes": app.filters.max_text,
        },
    }))
    .into_response()
}
