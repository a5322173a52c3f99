use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::page;
use crate::catalog::{RegistryName, TagKind};
use crate::http::App;
use crate::http::error::Answer;
use crate::http::extract::{Caller, FromQuery, Parameters, Query, bad};
use crate::protocol::BadRequest;

/// What a cursor says of a chart's version; of a tag it says nothing.
const CHART: &str = "chart";

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
    let next = found.last().filter(|_| more).map(|last| opaque(&last.cloud, &last.registry));
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
    let next = found.next.map(|(kind, name)| opaque(if kind == TagKind::Chart { CHART } else { "" }, &name));
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
        let after = query.get("after").map(cursor).transpose()?;
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
        let after = query.get("after").map(cursor).transpose()?;
        let after =
            after.map(|(kind, name)| (if kind == CHART { TagKind::Chart } else { TagKind::Tag }, name));
        Ok(Self { cloud: query.text("cloud_id"), after, limit })
    }
}

/// The last entry of a page, in a form that is nobody else's to read, and every text of which is one.
fn opaque(kind: &str, name: &str) -> String {
    HEXLOWER.encode(format!("{kind}\0{name}").as_bytes())
}

fn cursor(text: &str) -> Result<(String, String), BadRequest> {
    let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| bad("after is a page's next"))?;
    let last = String::from_utf8_lossy(&bytes);
    let (kind, name) = last.split_once('\0').unwrap_or(("", &last));
    Ok((kind.to_owned(), name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_where_the_page_ended() {
        for (kind, name) in
            [("default", "hub.example.com:5000"), ("a/b\"ü", "x/y"), ("", "v1"), (CHART, "1.2+3")]
        {
            assert_eq!(cursor(&opaque(kind, name)).ok(), Some((kind.to_owned(), name.to_owned())));
        }
        for none in ["x", "0", "0A", "zz", "é"] {
            assert!(cursor(none).is_err(), "{none}");
        }
        assert!(cursor("ff").is_ok());
    }
}
