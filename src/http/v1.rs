//! What stands below `/v1`.

pub(super) mod backup;
pub(super) mod connections;
pub(super) mod events;
pub(super) mod feeds;
pub(super) mod filters;
mod notice;
pub(super) mod quarantine;
pub(super) mod registries;
pub(super) mod server;
pub(super) mod sources;
pub(super) mod triggers;
pub(super) mod ws;

use axum::Json;
use serde_json::Value;

/// A page, and where the next one begins, if there is more.
fn page(mut page: Value, next: Option<String>) -> Json<Value> {
    if let Some(next) = next {
        page["next"] = next.into();
    }
    Json(page)
}
