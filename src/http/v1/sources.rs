pub(crate) mod events;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::http::App;
use crate::http::extract::{Caller, NoParameters, Parameters};

/// `GET /v1/sources`: how each is doing. A reader of one cloud sees that cloud's.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    _: Parameters<NoParameters>,
) -> Json<Value> {
    Json(json!({ "sources": app.ingest.sources(caller.cloud()) }))
}
