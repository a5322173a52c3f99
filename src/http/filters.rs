use std::collections::VecDeque;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use super::events::read_body;
use super::reader::authenticate;
use super::{App, answer};
use crate::delivery::connection::{Reader, filter_error};
use crate::filter::Filter;
use crate::protocol::{
    BadRequest, CheckReport, CheckRequest, Code, ErrorBody, EventReport, Mismatch, read_event,
};

/// How many of the ids that match are told.
const NEWEST: usize = 10;

/// `POST /v1/filters/check`: how a filter is understood, and what it would match.
pub(super) async fn check(State(app): State<Arc<App>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let reader = match authenticate(&app, &head.headers) {
        Ok(reader) => reader,
        Err((code, message)) => return answer::error(code, message),
    };
    let body = match read_body(&app, body).await {
        Ok(body) => body,
        Err(code) => return answer::error(code, "the body is too large, or too slow"),
    };
    let wrong = |error: ErrorBody| answer::from_body(StatusCode::BAD_REQUEST, &error);
    let request = match CheckRequest::parse(&body) {
        Ok(request) => request,
        Err(BadRequest { code, message, .. }) => return wrong(ErrorBody::new(code, message)),
    };
    let filter = match reader.filter(&request.filter) {
        Ok(filter) => filter,
        Err(error) => return wrong(filter_error(&error)),
    };
    let event = match request.event.map(|event| try_on(&filter, &event, &reader)).transpose() {
        Ok(event) => event,
        Err(error) => return wrong(error),
    };
    match sample(&app, &filter, &reader, request.sample).await {
        Ok(checked) => Json(CheckReport { event, ..checked }).into_response(),
        Err(error) => answer::error(Code::StorageFailed, &error.to_string()),
    }
}

/// What the filter says of an event that the reader made up: rights have no say in that.
fn try_on(filter: &Filter, event: &Value, reader: &Reader) -> Result<EventReport, ErrorBody> {
    let event = read_event(&event.to_string(), &reader.options.event_type_prefix)
        .map_err(|error| ErrorBody::new(Code::BadRequest, error.to_string()))?;
    let explanation = filter.explain(&event);
    let matches = explanation.matched;
    let refused_by = (!matches).then_some(Mismatch {
        text: explanation.text,
        offset: explanation.offset,
        length: explanation.length,
        pointer: explanation.pointer,
        value: explanation.value,
    });
    Ok(EventReport { matches, refused_by })
}

/// Tries the filter on those of the newest events that the reader may see.
async fn sample(
    app: &App,
    filter: &Filter,
    reader: &Reader,
    count: usize,
) -> Result<CheckReport, crate::log::ReadError> {
    let (mut sampled, mut matched, mut newest) = (0, 0, VecDeque::with_capacity(NEWEST));
    let bounds = app.bus.reader().bounds();
    app.bus
        .newest(count, |record| {
            if !reader.rights.matches(&record.attributes) {
                return;
            }
            sampled += 1;
            if filter.matches(&record.attributes) {
                matched += 1;
                newest.truncate(NEWEST - 1);
                newest.push_front(bounds.at(record.offset).to_string());
            }
        })
        .await?;
    let newest = newest.into_iter().rev().collect();
    Ok(CheckReport { filter: filter.canonical().to_owned(), sampled, matched, newest, event: None })
}
