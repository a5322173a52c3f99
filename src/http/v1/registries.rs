use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::page;
use crate::catalog::{RegistryName, TagKind};
use crate::http::App;
use crate::http::error::Answer;
use crate::http::extract::{Caller, FromQuery, Parameters, Query, bad};
use crate::protocol::BadRequest;

/// Which registries are wanted.
pub(crate) struct Listing {
    after: Option<RegistryName>,
    limit: usize,
}

/// Which repositories of a registry are wanted.
pub(crate) struct RepositoryListing {
    /// For a registry of which several clouds have one.
    cloud: Option<String>,
    after: Option<String>,
    limit: usize,
}

/// Which tags of a repository are wanted.
pub(crate) struct TagListing {
    /// For a registry of which several clouds have one.
    cloud: Option<String>,
    after: Option<(TagKind, String)>,
    limit: usize,
}

/// `GET /v1/registries`: those of which something is known.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Parameters(Listing { after, limit }): Parameters<Listing>,
) -> Answer<Json<Value>> {
    let (found, more) = app.ingest.registries(caller.cloud().map(str::to_owned), after, limit).await?;
    let next = found.last().filter(|_| more).map(|last| opaque(&(&last.cloud, &last.registry)));
    let found: Vec<_> =
        found.iter().map(|r| json!({ "registry": r.registry, "cloud_id": r.cloud })).collect();
    Ok(page(json!({ "registries": found }), next))
}

/// `GET /v1/registries/{registry}/repositories`: a page, by name.
pub(crate) async fn repositories(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(registry): Path<String>,
    Parameters(RepositoryListing { cloud, after, limit }): Parameters<RepositoryListing>,
) -> Answer<Json<Value>> {
    let of = app.ingest.registry(caller.cloud(), cloud, registry).await?;
    let (found, more) = app.ingest.repositories(of.clone(), after, limit).await?;
    let next = found.last().filter(|_| more).map(|last| last.repository.clone());
    Ok(page(json!({ "registry": of.registry, "cloud_id": of.cloud, "repositories": found }), next))
}

/// `GET /v1/registries/{registry}/repositories/{repository}`: what it shows now.
pub(crate) async fn repository(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((registry, repository)): Path<(String, String)>,
    Parameters(TagListing { cloud, after, limit }): Parameters<TagListing>,
) -> Answer<Json<Value>> {
    let of = app.ingest.registry(caller.cloud(), cloud, registry).await?;
    let found = app.ingest.repository(of.clone(), repository, after, limit).await?;
    let next = found.next.map(|(named, name)| opaque(&(named == TagKind::Chart, name)));
    let shown = json!({
        "registry": of.registry,
        "cloud_id": of.cloud,
        "repository": found.report.repository,
        "tags_total": found.report.tags,
        "images_total": found.report.images,
        "last_change": found.report.last_change,
        "tags": found.tags,
    });
    Ok(page(shown, next))
}

impl FromQuery for Listing {
    const NAMES: &'static [&'static str] = &["after", "limit"];

    fn from_query(query: &Query) -> Result<Self, BadRequest> {
        let after = query.get("after").map(cursor::<(String, String)>).transpose()?;
        let after = after.map(|(cloud, registry)| RegistryName { cloud, registry });
        Ok(Self { after, limit: query.limit()? })
    }
}

impl FromQuery for RepositoryListing {
    const NAMES: &'static [&'static str] = &["cloud_id", "after", "limit"];

    fn from_query(query: &Query) -> Result<Self, BadRequest> {
        Ok(Self { cloud: query.text("cloud_id"), after: query.text("after"), limit: query.limit()? })
    }
}

impl FromQuery for TagListing {
    const NAMES: &'static [&'static str] = &["cloud_id", "after", "limit"];

    fn from_query(query: &Query) -> Result<Self, BadRequest> {
        let limit = query.limit()?;
        let after = query.get("after").map(cursor::<(bool, String)>).transpose()?;
        let after = after.map(|(chart, name)| (if chart { TagKind::Chart } else { TagKind::Tag }, name));
        Ok(Self { cloud: query.text("cloud_id"), after, limit })
    }
}

/// The last entry of a page, in a form that is nobody else's to read.
fn opaque(last: &impl Serialize) -> String {
    // Texts and truth values: nothing that serde_json can refuse.
    BASE64URL_NOPAD.encode(&serde_json::to_vec(last).unwrap_or_default())
}

fn cursor<T: DeserializeOwned>(text: &str) -> Result<T, BadRequest> {
    let decoded = BASE64URL_NOPAD.decode(text.as_bytes()).ok();
    decoded.and_then(|json| serde_json::from_slice(&json).ok()).ok_or_else(|| bad("after is a page's next"))
}
