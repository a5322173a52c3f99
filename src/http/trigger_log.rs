use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};

use super::query::{Query, bad};
use super::triggers::{cloud_of, failed};
use super::{App, answer};
use crate::delivery::trigger::LogAsked;
use crate::protocol::{BadRequest, Code};

/// `GET /v1/triggers/{name}/log?before=&outcome=&search=&limit=`: newest first.
pub(super) async fn page(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let cloud = match cloud_of(&app, &headers) {
        Ok(cloud) => cloud,
        Err(refused) => return refused,
    };
    match asked(query.as_deref()) {
        Ok(asked) => {
            let page = app.triggers.log(&name, cloud.as_deref(), &asked).await;
            page.map_or_else(failed, |page| Json(page).into_response())
        }
        Err(error) => answer::bad_request(error),
    }
}

fn asked(query: Option<&str>) -> Result<LogAsked, BadRequest> {
    let query = Query::parse(query, &["before", "outcome", "search", "limit"])?;
    let before = query.get("before").map(str::parse).transpose();
    let before = before.map_err(|error: crate::event::ParsePositionError| BadRequest {
        code: Code::InvalidAfter,
        ..bad(error.to_string())
    })?;
    let outcome = query.text("outcome");
    if outcome.as_ref().is_some_and(|outcome| !matches!(outcome.as_str(), "triggered" | "untriggered")) {
        return Err(bad("outcome is triggered or untriggered"));
    }
    let search = query.text("search").unwrap_or_default();
    Ok(LogAsked { before, outcome, search, limit: query.limit()? })
}
