use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::query::{Query, bad};
use super::{App, answer, operator};
use crate::catalog::{Named, RegistryName};
use crate::ingest::LookError;
use crate::protocol::{BadRequest, Code};

/// Why there is no page.
enum Refused {
    Answer(Box<Response>),
    Bad(BadRequest),
    Look(LookError),
    NotFound(&'static str),
}

impl From<BadRequest> for Refused {
    fn from(error: BadRequest) -> Self {
        Self::Bad(error)
    }
}

impl From<LookError> for Refused {
    fn from(error: LookError) -> Self {
        Self::Look(error)
    }
}

fn answered(page: Result<Value, Refused>) -> Response {
    match page {
        Ok(page) => Json(page).into_response(),
        Err(Refused::Answer(answer)) => *answer,
        Err(Refused::Bad(error)) => answer::bad_request(error),
        Err(Refused::NotFound(message)) => answer::error(Code::NotFound, message),
        Err(Refused::Look(error @ LookError::Busy)) => {
            answer::retry(Code::Overloaded, &error.to_string(), Duration::from_secs(1))
        }
        Err(Refused::Look(error @ LookError::Read(_))) => {
            answer::error(Code::StorageFailed, &error.to_string())
        }
    }
}

/// `GET /v1/registries`: those of which something is known.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    answered(all(&app, &headers, query.as_deref()).await)
}

async fn all(app: &App, headers: &HeaderMap, query: Option<&str>) -> Result<Value, Refused> {
    let cloud = cloud_of(app, headers)?;
    let query = Query::parse(query, &["after", "limit"])?;
    let after = query.get("after").map(cursor::<(String, String)>).transpose()?;
    let after = after.map(|(cloud, registry)| RegistryName { cloud, registry });
    let (found, more) = app.ingest.registries(cloud, after, query.limit()?).await?;
    let next = found.last().filter(|_| more).map(|last| opaque(&(&last.cloud, &last.registry)));
    let found: Vec<_> =
        found.iter().map(|r| json!({ "registry": r.registry, "cloud_id": r.cloud })).collect();
    Ok(with_next(json!({ "registries": found }), next))
}

/// `GET /v1/registries/{registry}/repositories`: a page, by name.
pub(super) async fn repositories(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(registry): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    answered(of_registry(&app, &headers, registry, query.as_deref()).await)
}

async fn of_registry(
    app: &App,
    headers: &HeaderMap,
    registry: String,
    query: Option<&str>,
) -> Result<Value, Refused> {
    let own = cloud_of(app, headers)?;
    let query = Query::parse(query, &["cloud_id", "after", "limit"])?;
    let limit = query.limit()?;
    let of = find(app, own, query.get("cloud_id"), registry).await?;
    let (found, more) = app.ingest.repositories(of.clone(), query.text("after"), limit).await?;
    let next = found.last().filter(|_| more).map(|last| last.repository.clone());
    let page = json!({ "registry": of.registry, "cloud_id": of.cloud, "repositories": found });
    Ok(with_next(page, next))
}

/// `GET /v1/registries/{registry}/repositories/{repository}`: what it shows now.
pub(super) async fn repository(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path((registry, repository)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    answered(of_repository(&app, &headers, registry, repository, query.as_deref()).await)
}

async fn of_repository(
    app: &App,
    headers: &HeaderMap,
    registry: String,
    repository: String,
    query: Option<&str>,
) -> Result<Value, Refused> {
    let own = cloud_of(app, headers)?;
    let query = Query::parse(query, &["cloud_id", "after", "limit"])?;
    let limit = query.limit()?;
    let after = query.get("after").map(cursor::<(bool, String)>).transpose()?;
    let after = after.map(|(chart, name)| (if chart { Named::Chart } else { Named::Tag }, name));
    let of = find(app, own, query.get("cloud_id"), registry).await?;
    let found = app.ingest.repository(of.clone(), repository, after, limit).await?;
    let found = found.ok_or(Refused::NotFound("nothing is known of this repository"))?;
    let next = found.next.map(|(named, name)| opaque(&(named == Named::Chart, name)));
    let page = json!({
        "registry": of.registry,
        "cloud_id": of.cloud,
        "repository": found.report.repository,
        "tags_total": found.report.tags,
        "images_total": found.report.images,
        "last_change": found.report.last_change,
        "tags": found.tags,
    });
    Ok(with_next(page, next))
}

/// The one cloud that the caller may see, if there is such a bound.
fn cloud_of(app: &App, headers: &HeaderMap) -> Result<Option<String>, Refused> {
    let principal = operator::reader(app, headers).map_err(|answer| Refused::Answer(Box::new(answer)))?;
    Ok(principal.and_then(|principal| principal.cloud.clone()))
}

/// Which registry is meant: the same name may stand in several clouds.
async fn find(
    app: &App,
    own: Option<String>,
    asked: Option<&str>,
    registry: String,
) -> Result<RegistryName, Refused> {
    let unknown = Refused::NotFound("nothing is known of this registry");
    let clouds = match (own, asked) {
        (Some(own), Some(asked)) if own != asked => return Err(unknown),
        (Some(cloud), _) => vec![cloud],
        (None, Some(asked)) => vec![asked.to_owned()],
        (None, None) => app.ingest.clouds(),
    };
    let mut known = app.ingest.clouds_of(registry.clone(), clouds).await?;
    if known.len() > 1 {
        return Err(bad(format!("say which: cloud_id is one of {}", known.join(", "))).into());
    }
    known.pop().map(|cloud| RegistryName { cloud, registry }).ok_or(unknown)
}

/// A place on a page that is nobody else's to read.
fn opaque(place: &impl Serialize) -> String {
    // Texts and truth values: nothing that serde_json can refuse.
    BASE64URL_NOPAD.encode(&serde_json::to_vec(place).unwrap_or_default())
}

fn cursor<T: DeserializeOwned>(text: &str) -> Result<T, BadRequest> {
    let decoded = BASE64URL_NOPAD.decode(text.as_bytes()).ok();
    decoded.and_then(|json| serde_json::from_slice(&json).ok()).ok_or_else(|| bad("after is a page's next"))
}

fn with_next(mut page: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        page["next"] = next.into();
    }
    page
}
