//! What is known of registries now. The catalog is the writer's own: it is asked for little, by few at a time, and
//! between its commits. Tags, of which there may be many, are read from what it has stored, without it.

use serde::Serialize;

use super::Ingest;
use super::interpreter::CATALOG;
use crate::catalog::{self, Catalog, RegistryName, RepositoryName, TagKind};
use crate::event::image_id;
use crate::log::{ReadError, Row};

/// Looks that may wait for the writer; the others wait before.
pub(super) const AT_ONCE: usize = 4;

/// Why the catalog could not be seen.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The writer has ended, or is slower than a request may wait.
    #[error("the catalog can't be read now")]
    Busy,
    /// Storage failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// There is no such registry, or not for this caller.
    #[error("nothing is known of this registry")]
    NoRegistry,
    /// Several clouds have a registry of that name.
    #[error("say which: cloud_id is one of {}", .0.join(", "))]
    SeveralClouds(Vec<String>),
    /// The registry has no such repository.
    #[error("nothing is known of this repository")]
    NoRepository,
}

/// One repository, as last told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RepositoryReport {
    /// The whole name.
    pub repository: String,
    /// Tags that it has.
    pub tags: usize,
    /// Images of it that clients were told of.
    pub images: usize,
    /// When it last made an event.
    pub last_change: Option<String>,
}

/// A tag, or a version of a chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tag {
    /// Its name.
    pub tag: String,
    /// `image` or `chart`.
    pub kind: &'static str,
    /// What it shows; empty if the source never told.
    pub image_digest: String,
    /// The image's id; empty without a digest.
    pub image_id: String,
    /// The source's own time of what named it last, if it told one.
    pub named_at: Option<String>,
}

/// A repository and some of its tags.
#[derive(Clone, Debug)]
pub struct RepositoryTags {
    /// The repository.
    pub report: RepositoryReport,
    /// Tags in byte order, then versions of charts.
    pub tags: Vec<Tag>,
    /// The last one of these, if more follow.
    pub next: Option<(TagKind, String)>,
}

impl Ingest {
    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Catalog) -> T + Send + 'static,
    ) -> Result<T, CatalogError> {
        let seen = async {
            let _turn = self.looks.acquire().await.ok()?;
            self.writer.look(look)?.await.ok()
        };
        tokio::time::timeout(self.ack_deadline, seen).await.ok().flatten().ok_or(CatalogError::Busy)
    }

    /// Up to `limit` registries of which something is known (of one cloud, where one is named), those behind `after`
    /// only; and whether more follow.
    ///
    /// # Errors
    ///
    /// [`CatalogError`]
    pub async fn registries(
        &self,
        cloud: Option<String>,
        after: Option<RegistryName>,
        limit: usize,
    ) -> Result<(Vec<RegistryName>, bool), CatalogError> {
        self.look(move |catalog| cut(catalog.registries(cloud.as_deref(), after.as_ref(), limit + 1), limit))
            .await
    }

    /// The registry of that name in the cloud that is asked for, or in the only one that has it. One who may see but
    /// its `own` cloud hears of no other.
    ///
    /// # Errors
    ///
    /// [`CatalogError`]
    pub async fn registry(
        &self,
        own: Option<&str>,
        asked: Option<String>,
        registry: String,
    ) -> Result<RegistryName, CatalogError> {
        let clouds = match (own, asked) {
            (Some(own), Some(asked)) if own != asked => return Err(CatalogError::NoRegistry),
            (Some(cloud), _) => vec![cloud.to_owned()],
            (None, Some(asked)) => vec![asked],
            (None, None) => self.clouds(),
        };
        let name = registry.clone();
        let known = self.look(move |catalog| {
            let known = |cloud: &String| catalog.repositories_of(cloud, &name, None).next().is_some();
            clouds.into_iter().filter(known).collect::<Vec<_>>()
        });
        let mut known = known.await?;
        if known.len() > 1 {
            return Err(CatalogError::SeveralClouds(known));
        }
        known.pop().map(|cloud| RegistryName { cloud, registry }).ok_or(CatalogError::NoRegistry)
    }

    /// Up to `limit` repositories of a registry in the byte order of their names, those behind `after` only; and
    /// whether more follow.
    ///
    /// # Errors
    ///
    /// [`CatalogError`]
    pub async fn repositories(
        &self,
        of: RegistryName,
        after: Option<String>,
        limit: usize,
    ) -> Result<(Vec<RepositoryReport>, bool), CatalogError> {
        self.look(move |catalog| {
            let all = catalog.repositories_of(&of.cloud, &of.registry, after.as_deref());
            cut(all.take(limit + 1).map(report).collect(), limit)
        })
        .await
    }

    /// One repository with up to `limit` of its tags, those behind `after` only.
    ///
    /// # Errors
    ///
    /// [`CatalogError`]
    pub async fn repository(
        &self,
        of: RegistryName,
        repository: String,
        after: Option<(TagKind, String)>,
        limit: usize,
    ) -> Result<RepositoryTags, CatalogError> {
        let RegistryName { cloud, registry } = of;
        let place = (cloud, registry.clone(), repository);
        let asked = place.clone();
        let seen = self.look(move |catalog| {
            let view = catalog.repository(at(&asked))?;
            Some((view.number(), report(view)))
        });
        let (number, report) = seen.await?.ok_or(CatalogError::NoRepository)?;
        let (begin, name) = after.map_or((TagKind::Tag, None), |(begin, name)| (begin, Some(name)));
        let mut found: Vec<(TagKind, Tag)> = Vec::new();
        for named in [TagKind::Tag, TagKind::Chart].into_iter().filter(|named| *named >= begin) {
            let key = named.key(number, name.as_deref().filter(|_| named == begin));
            let rows = self.log.rows(CATALOG, key, limit + 1 - found.len()).await?;
            found.extend(read(named, number, &registry, &rows));
        }
        // The number may have gone to another repository meanwhile.
        let holder = self.log.row(CATALOG, catalog::repository_key(number)).await?;
        if !holder.is_some_and(|holder| catalog::is_of(&holder, at(&place))) {
            return Err(CatalogError::NoRepository);
        }
        let (found, more) = cut(found, limit);
        let next = found.last().filter(|_| more).map(|(named, tag)| (*named, tag.tag.clone()));
        Ok(RepositoryTags { report, tags: found.into_iter().map(|(_, tag)| tag).collect(), next })
    }

    /// The clouds of the sources.
    fn clouds(&self) -> Vec<String> {
        let mut clouds: Vec<_> =
            self.sources.values().map(|status| status.source.tenant.cloud.clone()).collect();
        clouds.sort();
        clouds.dedup();
        clouds
    }
}

/// The page, and whether something was left.
fn cut<T>(mut found: Vec<T>, limit: usize) -> (Vec<T>, bool) {
    let more = found.len() > limit;
    found.truncate(limit);
    (found, more)
}

fn at((cloud, registry, repository): &(String, String, String)) -> RepositoryName<'_> {
    RepositoryName { cloud, registry, repository }
}

fn report(view: catalog::RepositoryView<'_>) -> RepositoryReport {
    RepositoryReport {
        repository: view.name().to_owned(),
        tags: view.tags(),
        images: view.images(),
        last_change: view.last_change().map(|time| time.to_string()),
    }
}

/// The entries of one kind at the beginning of `rows`.
fn read(named: TagKind, number: u32, registry: &str, rows: &[Row]) -> Vec<(TagKind, Tag)> {
    let stored = rows.iter().map_while(|(key, value)| named.read(number, key, value));
    let tags = stored.map(|tag| {
        let digest = tag.digest.unwrap_or_default();
        let tag = Tag {
            tag: tag.name,
            kind: if named == TagKind::Tag { "image" } else { "chart" },
            image_id: image_id(registry, &digest),
            image_digest: digest,
            named_at: tag.at.map(|time| time.to_string()),
        };
        (named, tag)
    });
    tags.collect()
}
