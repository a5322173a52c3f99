pub(crate) mod dead_letters;
pub(crate) mod log;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::page;
use crate::delivery::trigger::{TriggerReport, Wanted};
use crate::http::App;
use crate::http::error::Answer;
use crate::http::extract::{Admin, Body, CloudChoice, CloudPage, Page, Parameters};
use crate::trigger::TriggerSpec;

/// Bytes of a definition.
const LONGEST: usize = 256 << 10;

/// `GET /v1/triggers?cloud_id=&after=&limit=`: a page, by name.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Parameters(CloudPage(cloud, Page { after, limit })): Parameters<CloudPage>,
) -> Json<Value> {
    let (triggers, next) = app.triggers.list(caller.reach(&cloud), &after, limit);
    page(json!({ "triggers": triggers }), next)
}

/// `GET /v1/triggers/{name}`
pub(crate) async fn one(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path(name): Path<String>,
    Parameters(cloud): Parameters<CloudChoice>,
) -> Answer<Json<TriggerReport>> {
    Ok(Json(app.triggers.get(&name, caller.reach(&cloud))?))
}

/// `PUT /v1/triggers/{name}`: makes it, or changes it.
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path(name): Path<String>,
    Parameters(cloud): Parameters<CloudChoice>,
    body: Body,
) -> Answer<(StatusCode, Json<Value>)> {
    let json = body.read(LONGEST).await?;
    let (spec, says_cloud) = (TriggerSpec::read(&json, &name)?, TriggerSpec::says_cloud(&json));
    let wanted = Wanted { spec, says_cloud, reach: caller.reach(&cloud), principal: caller.name() };
    let stored = app.triggers.put(wanted).await?;
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
    Parameters(cloud): Parameters<CloudChoice>,
) -> Answer<StatusCode> {
    app.triggers.delete(&name, caller.reach(&cloud)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/triggers/{name}/pause`: it keeps its place.
pub(crate) async fn pause(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path(name): Path<String>,
    Parameters(cloud): Parameters<CloudChoice>,
) -> Answer<Json<TriggerReport>> {
    Ok(Json(app.triggers.set_paused(&name, caller.reach(&cloud), true).await?))
}

/// `POST /v1/triggers/{name}/resume`: it goes on where it was, also one that disabled itself.
pub(crate) async fn resume(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path(name): Path<String>,
    Parameters(cloud): Parameters<CloudChoice>,
) -> Answer<Json<TriggerReport>> {
    Ok(Json(app.triggers.set_paused(&name, caller.reach(&cloud), false).await?))
}
