use std::sync::Arc;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http_body_util::LengthLimitError;

use super::{App, Peer, answer};
use crate::event::Timestamp;
use crate::ingest::{Accepted, Rejected};
use crate::protocol::Code;
use crate::source::{self, Handshake};

/// `POST /v1/sources/{source}/events`: a registry's notifications.
pub(super) async fn accept(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    if !app.is_ready() {
        return refuse(&app, &Rejected::ShuttingDown);
    }
    let (head, body) = request.into_parts();
    let about = |body| source::Request {
        method: &head.method,
        headers: &head.headers,
        query: head.uri.query(),
        body,
        peer: Some(peer.address.ip()),
    };
    // Who may not send gets no byte of a body read.
    if let Err(rejected) = app.ingest.admit(&name, &about(&[]), Timestamp::now()) {
        return refuse(&app, &rejected);
    }
    let body = match read_body(&app, body).await {
        Ok(body) => body,
        Err(code) => {
            let why = "the body is too large, too slow, or cut off";
            app.ingest.refused_by(&name, code.as_str(), why, Timestamp::now());
            return answer::error(code, why);
        }
    };
    match app.ingest.accept(&name, about(&body), &body, Timestamp::now()).await {
        Ok(Accepted::Receipt(receipt)) => Json(receipt).into_response(),
        Ok(Accepted::Handshake(handshake)) => shake(handshake),
        Err(rejected) => refuse(&app, &rejected),
    }
}

/// The body, if it is not too large and comes in time.
pub(super) async fn read_body(app: &App, body: Body) -> Result<Bytes, Code> {
    read_within(app, body, app.limits.body).await
}

/// The same with another bound.
pub(super) async fn read_within(app: &App, body: Body, bytes: usize) -> Result<Bytes, Code> {
    let read = tokio::time::timeout(app.limits.body_time, to_bytes(body, bytes)).await;
    read.map_err(|_| Code::BodyTimeout)?.map_err(|error| {
        let too_large = error.into_inner().is::<LengthLimitError>();
        if too_large { Code::BodyTooLarge } else { Code::BadRequest }
    })
}

fn refuse(app: &App, rejected: &Rejected) -> Response {
    app.ingest.refused(rejected.code().as_str());
    answer::rejected(rejected)
}

fn shake(handshake: Handshake) -> Response {
    let status = StatusCode::from_u16(handshake.status).unwrap_or(StatusCode::OK);
    let mut response = (status, handshake.body).into_response();
    for (name, value) in handshake.headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
