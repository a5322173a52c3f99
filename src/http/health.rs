use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::App;

/// `/healthz`: the process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// `/readyz`: it takes notifications and readers.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.is_ready() {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}

/// `/metrics`, in the text format of OpenMetrics.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], app.metrics.render())
}

/// `/v1/server`: what runs here, and how far its log reaches.
pub(super) async fn server(State(app): State<Arc<App>>) -> Response {
    let bounds = app.bus.reader().log().bounds();
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "position": bounds.position().to_string(),
        "log": {"epoch": bounds.epoch, "oldest": bounds.oldest, "newest": bounds.newest},
        "limits": {
            "body_bytes": app.limits.body,
            "message_bytes": app.connections.limits().message,
            "subscriptions": app.connections.limits().subscriptions,
            "filter_bytes": app.filters.max_text,
        },
    }))
    .into_response()
}
