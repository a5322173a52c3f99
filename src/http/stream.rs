use std::convert::Infallible;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::http::request::Parts;
use axum::response::IntoResponse as _;
use futures_util::StreamExt as _;

use super::App;
use super::error::Answer;
use super::extract::{Accepted, Peer, Query, bad, heartbeat, stream_query, subscription};
use crate::delivery::connection::{Plan, Reader, StreamArrival, stream};
use crate::protocol::{BadRequest, Framing};

const SSE: &str = "text/event-stream";
const LINES: &str = "application/x-ndjson";
pub(super) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Where the stream starts.
const POSITION: HeaderName = HeaderName::from_static("tagcast-position");
/// Proxies that gather answers are told not to (nginx).
pub(super) const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

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
    let content = if framing.is_sse() { SSE } else { LINES };
    let headers = [
        (CONTENT_TYPE, content),
        // Who compresses a stream on its way gathers it.
        (CACHE_CONTROL, "no-store, no-transform"),
        (BUFFERING, "no"),
        (POSITION, position.as_str()),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// The stream that a request asks for by `Accept`, if it does: one that it names and wants no less than a page, or that is
/// all that it takes.
pub(super) fn framing(headers: &HeaderMap) -> Option<Framing> {
    let accepted = Accepted::types(headers);
    let page = accepted.quality("application/json");
    let named = accepted.best_named(&[SSE, LINES]).filter(|(_, quality)| *quality >= page);
    match named {
        Some((LINES, _)) => Some(Framing::Lines),
        Some(_) => Some(Framing::Sse),
        None => (page <= 0.0 && accepted.quality(SSE) > 0.0).then_some(Framing::Sse),
    }
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

#[cfg(test)]
mod tests {
    use axum::http::header::ACCEPT;

    use super::*;

    #[test]
    fn accept_says_what_is_wanted_and_how_much() {
        let (sse, lines) = (Some(Framing::Sse), Some(Framing::Lines));
        for (accept, wanted) in [
            (&["text/event-stream"][..], sse),
            (&["Text/Event-Stream; charset=UTF-8"], sse),
            (&["application/x-ndjson"], lines),
            (&["text/html", "APPLICATION/X-NDJSON"], lines),
            (&["text/event-stream, application/x-ndjson"], sse),
            (&["text/event-stream;q=0.5, application/x-ndjson"], lines),
            (&["text/event-stream;q=0.5", "application/x-ndjson;q=0.4"], sse),
            (&["text/event-stream, */*"], sse),
            (&["*/*, text/event-stream"], sse),
            (&["application/json, text/event-stream"], sse),
            (&["text/event-stream;q=0.9, */*"], None),
            (&["text/event-stream;q=0.9, application/json;q=0.9"], sse),
            (&["application/json, text/event-stream;q=0.1"], None),
            (&["text/event-stream;q=0"], None),
            (&["text/event-stream;Q=0.000, */*"], None),
            (&["application/x-ndjson;q=0, text/event-stream;q=0.2"], sse),
            (&["text/*"], sse),
            (&["TEXT/*;q=0.3"], sse),
            (&["text/*, text/event-stream;q=0"], None),
            (&["text/html, text/*;q=0.5, */*;q=0.1"], None),
            (&["application/*"], None),
            (&["*/*"], None),
            (&["*"], None),
            (&["text/html"], None),
            (&["x;a=\"text/event-stream, application/x-ndjson\""], None),
            (&[""], None),
            (&[], None),
        ] {
            let headers = accept.iter().map(|line| (ACCEPT, line.parse().unwrap()));
            assert_eq!(framing(&headers.collect()), wanted, "{accept:?}");
        }
    }
}
