use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse as _;
use bytes::Bytes;

use crate::bus::{Search, StartError, resolve, resolve_back};
use crate::delivery::connection::Reader;
use crate::event::Position;
use crate::filter::Filter;
use crate::http::App;
use crate::http::error::{Answer, ApiError};
use crate::http::extract::Query;
use crate::protocol::{Code, Format, OnGap, PageEnd, PageGap, Start, SubscribeRequest, encode_page};

pub(super) const PARAMETERS: [&str; 5] = ["filter", "after", "before", "limit", "format"];

/// What a page is asked for.
struct Listing {
    filter: Filter,
    format: Format,
    /// `None` where the request does not say.
    start: Option<Start>,
    /// Newest first, those before this one.
    before: Option<Before>,
    limit: usize,
}

/// Where a page that goes back begins.
enum Before {
    Now,
    Event(Position),
}

/// Events from the log: oldest first behind `after`, or newest first before `before`.
pub(super) async fn read(app: &App, reader: &Reader, query: Option<&str>) -> Answer {
    let _turn = app.bus.turn(&reader.allowance).await?;
    let body = events(app, reader, &Listing::read(query, reader).await?).await?;
    Ok(([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], body).into_response())
}

impl Listing {
    async fn read(query: Option<&str>, reader: &Reader) -> Answer<Self> {
        let query = Query::parse(query, &PARAMETERS)?;
        let request = SubscribeRequest::from_query(|name| query.get(name))?;
        Ok(Self {
            filter: reader.filter(&request.filter).await?.and(&reader.rights)?,
            format: request.format,
            start: query.get("after").map(|_| request.start),
            before: query.get("before").map(before).transpose()?,
            limit: query.limit()?,
        })
    }
}

fn before(text: &str) -> Answer<Before> {
    if text == "now" {
        return Ok(Before::Now);
    }
    text.parse().map(Before::Event).map_err(|_| {
        let text: String = text.chars().take(40).collect();
        let message = format!("'{text}' is no place to go back from; expected an event_id or 'now'");
        ApiError::new(Code::InvalidAfter, message)
    })
}

async fn events(app: &App, reader: &Reader, asked: &Listing) -> Result<Bytes, StartError> {
    let log = app.bus.reader();
    let search = Search::of_page(&asked.filter, &reader.allowance);
    let bounds = log.bounds();
    let start = match asked.start {
        Some(start) => Some(resolve(start, OnGap::Notify, log).await?),
        None => None,
    };
    let after = start.map(|start| start.position.offset);
    let mut notices: Vec<_> = start.and_then(|start| start.gap).into_iter().collect();
    let (page, position) = match &asked.before {
        None => {
            let after = after.unwrap_or(bounds.oldest - 1);
            let page = app.bus.page(search, after, asked.limit).await?;
            let reached = page.reached;
            (page, reached)
        }
        Some(before) => {
            let (before, notice) = match *before {
                Before::Now => (bounds.newest + 1, None),
                Before::Event(event) => resolve_back(event, log)?,
            };
            notices.extend(notice);
            (app.bus.page_back(search, (before, after), asked.limit).await?, bounds.newest)
        }
    };
    let at = |offset| bounds.at(offset).to_string();
    let gap = |from, to, reason| PageGap { from, to, reason };
    let notices = notices.iter().map(|n| gap(n.from.to_string(), n.to.to_string(), n.reason.as_str()));
    let lost = page.gaps.iter().map(|lost| gap(at(lost.from), at(lost.to), lost.reason.as_str()));
    let end = PageEnd {
        gaps: notices.chain(lost).collect(),
        position: at(position),
        next: page.more.then(|| at(page.reached)),
    };
    Ok(encode_page(asked.format, page.records.iter().map(|record| &record.message), &end))
}
