use std::convert::Infallible;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::http::request::Parts;
use axum::response::IntoResponse as _;
use futures_util::StreamExt as _;

use super::App;
use super::error::Answer;
use super::extract::{Peer, Query, bad, heartbeat, items, stream_query, subscription};
use crate::delivery::connection::{Plan, Reader, StreamArrival, stream};
use crate::protocol::{BadRequest, Framing};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Where the stream starts.
const POSITION: HeaderName = HeaderName::from_static("tagcast-position");
/// Proxies that gather answers are told not to (nginx).
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// A subscription whose batches are the body of the answer. It means what it means at a WebSocket.
pub(super) async fn open(app: &App, reader: Reader, peer: Peer, framing: Framing, head: &Parts) -> Answer {
    let ticket = app.admit(&peer)?;
    let query = stream_query(head.uri.query(), reader.feed.is_some())?;
    let framing = naming_errors(framing, &query)?;
    // Lines have an empty one of their own.
    let heartbeat =
        heartbeat(&query)?.or_else(|| framing.is_sse().then(|| app.connections.limits().heartbeat));
    let wanted = subscription(&query, reader.feed.as_deref(), last(&head.headers)?)?;
    let first = Plan::new(wanted, &reader, &app.bus).await?;
    let position = first.position().to_string();
    peer.hold();
    let arrival = StreamArrival { reader, first, framing, address: peer.address, heartbeat, cut: peer.cut() };
    let body = stream(arrival, ticket, app.bus.clone()).await.map(Ok::<_, Infallible>);
    let content = if framing.is_sse() { "text/event-stream" } else { "application/x-ndjson" };
    let headers = [
        (CONTENT_TYPE, content),
        (CACHE_CONTROL, "no-store"),
        (BUFFERING, "no"),
        (POSITION, position.as_str()),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// The stream that a request asks for by `Accept`, if it does.
pub(super) fn framing(headers: &HeaderMap) -> Option<Framing> {
    let mut types = items(headers, &ACCEPT).map(|range| range.split(';').next().unwrap_or_default().trim());
    types.find_map(|media_type| match media_type {
        "text/event-stream" => Some(Framing::Sse),
        "application/x-ndjson" => Some(Framing::Lines),
        _ => None,
    })
}

/// The same with errors under the name that the client asks for.
fn naming_errors(framing: Framing, query: &Query) -> Result<Framing, BadRequest> {
    match (query.get("error"), framing) {
        (Some(_), framing) if !framing.is_sse() => Err(bad("'error' is for server-sent events")),
        (None | Some("refused"), framing) => Ok(framing),
        (Some("event"), _) => Ok(Framing::SseOfOld),
        (Some(_), _) => Err(bad("error is refused or event")),
    }
}

/// Where a client that comes back was.
fn last(headers: &HeaderMap) -> Result<Option<&str>, BadRequest> {
    let last = headers.get(LAST_EVENT_ID).filter(|last| !last.is_empty());
    last.map(|last| last.to_str().map_err(|_| bad("Last-Event-ID is no text"))).transpose()
}
