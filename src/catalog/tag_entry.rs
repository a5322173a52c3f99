//! Tags out of the stored entries, for who must not keep the catalog waiting: they lie in order there.

use super::stamp::timestamp;
use super::value::{self, Value};
use super::{RepositoryName, entry, repository};
use crate::event::Timestamp;

/// What is listed of a repository, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TagKind {
    /// Tags of images.
    Tag,
    /// Versions of charts.
    Chart,
}

/// A tag, or a chart's version, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagEntry {
    /// The tag or version.
    pub name: String,
    /// What it shows; `None` if the source never told.
    pub digest: Option<String>,
    /// The source's time of what named it last, if told.
    pub at: Option<Timestamp>,
}

impl TagKind {
    fn kind(self) -> u8 {
        match self {
            Self::Tag => entry::TAG,
            Self::Chart => entry::CHART,
        }
    }

    /// The key behind which the entries of a repository lie, those behind `after` only.
    pub fn key(self, repository: u32, after: Option<&str>) -> Vec<u8> {
        let mut key = entry::key(self.kind(), repository);
        key.extend_from_slice(after.unwrap_or_default().as_bytes());
        key
    }

    /// Reads an entry; `None` if it is none of these of this repository: they all lie before it.
    pub fn read(self, repository: u32, key: &[u8], stored: &[u8]) -> Option<TagEntry> {
        let name = key.strip_prefix(&*entry::key(self.kind(), repository))?;
        let value = Value::restore(stored)?;
        Some(TagEntry {
            name: std::str::from_utf8(name).ok()?.to_owned(),
            digest: value.digest.map(|digest| digest.text()),
            at: value.at.time().map(timestamp),
        })
    }
}

/// The key of the entry that says which repository has a number.
pub(crate) fn repository_key(repository: u32) -> Vec<u8> {
    entry::key(entry::REPOSITORY, repository)
}

/// Whether that entry is of the repository at `place`.
pub(crate) fn is_of(stored: &[u8], place: RepositoryName<'_>) -> bool {
    let mut key = Vec::new();
    repository::key(place, &mut key);
    value::restore_name(stored) == Some(&*key)
}
