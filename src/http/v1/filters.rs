use std::collections::VecDeque;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::delivery::connection::Reader;
use crate::filter::Filter;
use crate::http::App;
use crate::http::error::{Answer, ApiError};
use crate::http::extract::{Body, EventReader, NoParameters, Parameters, bad};
use crate::log::ReadError;
use crate::protocol::{CheckReport, CheckRequest, EventReport, Mismatch, read_event};

/// How many of the ids that match are told.
const NEWEST: usize = 10;

/// `POST /v1/filters/check`: how a filter is understood, and what it would match.
pub(crate) async fn check(
    State(app): State<Arc<App>>,
    EventReader(reader): EventReader,
    _: Parameters<NoParameters>,
    body: Body,
) -> Answer<Json<CheckReport>> {
    let request = CheckRequest::parse(&body.read(app.limits.body).await?)?;
    let filter = reader.filter(&request.filter)?;
    let event = request.event.map(|event| try_on(&filter, &event, &reader)).transpose()?;
    let report = sample(&app, &filter, &reader, request.sample).await?;
    Ok(Json(CheckReport { event, ..report }))
}

/// What the filter says of an event that the reader made up: rights have no say in that.
fn try_on(filter: &Filter, event: &Value, reader: &Reader) -> Result<EventReport, ApiError> {
    let event = read_event(&event.to_string(), &reader.options.event_type_prefix)
        .map_err(|error| bad(error.to_string()))?;
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
async fn sample(app: &App, filter: &Filter, reader: &Reader, count: usize) -> Result<CheckReport, ReadError> {
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
