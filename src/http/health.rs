use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{App, answer, operator};
use crate::protocol::Code;

/// `/healthz`: the process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// `/readyz`: it takes notifications and readers, though something may need looking after.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.is_ready() {
        let reasons = app.bus.reader().condition().reasons();
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
