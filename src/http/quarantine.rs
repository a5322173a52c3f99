use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::query::{Query, bad};
use super::{App, answer, operator};
use crate::event::Timestamp;
use crate::ingest::{QuarantineError, QuarantineId, QuarantineRecord, Scope};
use crate::protocol::{BadRequest, Code};

/// Records on a page, if the request does not say.
const PAGE: usize = 50;
const MAX_PAGE: usize = 500;

/// `GET /v1/quarantine?source=&after=&limit=`: a page, oldest first.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let principal = match operator::operator(&app, &headers) {
        Ok(principal) => principal,
        Err(refused) => return refused,
    };
    let asked = match Asked::of(query.as_deref()) {
        Ok(asked) => asked,
        Err(error) => return answer::bad_request(error),
    };
    let cloud = principal.and_then(|principal| principal.cloud.as_deref());
    let scope = Scope { cloud, source: asked.source.as_deref() };
    match app.ingest.quarantine(scope, asked.after, asked.limit).await {
        Ok(page) => {
            let records: Vec<_> = page.records.iter().map(|(id, record)| shown(*id, record)).collect();
            let mut body = json!({ "records": records });
            if let (true, Some((last, _))) = (page.more, page.records.last()) {
                body["next"] = last.to_string().into();
            }
            Json(body).into_response()
        }
        Err(error) => failed(&error),
    }
}

/// `GET /v1/quarantine/{id}`: the body, byte for byte.
pub(super) async fn body(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let (scope, id) = match one(&app, &headers, &id) {
        Ok(found) => found,
        Err(refused) => return refused,
    };
    match app.ingest.quarantined(scope, id).await {
        Ok((_, body)) => {
            // Whatever it says it is: a page of ours must never run what a sender made.
            let named = format!("attachment; filename=\"{id}.body\"");
            let headers: [(HeaderName, &str); 3] = [
                (CONTENT_TYPE, "application/octet-stream"),
                (CONTENT_DISPOSITION, &named),
                (HeaderName::from_static("x-content-type-options"), "nosniff"),
            ];
            (headers, body).into_response()
        }
        Err(error) => failed(&error),
    }
}

/// `POST /v1/quarantine/{id}/replay`: reads it anew.
pub(super) async fn replay(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let (scope, id) = match one(&app, &headers, &id) {
        Ok(found) => found,
        Err(refused) => return refused,
    };
    match app.ingest.replay(scope, id, Timestamp::now()).await {
        Ok(receipt) => Json(receipt).into_response(),
        Err(error) => failed(&error),
    }
}

/// `DELETE /v1/quarantine/{id}`
pub(super) async fn discard(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let (scope, id) = match one(&app, &headers, &id) {
        Ok(found) => found,
        Err(refused) => return refused,
    };
    match app.ingest.discard(scope, id).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => failed(&error),
    }
}

/// `DELETE /v1/quarantine?source=`: all of one source. Everything at once has to be said as `source=*`.
pub(super) async fn discard_all(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let principal = match operator::operator(&app, &headers) {
        Ok(principal) => principal,
        Err(refused) => return refused,
    };
    let asked = match Asked::of(query.as_deref()) {
        Ok(asked) => asked,
        Err(error) => return answer::bad_request(error),
    };
    let Some(source) = asked.source.as_deref() else {
        return answer::error(Code::BadRequest, "say which: ?source=NAME, or ?source=* for all");
    };
    let cloud = principal.and_then(|principal| principal.cloud.as_deref());
    let scope = Scope { cloud, source: Some(source).filter(|source| *source != "*") };
    match app.ingest.discard_all(scope).await {
        Ok(dropped) => Json(json!({ "dropped": dropped })).into_response(),
        Err(error) => failed(&error),
    }
}

#[expect(clippy::result_large_err, reason = "an answer is made at once, and rarely")]
fn one<'a>(app: &'a App, headers: &HeaderMap, id: &str) -> Result<(Scope<'a>, QuarantineId), Response> {
    let principal = operator::operator(app, headers)?;
    let cloud = principal.and_then(|principal| principal.cloud.as_deref());
    let id = QuarantineId::parse(id).ok_or_else(|| failed(&QuarantineError::NotFound))?;
    Ok((Scope { cloud, source: None }, id))
}

struct Asked {
    source: Option<String>,
    after: Option<QuarantineId>,
    limit: usize,
}

impl Asked {
    fn of(query: Option<&str>) -> Result<Self, BadRequest> {
        let query = Query::parse(query, &["source", "after", "limit"])?;
        let after = query.get("after");
        let after = after.map(|id| QuarantineId::parse(id).ok_or_else(|| bad("after is the id of a record")));
        let limit = query.limit_of(PAGE, MAX_PAGE)?;
        Ok(Self { source: query.text("source"), after: after.transpose()?, limit })
    }
}

fn shown(id: QuarantineId, record: &QuarantineRecord) -> Value {
    json!({
        "id": id.to_string(),
        "source": record.source,
        "received_at": record.received_at,
        "size": record.size,
        "content_type": record.content_type(),
        "faults": record.faults,
        "faults_total": record.faults_total,
    })
}

fn failed(error: &QuarantineError) -> Response {
    match error {
        QuarantineError::NotFound => answer::error(Code::NotFound, &error.to_string()),
        QuarantineError::NoSource(_) => answer::error(Code::Conflict, &error.to_string()),
        QuarantineError::Rejected(rejected) => answer::rejected(rejected),
        QuarantineError::Unread(why) => {
            tracing::error!(why, "the quarantine can't be read");
            answer::error(Code::StorageFailed, "storage failed")
        }
    }
}
