//! What an operator may see of the catalog.

#[cfg(test)]
use std::collections::BinaryHeap;
use std::ops::Bound;

use super::repository::{self, Repository};
use super::stamp::timestamp;
use super::{Catalog, RepositoryName};
use crate::event::Timestamp;

/// One repository, as last told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RepositoryView<'a> {
    number: u32,
    repository: &'a Repository,
}

/// A registry of which something is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryName {
    /// The tenant's cloud.
    pub cloud: String,
    /// What the registry is called.
    pub registry: String,
}

/// One tag, as last told.
#[cfg(test)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TagView<'a> {
    /// The tag.
    pub name: &'a str,
    /// The image it shows; `None` if the source never told.
    pub digest: Option<String>,
    /// The source's time of what named it last, if told.
    pub at: Option<Timestamp>,
}

impl Catalog {
    /// What is known about a repository.
    pub(crate) fn repository(&self, place: RepositoryName<'_>) -> Option<RepositoryView<'_>> {
        self.view(self.state.find(place)?)
    }

    /// The repositories of a registry in the byte order of their names, those after `after` only.
    pub(crate) fn repositories_of(
        &self,
        cloud: &str,
        registry: &str,
        after: Option<&str>,
    ) -> impl Iterator<Item = RepositoryView<'_>> {
        let mut outer = Vec::new();
        repository::key(RepositoryName { cloud, registry, repository: "" }, &mut outer);
        let mut from = outer.clone();
        from.extend_from_slice(after.unwrap_or_default().as_bytes());
        let from = if after.is_some() { Bound::Excluded(&*from) } else { Bound::Included(&*from) };
        let known = self.state.names.from(from);
        known.take_while(move |(key, _)| key.starts_with(&outer)).filter_map(|(_, number)| self.view(number))
    }

    /// Up to `limit` registries (of one cloud, where one is named), those behind `after` only, in the order of
    /// their keys. It looks once for each, however many repositories they have.
    pub(crate) fn registries(
        &self,
        only: Option<&str>,
        after: Option<&RegistryName>,
        limit: usize,
    ) -> Vec<RegistryName> {
        let mut from = Vec::new();
        if let Some(RegistryName { cloud, registry }) = after {
            repository::key(RepositoryName { cloud, registry, repository: "" }, &mut from);
            beyond(&mut from);
        } else if let Some(cloud) = only {
            repository::key(RepositoryName { cloud, registry: "", repository: "" }, &mut from);
        }
        let mut found = Vec::new();
        while found.len() < limit {
            let Some((key, _)) = self.state.names.from(Bound::Included(&from)).next() else { break };
            let Some((cloud, registry, shared)) = repository::registry(key) else { break };
            if only.is_some_and(|only| only != cloud) {
                break;
            }
            found.push(RegistryName { cloud: cloud.to_owned(), registry: registry.to_owned() });
            from = key[..shared].to_vec();
            beyond(&mut from);
        }
        found
    }

    fn view(&self, number: u32) -> Option<RepositoryView<'_>> {
        Some(RepositoryView { number, repository: self.state.by_number.get(number)? })
    }
}

/// Makes a prefix the least key behind all keys that begin with it.
fn beyond(prefix: &mut Vec<u8>) {
    while let Some(last) = prefix.pop() {
        if last < u8::MAX {
            return prefix.push(last + 1);
        }
    }
}

impl<'a> RepositoryView<'a> {
    /// The number under which its entries are stored.
    pub(crate) fn number(self) -> u32 {
        self.number
    }

    /// The whole name.
    pub(crate) fn name(self) -> &'a str {
        repository::name(&self.repository.key).unwrap_or_default()
    }

    /// When it last made an event, by our clock. A source that never tells of deletes leaves us
    /// with what was told then.
    pub(crate) fn last_change(self) -> Option<Timestamp> {
        Some(self.repository.changed).filter(|&changed| changed != 0).map(timestamp)
    }

    /// How many tags it has.
    pub(crate) fn tags(self) -> usize {
        self.repository.table.tag_count()
    }

    /// How many images of it are announced.
    pub(crate) fn images(self) -> usize {
        self.repository.table.image_count()
    }

    /// Up to `limit` tags in byte order, those after `after` only.
    #[cfg(test)]
    pub(crate) fn tags_after(self, after: Option<&str>, limit: usize) -> Vec<TagView<'a>> {
        let table = &self.repository.table;
        let mut first = BinaryHeap::new();
        for tag in table.tags() {
            let name = table.name(tag);
            if after.is_none_or(|after| name > after) {
                first.push((name, tag));
                if first.len() > limit {
                    first.pop();
                }
            }
        }
        let tags = first.into_sorted_vec().into_iter();
        tags.map(|(name, tag)| {
            let shown = table.shown(tag);
            let digest = shown.image.map(|image| table.digest(image).text());
            TagView { name, digest, at: shown.at.time().map(timestamp) }
        })
        .collect()
    }
}
