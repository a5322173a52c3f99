use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;

use super::notice::Notice;
use crate::bus::Offer;
use crate::delivery::connection::Which;
use crate::http::App;
use crate::http::error::{Answer, ApiError};
use crate::http::extract::{Admin, Body, Caller, FromQuery, NoParameters, Parameters, Query, bad};
use crate::protocol::{BadRequest, Close, Code, Framing};

/// Which connections are wanted, of those that the caller may see.
pub(crate) struct Listing {
    which: Which,
    after: Option<u64>,
    limit: usize,
}

/// With which code a connection is closed.
pub(crate) struct Closing(Close);

/// `GET /v1/connections`: a page, by id.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Parameters(listing): Parameters<Listing>,
) -> Json<impl Serialize> {
    let bounds = app.bus.reader().bounds();
    let which = Which { cloud: visible(&caller).cloud, ..listing.which };
    Json(app.connections.page(&which, listing.after, listing.limit, bounds))
}

/// `GET /v1/connections/{id}`
pub(crate) async fn one(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path(id): Path<String>,
    _: Parameters<NoParameters>,
) -> Answer<Json<impl Serialize>> {
    let bounds = app.bus.reader().bounds();
    let report = app.connections.report(&visible(&caller), number(&id)?, bounds);
    report.map(Json).ok_or_else(unknown)
}

/// `POST /v1/connections/{id}/send`: a notice to one client.
pub(crate) async fn send(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path(id): Path<String>,
    _: Parameters<NoParameters>,
    body: Body,
) -> Answer<StatusCode> {
    let (which, id) = (visible(&caller), number(&id)?);
    // What is wrong with the body comes behind that: who reads of it would look there.
    app.connections.report(&which, id, app.bus.reader().bounds()).ok_or_else(unknown)?;
    let notice = Notice::read(&app, body).await?;
    match app.connections.send(&which, id, &notice.data).ok_or_else(unknown)? {
        Offer::Taken => Ok(StatusCode::NO_CONTENT),
        _ => Err(ApiError::new(Code::Overloaded, "more waits for this client than it takes")
            .retry_after(Duration::from_secs(1))),
    }
}

/// `DELETE /v1/connections/{id}?code=`
pub(crate) async fn close(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path(id): Path<String>,
    Parameters(Closing(close)): Parameters<Closing>,
) -> Answer<StatusCode> {
    let closed = app.connections.close(&visible(&caller), number(&id)?, close);
    closed.then_some(StatusCode::NO_CONTENT).ok_or_else(unknown)
}

/// Those that the caller may see: all, or of its cloud.
fn visible(caller: &Caller) -> Which {
    Which { cloud: caller.cloud().map(str::to_owned), ..Which::default() }
}

fn number(id: &str) -> Answer<u64> {
    id.parse().map_err(|_| unknown())
}

fn unknown() -> ApiError {
    ApiError::new(Code::NotFound, "there is no such connection")
}

impl FromQuery for Listing {
    const NAMES: &'static [&'static str] = &["after", "limit", "transport", "identity", "address"];

    fn from_query(query: &Query) -> Result<Self, BadRequest> {
        let after =
            query.get("after").map(|id| id.parse().map_err(|_| bad("after is the id of a connection")));
        let transport = query.get("transport").map(|name| {
            let known = Framing::ALL.into_iter().find(|framing| framing.as_str() == name);
            known.ok_or_else(|| bad("transport is websocket, sse or ndjson"))
        });
        let address = query.get("address").map(|address| {
            let expected = "address is an IP address, with a port or without, as connections show it";
            address.parse().map_err(|_| bad(expected))
        });
        let which = Which {
            transport: transport.transpose()?,
            identity: query.text("identity"),
            address: address.transpose()?,
            ..Which::default()
        };
        Ok(Self { which, after: after.transpose()?, limit: query.limit()? })
    }
}

impl FromQuery for Closing {
    const NAMES: &'static [&'static str] = &["code"];

    fn from_query(query: &Query) -> Result<Self, BadRequest> {
        let Some(code) = query.get("code") else { return Ok(Self(Close::MaxLifetime)) };
        let known = Close::BY_OPERATOR.into_iter().find(|close| close.code().to_string() == code);
        let codes = Close::BY_OPERATOR.map(|close| close.code().to_string());
        known.map(Self).ok_or_else(|| bad(format!("code is one of {}", codes.join(", "))))
    }
}
