use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Request, State};
use axum::http::header::{ACCEPT, HeaderMap, HeaderValue, VARY};
use axum::response::Response;

use super::query::bad;
use super::reader::{authenticate, tokens};
use super::websocket::PARAMETERS as STREAM;
use super::{App, Peer, answer, event_page, event_stream};
use crate::protocol::{BadRequest, Code, Framing};

/// `GET /v1/events`: a page of the log, or what comes, live; as `Accept` says.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    if !app.is_ready() {
        return answer::retry(Code::ShuttingDown, "the gateway is stopping", Duration::from_secs(5));
    }
    let reader = match authenticate(&app, request.headers()) {
        Ok(reader) => reader,
        Err((code, message)) => return answer::error(code, message),
    };
    let (query, framing) = (request.uri().query(), live(request.headers()));
    let mut response = match (misplaced(query, framing.is_some()), framing) {
        (Some(error), _) => answer::bad_request(error),
        (None, Some(framing)) => {
            event_stream::open(&app, reader, peer, framing, query, request.headers()).await
        }
        (None, None) => event_page::page(&app, &reader, query).await,
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    response
}

/// The stream that a request asks for, if it does.
fn live(headers: &HeaderMap) -> Option<Framing> {
    let mut types = tokens(headers, &ACCEPT).map(|range| range.split(';').next().unwrap_or_default().trim());
    types.find_map(|media_type| match media_type {
        "text/event-stream" => Some(Framing::Sse),
        "application/x-ndjson" => Some(Framing::Lines),
        _ => None,
    })
}

/// A parameter of the other way to read: what is missing, or too much, is `Accept`.
fn misplaced(query: Option<&str>, live: bool) -> Option<BadRequest> {
    let (own, other) = if live {
        (&STREAM[..], &event_page::PARAMETERS[..])
    } else {
        (&event_page::PARAMETERS[..], &STREAM[..])
    };
    let mut names = form_urlencoded::parse(query?.as_bytes()).map(|(name, _)| name);
    let name = names.find(|name| !own.contains(&&**name) && other.contains(&&**name))?;
    let types = "Accept: text/event-stream or application/x-ndjson";
    Some(bad(if live {
        format!("'{name}' is for pages, and this is a stream by its {types}")
    } else {
        format!("'{name}' is for streams, which need {types}")
    }))
}
