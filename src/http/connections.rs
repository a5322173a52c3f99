use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::Value;

use super::events::read_within;
use super::query::{Query, bad};
use super::{App, answer, operator};
use crate::bus::Offer;
use crate::delivery::connection::Which;
use crate::protocol::{BadRequest, Close, Code, Framing};

const PARAMETERS: [&str; 5] = ["after", "limit", "transport", "identity", "address"];

/// `GET /v1/connections`: a page, by id.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let which = match visible(&app, &headers) {
        Ok(which) => which,
        Err(refused) => return refused,
    };
    match asked(query.as_deref(), which) {
        Ok((which, after, limit)) => {
            let bounds = app.bus.reader().bounds();
            Json(app.connections.page(&which, after, limit, bounds)).into_response()
        }
        Err(error) => answer::bad_request(error),
    }
}

/// `GET /v1/connections/{id}`
pub(super) async fn one(State(app): State<Arc<App>>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let which = match visible(&app, &headers) {
        Ok(which) => which,
        Err(refused) => return refused,
    };
    let bounds = app.bus.reader().bounds();
    match id.parse().ok().and_then(|id| app.connections.report(&which, id, bounds)) {
        Some(report) => Json(report).into_response(),
        None => unknown(),
    }
}

/// What is sent to one client.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sending {
    data: Value,
}

/// `POST /v1/connections/{id}/send`: a notice to one client.
pub(super) async fn send(State(app): State<Arc<App>>, Path(id): Path<String>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let which = match visible(&app, &head.headers) {
        Ok(which) => which,
        Err(refused) => return refused,
    };
    let body = match read_within(&app, body, app.connections.limits().message).await {
        Ok(body) => body,
        Err(code) => return answer::error(code, "the body is too large, or too slow"),
    };
    let sending: Sending = match serde_json::from_slice(&body) {
        Ok(sending) => sending,
        Err(error) => return answer::bad_request(bad(format!("not {{\"data\":…}}: {error}"))),
    };
    match id.parse().ok().and_then(|id| app.connections.send(&which, id, &sending.data)) {
        Some(Offer::Taken) => StatusCode::NO_CONTENT.into_response(),
        Some(_) => {
            let why = "more waits for this client than it takes";
            answer::retry(Code::Overloaded, why, Duration::from_secs(1))
        }
        None => unknown(),
    }
}

/// `DELETE /v1/connections/{id}?code=`
pub(super) async fn close(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let which = match visible(&app, &headers) {
        Ok(which) => which,
        Err(refused) => return refused,
    };
    let close = match close_code(query.as_deref()) {
        Ok(close) => close,
        Err(error) => return answer::bad_request(error),
    };
    match id.parse() {
        Ok(id) if app.connections.close(&which, id, close) => StatusCode::NO_CONTENT.into_response(),
        _ => unknown(),
    }
}

fn close_code(query: Option<&str>) -> Result<Close, BadRequest> {
    let query = Query::parse(query, &["code"])?;
    let Some(code) = query.get("code") else { return Ok(Close::MaxLifetime) };
    let known = Close::BY_OPERATOR.into_iter().find(|close| close.code().to_string() == code);
    let codes = Close::BY_OPERATOR.map(|close| close.code().to_string());
    known.ok_or_else(|| bad(format!("code is one of {}", codes.join(", "))))
}

fn unknown() -> Response {
    answer::error(Code::NotFound, "there is no such connection")
}

/// Those that the caller may see: all, or of its cloud.
#[expect(clippy::result_large_err, reason = "an answer is made at once, and rarely")]
fn visible(app: &App, headers: &HeaderMap) -> Result<Which, Response> {
    let principal = operator::operator(app, headers)?;
    let cloud = principal.and_then(|principal| principal.cloud.clone());
    Ok(Which { cloud, ..Which::default() })
}

fn asked(query: Option<&str>, which: Which) -> Result<(Which, Option<u64>, usize), BadRequest> {
    let query = Query::parse(query, &PARAMETERS)?;
    let after = query.get("after").map(|id| id.parse().map_err(|_| bad("after is the id of a connection")));
    let transport = query.get("transport").map(|name| {
        let known = Framing::ALL.into_iter().find(|framing| framing.as_str() == name);
        known.ok_or_else(|| bad("transport is websocket, sse or ndjson"))
    });
    let address = query.get("address").map(|ip| ip.parse().map_err(|_| bad("address is an IP address")));
    let which = Which {
        transport: transport.transpose()?,
        identity: query.text("identity"),
        address: address.transpose()?,
        ..which
    };
    Ok((which, after.transpose()?, query.limit()?))
}
