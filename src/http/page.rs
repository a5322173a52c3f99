use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::IntoResponse;

use super::App;

/// How many of the newest events the page begins with, at most.
const BEGIN_WITH: u64 = 50;

/// Everything the page needs is in it; it connects to its own server alone.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `/`: what this is, and the last events, live.
pub(super) async fn index(State(app): State<Arc<App>>) -> impl IntoResponse {
    let bounds = app.bus.reader().log().bounds();
    let begin = bounds.newest.saturating_sub(BEGIN_WITH).max(bounds.oldest - 1);
    let page = include_str!("../../web/index.html").replace("{{after}}", &bounds.at(begin).to_string());
    let headers: [(HeaderName, &str); 4] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, page)
}
