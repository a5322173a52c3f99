use std::convert::Infallible;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;

use super::query::{Query, bad};
use super::websocket::{PARAMETERS, admit, of_feed, refuse, refuse_subscription};
use super::{App, Peer, answer};
use crate::delivery::connection::{Plan, Reader, StreamArrival, stream};
use crate::protocol::{BadRequest, Framing, SubscribeRequest};
use crate::trigger::Feed;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Where the stream starts.
const POSITION: HeaderName = HeaderName::from_static("tagcast-position");
/// Proxies that gather answers are told not to (nginx).
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// A subscription whose batches are the body of the answer. It means what it means at a WebSocket.
pub(super) async fn open(
    app: &App,
    reader: Reader,
    peer: Peer,
    framing: Framing,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Response {
    let ticket = match admit(app, &peer) {
        Ok(ticket) => ticket,
        Err(refused) => return refuse(refused),
    };
    let wanted = match wanted(query, headers, reader.feed.as_deref()) {
        Ok(wanted) => wanted,
        Err(error) => return answer::bad_request(error),
    };
    let first = match Plan::new(wanted, &reader, &app.bus).await {
        Ok(first) => first,
        Err(error) => return refuse_subscription(&error),
    };
    let position = first.position().to_string();
    let arrival = StreamArrival { reader, first, framing, address: peer.address, cut: peer.cut };
    let body = stream(arrival, ticket, app.bus.clone()).await.map(Ok::<_, Infallible>);
    let content = if framing == Framing::Sse { "text/event-stream" } else { "application/x-ndjson" };
    let mut response = Body::from_stream(body).into_response();
    let headers = [(CONTENT_TYPE, content), (CACHE_CONTROL, "no-store"), (BUFFERING, "no")];
    for (name, value) in headers.into_iter().chain([(POSITION, position.as_str())]) {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// What the URL asks for; a client that comes back says in a header where it was.
fn wanted(
    query: Option<&str>,
    headers: &HeaderMap,
    feed: Option<&Feed>,
) -> Result<SubscribeRequest, BadRequest> {
    let last = headers.get(LAST_EVENT_ID).filter(|last| !last.is_empty());
    let last = last.map(|last| last.to_str().map_err(|_| bad("Last-Event-ID is no text"))).transpose()?;
    let after = |name: &str| last.filter(|_| name == "after");
    if let Some(feed) = feed {
        return of_feed(feed, query, after);
    }
    let query = Query::parse(query, &PARAMETERS)?;
    SubscribeRequest::from_query(|name| after(name).or_else(|| query.get(name)))
}
