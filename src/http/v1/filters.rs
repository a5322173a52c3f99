use std::collections::VecDeque;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::bus::Search;
use crate::delivery::connection::Reader;
use crate::filter::Filter;
use crate::http::App;
use crate::http::error::{Answer, ApiError};
use crate::http::extract::{Body, EventReader, NoParameters, Parameters, bad};
use crate::protocol::{CheckReport, CheckRequest, EventReport, Mismatch, read_event};

/// Bytes of the event that a filter is tried on; one of ours has a few kibibytes.
const LONGEST: usize = 64 << 10;
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
    let _turn = app.bus.turn(&reader.allowance).await?;
    let filter = reader.filter(&request.filter).await?;
    let event = match request.event {
        Some(event) => {
            let (filter, reader) = (filter.clone(), reader.clone());
            Some(reader.allowance.clone().compute(move || try_on(&filter, &event, &reader)).await??)
        }
        None => None,
    };
    let report = sample(&app, &filter, &reader, request.sample).await?;
    Ok(Json(CheckReport { event, ..report }))
}

/// What the filter says of an event that the reader made up: rights have no say in that.
fn try_on(filter: &Filter, event: &Value, reader: &Reader) -> Result<EventReport, ApiError> {
    let event = event.to_string();
    if event.len() > LONGEST {
        return Err(bad(format!("an event has at most {LONGEST} bytes")).into());
    }
    let event =
        read_event(&event, &reader.options.event_type_prefix).map_err(|error| bad(error.to_string()))?;
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
async fn sample(app: &App, filter: &Filter, reader: &Reader, count: usize) -> Answer<CheckReport> {
    let (mut sampled, mut matched, mut newest) = (0, 0, VecDeque::with_capacity(NEWEST));
    let bounds = app.bus.reader().bounds();
    // Rights come first, so an event that the reader may not see costs nothing.
    let mut search = Search::of_page(&filter.and(&reader.rights)?, &reader.allowance);
    app.bus
        .newest(count, &mut search, |record, matches| {
            if !reader.rights.matches(&record.attributes) {
                return;
            }
            sampled += 1;
            if matches {
                matched += 1;
                newest.truncate(NEWEST - 1);
                newest.push_front(bounds.at(record.offset).to_string());
            }
        })
        .await?;
    let newest = newest.into_iter().rev().collect();
    Ok(CheckReport { filter: filter.canonical().to_owned(), sampled, matched, newest, event: None })
}
