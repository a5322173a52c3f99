use std::collections::BTreeMap;
use std::sync::Arc;

use super::RepositoryName;
use super::digest::Digest;
use super::mark::{Mark, Note};
use super::stamp::Stamp;
use super::tag_graph::TagGraph;

/// Everything known about one repository.
#[derive(Debug)]
pub(super) struct Repository {
    /// Its [`key`]: shared with the table that finds it.
    pub(super) key: Arc<[u8]>,
    pub(super) table: TagGraph,
    pub(super) charts: BTreeMap<Box<str>, Chart>,
    pub(super) marks: BTreeMap<Mark, Note>,
    /// When it last made an event, by our clock.
    pub(super) changed: i64,
}

/// A chart's version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chart {
    /// `None` if never told.
    pub(super) digest: Option<Digest>,
    pub(super) at: Stamp,
}

impl Repository {
    pub(super) fn new(key: Arc<[u8]>) -> Self {
        Self { key, table: TagGraph::default(), charts: BTreeMap::new(), marks: BTreeMap::new(), changed: 0 }
    }

    /// Whether nothing would be lost with it.
    pub(super) fn is_empty(&self) -> bool {
        self.table.tag_count() == 0
            && self.table.image_count() == 0
            && self.charts.is_empty()
            && self.marks.is_empty()
    }
}

/// Writes the key of a repository: no two places share one, and those of one registry are
/// neighbours, in the byte order of their names.
pub(super) fn key(place: RepositoryName<'_>, out: &mut Vec<u8>) {
    out.clear();
    for outer in [place.cloud, place.registry] {
        out.extend_from_slice(&u32::try_from(outer.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(outer.as_bytes());
    }
    out.extend_from_slice(place.repository.as_bytes());
}

/// The repository's own name out of a [`key`]; `None` if it is no key.
pub(super) fn name(key: &[u8]) -> Option<&str> {
    let (_, rest) = outer(key)?;
    let (_, rest) = outer(rest)?;
    std::str::from_utf8(rest).ok()
}

/// Cloud and registry out of a [`key`], and how long the part is that all of that registry share.
pub(super) fn registry(key: &[u8]) -> Option<(&str, &str, usize)> {
    let (cloud, rest) = outer(key)?;
    let (registry, name) = outer(rest)?;
    Some((std::str::from_utf8(cloud).ok()?, std::str::from_utf8(registry).ok()?, key.len() - name.len()))
}

fn outer(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = key.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}
