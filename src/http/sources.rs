use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::{App, operator};

/// `GET /v1/sources`: how each is doing. A reader of one cloud sees that cloud's.
pub(super) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    match operator::reader(&app, &headers) {
        Ok(reader) => {
            let cloud = reader.and_then(|principal| principal.cloud.as_deref());
            Json(json!({ "sources": app.ingest.sources(cloud) })).into_response()
        }
        Err(refused) => refused,
    }
}
