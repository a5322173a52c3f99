//! An `EventSource` takes every status but 200 for final, and is closed for good. So where one asks, what passes is said in
//! the stream that it asks for: when to come back, why, and the end.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use axum::response::Response;

use super::extract::{LAST_EVENT_ID, our_spelling};
use super::stream::{self, BUFFERING};
use crate::protocol::{Close, Code, Framing, Recovery, ServerMessage};

/// A refusal that passes: every answer that is one has it among its extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passing {
    pub(super) code: Code,
    /// What `Retry-After` says.
    pub(super) wait: Option<Duration>,
}

/// Whether a page's `EventSource` asks, or who comes back as one does. Everyone else can read a status.
pub(super) fn asks<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    request.method() == Method::GET
        && stream::framing(headers).is_some_and(Framing::is_sse)
        && (is_browser(headers) || headers.contains_key(&stream::LAST_EVENT_ID) || resumes(request))
}

fn is_browser(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| name.as_str().starts_with("sec-fetch-"))
}

fn resumes<B>(request: &Request<B>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).any(|(name, _)| our_spelling(name) == LAST_EVENT_ID)
}

/// What it is told in place of a refusal that passes; any other answer stays as it is.
pub(super) fn answer(mut response: Response) -> Response {
    let Some(Passing { code, wait }) = response.extensions_mut().remove() else { return response };
    let number = if code == Code::ShuttingDown { Close::ShuttingDown.code() } else { Close::TRY_AGAIN };
    let close = ServerMessage::Close { code: number, reason: code.as_str() };
    let frame = Framing::Sse.message(&close).unwrap_or_default();
    let body = Framing::Sse.with_retry(&frame, pause(wait.unwrap_or_default()));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    for name in [CONTENT_ENCODING, CONTENT_LENGTH, RETRY_AFTER] {
        headers.remove(name);
    }
    for (name, value) in
        [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store, no-transform"), (BUFFERING, "no")]
    {
        headers.insert(name, HeaderValue::from_static(value));
    }
    *response.body_mut() = Body::from(body);
    response
}

/// A pause that is at least so long, and spread, so that those who were refused together do not come back together.
fn pause(wait: Duration) -> Duration {
    let usual = Recovery::Soon.pause();
    let least = wait.max(*usual.start());
    rand::random_range(least..=least + wait.max(*usual.end()))
}
