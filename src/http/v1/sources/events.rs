use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::event::Timestamp;
use crate::http::error::{Answer, ApiError};
use crate::http::extract::{Body, BodyError, Peer};
use crate::http::{App, hold};
use crate::ingest::{Admitted, Refusal, SourceAnswer};
use crate::source::{self, Handshake};

/// `POST /v1/sources/{source}/events`: a registry's notifications.
pub(crate) async fn accept(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    peer: Peer,
    request: Request,
) -> Answer {
    if !app.is_ready() {
        let refusal = Refusal::ShuttingDown;
        app.ingest.count_refusal(&name, refusal.code());
        return Err(refusal.into());
    }
    let (head, body) = request.into_parts();
    let about = |body| source::Request {
        method: &head.method,
        headers: &head.headers,
        query: head.uri.query(),
        body,
        peer: Some(peer.client()),
    };
    // Who may not send gets no byte of a body read.
    let admitted = app.ingest.admit(&name, &about(&[]), Timestamp::now()).await?;
    if admitted.is_proven() {
        peer.prove();
    }
    // Who showed nothing yet counts by the address.
    let stranger = (!admitted.shows_secret()).then(|| peer.client());
    let body = Body::new(body, app.limits.body_time, app.memory.bodies.reserve(stranger));
    let body = body.read(app.limits.body).await.map_err(|error| no_body(&admitted, error))?;
    let answer = app.ingest.take(admitted, about(&body), &body, Timestamp::now()).await?;
    peer.prove();
    match answer {
        SourceAnswer::Receipt(receipt) => hold::made(&app, None, Json(receipt).into_response()).await,
        SourceAnswer::Handshake(handshake) => Ok(shake(handshake)),
    }
}

fn no_body(admitted: &Admitted, error: BodyError) -> ApiError {
    admitted.note_refusal(error.code(), error.text(), Timestamp::now());
    error.into()
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
