use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::http::App;
use crate::http::attachment::Attachment;
use crate::http::error::Answer;
use crate::http::extract::{Admin, CloudChoice, CloudPage, Page, Parameters};
use crate::http::v1::page;

/// `GET /v1/triggers/{name}/dead-letters?cloud_id=&after=&limit=`: a page, oldest first.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path(name): Path<String>,
    Parameters(CloudPage(cloud, Page { after, limit })): Parameters<CloudPage>,
) -> Answer<Json<Value>> {
    let (letters, more) = app.triggers.dead_letters(&name, caller.reach(&cloud), &after, limit).await?;
    let next = letters.last().filter(|_| more).map(|last| last.id.to_string());
    Ok(page(json!({ "dead_letters": letters }), next))
}

/// `GET /v1/triggers/{name}/dead-letters/{id}`: the body, byte for byte.
pub(crate) async fn body(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path((name, id)): Path<(String, String)>,
    Parameters(cloud): Parameters<CloudChoice>,
) -> Answer<Attachment> {
    let (letter, bytes) = app.triggers.dead_letter(&name, caller.reach(&cloud), &id).await?;
    Ok(Attachment { name: format!("{}.json", letter.id), bytes })
}

/// `POST /v1/triggers/{name}/dead-letters/{id}/send`: once, with the id and the bytes that it had.
pub(crate) async fn send(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path((name, id)): Path<(String, String)>,
    Parameters(cloud): Parameters<CloudChoice>,
) -> Answer<Json<impl Serialize>> {
    Ok(Json(app.triggers.send_again(&name, caller.reach(&cloud), &id).await?))
}

/// `DELETE /v1/triggers/{name}/dead-letters/{id}`
pub(crate) async fn purge(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path((name, id)): Path<(String, String)>,
    Parameters(cloud): Parameters<CloudChoice>,
) -> Answer<StatusCode> {
    app.triggers.purge(&name, caller.reach(&cloud), Some(&id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/triggers/{name}/dead-letters`
pub(crate) async fn purge_all(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path(name): Path<String>,
    Parameters(cloud): Parameters<CloudChoice>,
) -> Answer<Json<Value>> {
    Ok(Json(json!({ "dropped": app.triggers.purge(&name, caller.reach(&cloud), None).await? })))
}
