use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::query::Query;
use super::triggers::{cloud_of, failed};
use super::{App, answer};

/// `GET /v1/triggers/{name}/dead-letters?after=&limit=`: a page, oldest first.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let cloud = match cloud_of(&app, &headers) {
        Ok(cloud) => cloud,
        Err(refused) => return refused,
    };
    let asked = Query::parse(query.as_deref(), &["after", "limit"]);
    let (query, limit) = match asked.and_then(|query| query.limit().map(|limit| (query, limit))) {
        Ok(asked) => asked,
        Err(error) => return answer::bad_request(error),
    };
    let after = query.get("after").unwrap_or_default();
    match app.triggers.dead_letters(&name, cloud.as_deref(), after, limit).await {
        Ok((letters, more)) => {
            let mut body = json!({ "dead_letters": letters });
            if let (true, Some(last)) = (more, letters.last()) {
                body["next"] = last.id.clone().into();
            }
            Json(body).into_response()
        }
        Err(error) => failed(error),
    }
}

/// `GET /v1/triggers/{name}/dead-letters/{id}`: the body, byte for byte.
pub(super) async fn body(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path((name, id)): Path<(String, String)>,
) -> Response {
    let cloud = match cloud_of(&app, &headers) {
        Ok(cloud) => cloud,
        Err(refused) => return refused,
    };
    match app.triggers.dead_letter(&name, cloud.as_deref(), &id).await {
        Ok((letter, body)) => {
            let named = format!("attachment; filename=\"{}.json\"", letter.id);
            let headers: [(HeaderName, &str); 3] = [
                (CONTENT_TYPE, "application/octet-stream"),
                (CONTENT_DISPOSITION, &named),
                (HeaderName::from_static("x-content-type-options"), "nosniff"),
            ];
            (headers, body).into_response()
        }
        Err(error) => failed(error),
    }
}

/// `POST /v1/triggers/{name}/dead-letters/{id}/send`: once, with the id and the bytes that it had.
pub(super) async fn send(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path((name, id)): Path<(String, String)>,
) -> Response {
    let cloud = match cloud_of(&app, &headers) {
        Ok(cloud) => cloud,
        Err(refused) => return refused,
    };
    let again = app.triggers.send_again(&name, cloud.as_deref(), &id).await;
    again.map_or_else(failed, |again| Json(again).into_response())
}

/// `DELETE /v1/triggers/{name}/dead-letters/{id}`
pub(super) async fn purge(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path((name, id)): Path<(String, String)>,
) -> Response {
    let cloud = match cloud_of(&app, &headers) {
        Ok(cloud) => cloud,
        Err(refused) => return refused,
    };
    let purged = app.triggers.purge(&name, cloud.as_deref(), Some(&id)).await;
    purged.map_or_else(failed, |_| StatusCode::NO_CONTENT.into_response())
}

/// `DELETE /v1/triggers/{name}/dead-letters`
pub(super) async fn purge_all(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Response {
    let cloud = match cloud_of(&app, &headers) {
        Ok(cloud) => cloud,
        Err(refused) => return refused,
    };
    let purged = app.triggers.purge(&name, cloud.as_deref(), None).await;
    purged.map_or_else(failed, |dropped| Json(json!({ "dropped": dropped })).into_response())
}
