use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::events::read_within;
use super::query::Query;
use super::{App, answer, operator};
use crate::delivery::trigger::{TriggerError, TriggerReport};
use crate::protocol::Code;
use crate::trigger::Written;

/// Bytes of a definition.
const LONGEST: usize = 256 << 10;

/// The one cloud of an operator; `None` for all.
///
/// # Errors
///
/// The answer to who is none.
#[expect(clippy::result_large_err, reason = "an answer is made at once, and rarely")]
pub(super) fn cloud_of(app: &App, headers: &HeaderMap) -> Result<Option<String>, Response> {
    Ok(operator::operator(app, headers)?.and_then(|principal| principal.cloud.clone()))
}

/// The answer to what could not be done.
pub(super) fn failed(error: TriggerError) -> Response {
    let message = error.to_string();
    match error {
        TriggerError::Invalid(invalid) if invalid.body.code == Code::Forbidden.as_str() => {
            answer::from_body(StatusCode::FORBIDDEN, &invalid.body)
        }
        TriggerError::Invalid(invalid) => answer::from_body(StatusCode::BAD_REQUEST, &invalid.body),
        TriggerError::NotFound => answer::error(Code::NotFound, &message),
        TriggerError::InSettings | TriggerError::Conflict(_) => answer::error(Code::Conflict, &message),
        TriggerError::TooMany(_) => answer::error(Code::QuotaExceeded, &message),
        TriggerError::Storage(_) => answer::error(Code::StorageFailed, &message),
    }
}

fn report(found: Result<TriggerReport, TriggerError>) -> Response {
    found.map_or_else(failed, |report| Json(report).into_response())
}

/// `GET /v1/triggers?after=&limit=`: a page, by name.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
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
    let mut triggers = app.triggers.list(cloud.as_deref(), after, limit + 1);
    let more = triggers.len() > limit;
    triggers.truncate(limit);
    let mut body = json!({ "triggers": triggers });
    if let (true, Some(last)) = (more, triggers.last()) {
        body["next"] = last.written.name.clone().into();
    }
    Json(body).into_response()
}

/// `GET /v1/triggers/{name}`
pub(super) async fn one(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Response {
    match cloud_of(&app, &headers) {
        Ok(cloud) => report(app.triggers.get(&name, cloud.as_deref())),
        Err(refused) => refused,
    }
}

/// `PUT /v1/triggers/{name}`: makes it, or changes it.
pub(super) async fn put(State(app): State<Arc<App>>, Path(name): Path<String>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let cloud = match cloud_of(&app, &head.headers) {
        Ok(cloud) => cloud,
        Err(refused) => return refused,
    };
    let body = match read_within(&app, body, LONGEST).await {
        Ok(body) => body,
        Err(code) => return answer::error(code, "the body is too large, or too slow"),
    };
    let stored = match Written::read(&body, &name) {
        Ok(written) => app.triggers.put(written, cloud.as_deref()).await,
        Err(invalid) => Err(invalid.into()),
    };
    let stored = match stored {
        Ok(stored) => stored,
        Err(error) => return failed(error),
    };
    let mut body = json!(stored.report);
    if let Some(secret) = stored.signing_secret {
        body["new_signing_secret"] = secret.into();
    }
    (if stored.created { StatusCode::CREATED } else { StatusCode::OK }, Json(body)).into_response()
}

/// `DELETE /v1/triggers/{name}`
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Response {
    let cloud = match cloud_of(&app, &headers) {
        Ok(cloud) => cloud,
        Err(refused) => return refused,
    };
    let removed = app.triggers.delete(&name, cloud.as_deref()).await;
    removed.map_or_else(failed, |()| StatusCode::NO_CONTENT.into_response())
}

/// `POST /v1/triggers/{name}/pause`: it keeps its place.
pub(super) async fn pause(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Response {
    set_paused(&app, &headers, &name, true).await
}

/// `POST /v1/triggers/{name}/resume`: it goes on where it was, also one that disabled itself.
pub(super) async fn resume(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Response {
    set_paused(&app, &headers, &name, false).await
}

async fn set_paused(app: &App, headers: &HeaderMap, name: &str, paused: bool) -> Response {
    match cloud_of(app, headers) {
        Ok(cloud) => report(app.triggers.set_paused(name, cloud.as_deref(), paused).await),
        Err(refused) => refused,
    }
}
