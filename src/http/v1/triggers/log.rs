use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;

use crate::delivery::trigger::{AccessOutcome, AccessQuery};
use crate::event::ParsePositionError;
use crate::http::App;
use crate::http::error::Answer;
use crate::http::extract::{Admin, CloudChoice, FromQuery, Parameters, Query, bad};
use crate::protocol::{BadRequest, Code};

/// Which rows of whose log are wanted.
pub(crate) struct Listing(CloudChoice, AccessQuery);

/// `GET /v1/triggers/{name}/log?cloud_id=&before=&outcome=&search=&limit=`: newest first.
pub(crate) async fn page(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path(name): Path<String>,
    Parameters(Listing(cloud, query)): Parameters<Listing>,
) -> Answer<Json<impl Serialize>> {
    Ok(Json(app.triggers.log(&name, caller.reach(&cloud), &query).await?))
}

impl FromQuery for Listing {
    const NAMES: &'static [&'static str] = &["cloud_id", "before", "outcome", "search", "limit"];

    fn from_query(query: &Query) -> Result<Self, BadRequest> {
        let before = query.get("before").map(str::parse).transpose();
        let before = before.map_err(|error: ParsePositionError| BadRequest {
            code: Code::InvalidAfter,
            ..bad(error.to_string())
        })?;
        let outcome = match query.text("outcome").as_deref() {
            None => None,
            Some("triggered") => Some(AccessOutcome::Triggered),
            Some("untriggered") => Some(AccessOutcome::Untriggered),
            Some(_) => return Err(bad("outcome is triggered or untriggered")),
        };
        let search = query.text("search").unwrap_or_default();
        let rows = AccessQuery { before, outcome, search, limit: query.limit()? };
        Ok(Self(CloudChoice::from_query(query)?, rows))
    }
}
