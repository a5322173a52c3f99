pub(crate) mod dead_letters;
pub(crate) mod log;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::page;
use crate::delivery::trigger::TriggerReport;
use crate::http::App;
use crate::http::error::Answer;
use crate::http::extract::{Admin, Body, Page, Parameters};
use crate::trigger::TriggerSpec;

/// Bytes of a definition.
const LONGEST: usize = 256 << 10;

/// `GET /v1/triggers?after=&limit=`: a page, by name.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Parameters(Page { after, limit }): Parameters<Page>,
) -> Json<Value> {
    let (triggers, more) = app.triggers.list(caller.cloud(), &after, limit);
    let last = triggers.last().filter(|_| more);
    let next = last.map(|last| last.spec.name.clone());
    page(json!({ "triggers": triggers }), next)
}

/// `GET /v1/triggers/{name}`
pub(crate) async fn one(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path(name): Path<String>,
) -> Answer<Json<TriggerReport>> {
    Ok(Json(app.triggers.get(&name, caller.cloud())?))
}

/// `PUT /v1/triggers/{name}`: makes it, or changes it.
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path(name): Path<String>,
    body: Body,
) -> Answer<(StatusCode, Json<Value>)> {
    let spec = TriggerSpec::read(&body.read(LONGEST).await?, &name)?;
    let stored = app.triggers.put(spec, caller.cloud()).await?;
    let mut report = json!(stored.report);
    if let Some(secret) = stored.signing_secret {
        report["new_signing_secret"] = secret.into();
    }
    Ok((if stored.created { StatusCode::CREATED } else { StatusCode::OK }, Json(report)))
}

/// `DELETE /v1/triggers/{name}`
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    app.triggers.delete(&name, caller.cloud()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/triggers/{name}/pause`: it keeps its place.
pub(crate) async fn pause(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path(name): Path<String>,
) -> Answer<Json<TriggerReport>> {
    Ok(Json(app.triggers.set_paused(&name, caller.cloud(), true).await?))
}

/// `POST /v1/triggers/{name}/resume`: it goes on where it was, also one that disabled itself.
pub(crate) async fn resume(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path(name): Path<String>,
) -> Answer<Json<TriggerReport>> {
    Ok(Json(app.triggers.set_paused(&name, caller.cloud(), false).await?))
}
