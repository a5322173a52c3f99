use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use super::App;

/// `/healthz`: the process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// `/readyz`: it takes notifications and readers, though something may need looking after.
pub(super) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, String) {
    if !app.is_ready() {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready\n".to_owned());
    }
    let reasons = app.bus.reader().condition().reasons();
    let state = if reasons.is_empty() {
        "ready".to_owned()
    } else {
        format!("ready, degraded: {}", reasons.join(", "))
    };
    (StatusCode::OK, state + "\n")
}
