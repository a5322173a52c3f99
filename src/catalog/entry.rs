//! The stored form of the state: one entry for each tag, image, chart, mark and repository.
//!
//! A key is a byte for the kind, the repository's number, and what the entry is about.

use super::Change;
use super::digest::Digest;
use super::mark::Mark;
use super::repositories::Repositories;
use super::repository::Repository;
use super::step::Step;
use super::value::{self, Value};

pub(super) const REPOSITORY: u8 = b'r';
pub(super) const CHANGED: u8 = b's';
pub(super) const IMAGE: u8 = b'i';
pub(super) const TAG: u8 = b't';
pub(super) const CHART: u8 = b'c';
pub(super) const MARK: u8 = b'm';

pub(super) fn key(kind: u8, repository: u32) -> Vec<u8> {
    let mut key = vec![kind];
    key.extend_from_slice(&repository.to_be_bytes());
    key
}

fn named(kind: u8, repository: u32, name: &str) -> Vec<u8> {
    let mut key = key(kind, repository);
    key.extend_from_slice(name.as_bytes());
    key
}

fn mark_key(repository: u32, mark: &Mark) -> Vec<u8> {
    let mut key = key(MARK, repository);
    let (kind, name, digest) = match mark {
        Mark::Tag(name) => (b't', Some(name), None),
        Mark::Image(digest) => (b'i', None, Some(digest)),
        Mark::Untagged(digest) => (b'u', None, Some(digest)),
        Mark::Chart(version) => (b'c', Some(version), None),
        Mark::Repository => (b'r', None, None),
        Mark::Request(id) => (b'q', Some(id), None),
        Mark::Silent(digest) => (b's', None, Some(digest)),
    };
    key.push(kind);
    if let Some(name) = name {
        key.extend_from_slice(name.as_bytes());
    }
    if let Some(digest) = digest {
        digest.store(&mut key);
    }
    key
}

/// The mark that a key is about, out of what follows the repository's number.
pub(super) fn restore_mark(stored: &[u8]) -> Option<Mark> {
    let (kind, rest) = stored.split_first()?;
    let name = || Some(std::str::from_utf8(rest).ok()?.into());
    let mark = match kind {
        b't' => Mark::Tag(name()?),
        b'i' => Mark::Image(Digest::restore(rest)?),
        b'u' => Mark::Untagged(Digest::restore(rest)?),
        b'c' => Mark::Chart(name()?),
        b'r' if rest.is_empty() => Mark::Repository,
        b'q' => Mark::Request(name()?),
        b's' => Mark::Silent(Digest::restore(rest)?),
        _ => return None,
    };
    Some(mark)
}

/// The entries that a step touched, as they are now, by what takes it back. Of several steps on one, each gives the
/// same.
pub(super) fn touched(state: &Repositories, back: &Step, out: &mut Vec<Change>) {
    let entries = Entries { state, repository: back.repository() };
    match back {
        Step::Open { .. } | Step::Close { .. } => out.extend([entries.repository(), entries.changed()]),
        Step::Stir { .. } => out.push(entries.changed()),
        Step::RemoveTag { tag, .. } | Step::ChangeTag { tag, .. } => out.extend(entries.tag_at(*tag)),
        Step::AddTag { name, .. } => out.push(entries.tag(name)),
        Step::RemoveImage { image, .. } | Step::ChangeImage { image, .. } => {
            out.extend(entries.image_at(*image));
        }
        Step::AddImage { digest, .. } => out.push(entries.image(digest)),
        Step::SetChart { version, .. } => out.push(entries.chart(version)),
        Step::SetMark { mark, .. } => out.push(entries.mark(mark)),
    }
}

/// The entries of one number's repository, if there is one at present.
struct Entries<'a> {
    state: &'a Repositories,
    repository: u32,
}

impl Entries<'_> {
    fn held(&self) -> Option<&Repository> {
        self.state.by_number.get(self.repository).map(|held| &**held)
    }

    fn repository(&self) -> Change {
        let value = self.held().map(|held| value::name(&held.key));
        Change { key: key(REPOSITORY, self.repository), value }
    }

    fn changed(&self) -> Change {
        let value = self.held().filter(|held| held.changed != 0).map(|held| value::number(held.changed));
        Change { key: key(CHANGED, self.repository), value }
    }

    fn tag(&self, name: &str) -> Change {
        let value = self.held().and_then(|held| {
            let shown = held.table.shown(held.table.find_tag(&self.state.hasher, name)?);
            let digest = shown.image.map(|image| held.table.digest(image).clone());
            Some(Value::plain(shown.at, digest).store())
        });
        Change { key: named(TAG, self.repository, name), value }
    }

    fn tag_at(&self, tag: u32) -> Option<Change> {
        let table = &self.held()?.table;
        table.holds_tag(tag).then(|| self.tag(table.name(tag)))
    }

    fn image(&self, digest: &Digest) -> Change {
        let value = self.held().and_then(|held| {
            let image = held.table.find_image(&self.state.hasher, digest)?;
            Some(Value::plain(held.table.image_at(image), None).store())
        });
        let mut key = key(IMAGE, self.repository);
        digest.store(&mut key);
        Change { key, value }
    }

    fn image_at(&self, image: u32) -> Option<Change> {
        let table = &self.held()?.table;
        table.holds_image(image).then(|| self.image(table.digest(image)))
    }

    fn chart(&self, version: &str) -> Change {
        let chart = self.held().and_then(|held| held.charts.get(version));
        let value = chart.map(|chart| Value::from(chart).store());
        Change { key: named(CHART, self.repository, version), value }
    }

    fn mark(&self, mark: &Mark) -> Change {
        let note = self.held().and_then(|held| held.marks.get(mark));
        Change { key: mark_key(self.repository, mark), value: note.map(|note| Value::from(note).store()) }
    }
}
