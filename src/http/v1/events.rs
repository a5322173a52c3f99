mod page;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{HeaderValue, VARY};
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};

use crate::delivery::connection::Reader;
use crate::http::compression::is_asked;
use crate::http::error::Answer;
use crate::http::extract::{EventReader, Peer, Ready, STREAM_PARAMETERS, bad, our_spelling};
use crate::http::hold::hold;
use crate::http::{App, stream};
use crate::protocol::BadRequest;

/// `GET /v1/events`: a page of the log, or what comes, live; as `Accept` says.
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    _: Ready,
    EventReader(reader): EventReader,
    peer: Peer,
    request: Request,
) -> Response {
    let answer = page_or_stream(&app, reader, peer, &request.into_parts().0).await;
    let mut response = answer.into_response();
    response.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    response
}

async fn page_or_stream(app: &App, reader: Reader, peer: Peer, head: &Parts) -> Answer {
    let (query, framing) = (head.uri.query(), stream::framing(&head.headers));
    fitting(query, framing.is_some())?;
    match framing {
        Some(framing) => stream::open(app, reader, peer, framing, head).await,
        None => hold(app, (&peer, is_asked(&head.headers)), page::read(app, &reader, query)).await,
    }
}

/// Refuses a parameter of the other way to read: what is missing, or too much, is `Accept`.
fn fitting(query: Option<&str>, live: bool) -> Result<(), BadRequest> {
    let (own, other) = if live {
        (&STREAM_PARAMETERS[..], &page::PARAMETERS[..])
    } else {
        (&page::PARAMETERS[..], &STREAM_PARAMETERS[..])
    };
    let names = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut names = names.map(|(name, _)| our_spelling(name));
    let Some(name) = names.find(|name| !own.contains(&&**name) && other.contains(&&**name)) else {
        return Ok(());
    };
    let types = "Accept: text/event-stream or application/x-ndjson";
    Err(bad(if live {
        format!("'{name}' is for pages, and this is a stream by its {types}")
    } else {
        format!("'{name}' is for streams, which need {types}")
    }))
}
