//! The names that a filter may use, and what they mean in an event.

use std::fmt;

use crate::event::{Attributes, EventType, Field};

use super::error::{FilterError, Reason};

/// A field, in the order in which conditions are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Name {
    Type,
    EventType,
    Cloud,
    Folder,
    Registry,
    Repository,
    Tag,
    Digest,
    ImageId,
    MediaType,
    Size,
    Actor,
    Source,
}

/// Every field, its short name and its path in the event.
const TABLE: [(Name, &str, &str); 13] = [
    (Name::Type, "type", ""),
    (Name::EventType, "event_type", "event_metadata.event_type"),
    (Name::Cloud, "cloud_id", "event_metadata.cloud_id"),
    (Name::Folder, "folder_id", "event_metadata.folder_id"),
    (Name::Registry, "registry", "details.registry_id"),
    (Name::Repository, "repository", "details.repository_name"),
    (Name::Tag, "tag", "details.tag"),
    (Name::Digest, "digest", "details.image_digest"),
    (Name::ImageId, "image_id", "details.image_id"),
    (Name::MediaType, "media_type", "details.media_type"),
    (Name::Size, "size", "details.size"),
    (Name::Actor, "actor", "details.actor"),
    (Name::Source, "source", "details.source"),
];

/// Parts of an event that no filter may test: a position is asked for with `after`.
const NOT_FIELDS: [&str; 4] = ["event_id", "created_at", "tracing_context", "source_event_id"];

impl Name {
    /// The field called `name`, by any of its names.
    pub(super) fn find(name: &str) -> Option<Self> {
        let name = name.strip_prefix("event.").unwrap_or(name);
        TABLE
            .iter()
            .find(|(_, short, path)| *short == name || (!path.is_empty() && *path == name))
            .map(|(field, ..)| *field)
    }

    pub(super) const fn as_str(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// Back from `as u8`.
    pub(super) const fn from_code(code: u8) -> Option<Self> {
        if (code as usize) < TABLE.len() { Some(TABLE[code as usize].0) } else { None }
    }

    /// The stored text, for those that have one.
    pub(super) const fn field(self) -> Option<Field> {
        Some(match self {
            Self::Type | Self::EventType | Self::Size => return None,
            Self::Cloud => Field::Cloud,
            Self::Folder => Field::Folder,
            Self::Registry => Field::Registry,
            Self::Repository => Field::Repository,
            Self::Tag => Field::Tag,
            Self::Digest => Field::Digest,
            Self::ImageId => Field::ImageId,
            Self::MediaType => Field::MediaType,
            Self::Actor => Field::Actor,
            Self::Source => Field::Source,
        })
    }

    pub(super) const fn is_text(self) -> bool {
        !matches!(self, Self::Size)
    }

    /// Whether a value may have a line break. Registries allow none in names, tags and digests.
    pub(super) const fn may_break(self) -> bool {
        matches!(self, Self::Actor | Self::Source)
    }

    /// Whether `/` parts a value, so that a glob's `*` stops there.
    pub(super) const fn is_path(self) -> bool {
        matches!(self, Self::Repository | Self::Registry)
    }

    /// The text of the field, empty for `size`.
    pub(super) fn text(self, event: &Attributes) -> &str {
        match self.field() {
            Some(field) => event.get(field),
            None if self == Self::Size => "",
            None => event.event_type().as_str(),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The short names, the likely one first.
fn names(likely: Option<&str>) -> Vec<String> {
    let rest = TABLE.iter().map(|(_, short, _)| *short).filter(|name| Some(*name) != likely);
    likely.into_iter().chain(rest).map(str::to_owned).collect()
}

/// Why `path` is no field. Its place is the last part, where the parts before it are right.
pub(super) fn unknown(path: &str, reason: Reason) -> FilterError {
    let last = unknown_part(path);
    if NOT_FIELDS.iter().any(|name| last.split('.').next() == Some(name)) {
        let message = format!("a filter can't test '{last}'; to begin at a position use 'after'");
        return FilterError::invalid(Reason::NotSupported, message).found(last).hint("after");
    }
    let shown = super::error::shorten(last);
    let likely = nearest(last);
    let message = match likely {
        Some(name) => format!("unknown field '{shown}'; did you mean '{name}'?"),
        None => format!("unknown field '{shown}'; fields are {}", names(None).join(", ")),
    };
    let error = FilterError::invalid(reason, message).expected(names(likely)).found(shown);
    match likely {
        Some(name) => error.hint(name),
        None => error,
    }
}

/// The part of an unknown path that is unknown.
pub(super) fn unknown_part(path: &str) -> &str {
    let path = path.strip_prefix("event.").unwrap_or(path);
    ["details.", "event_metadata."].iter().find_map(|prefix| path.strip_prefix(prefix)).unwrap_or(path)
}

fn nearest(name: &str) -> Option<&'static str> {
    let own = TABLE.iter().map(|(_, short, _)| (*short, *short));
    let parts = TABLE.iter().map(|(_, short, path)| (path.rsplit('.').next().unwrap_or(short), *short));
    closest(name, own.chain(parts).filter(|(known, _)| !known.is_empty()))
}

/// The short names of all types, the likely one first, and which that is.
pub(super) fn unknown_type(name: &str) -> FilterError {
    let likely = closest(name, EventType::ALL.iter().map(|t| (t.as_str(), t.as_str())));
    let shown = super::error::shorten(name);
    let rest = EventType::ALL.iter().map(|t| t.as_str()).filter(|name| Some(*name) != likely);
    let all: Vec<&str> = likely.into_iter().chain(rest).collect();
    let message = match likely {
        Some(likely) => format!("unknown event type '{shown}'; did you mean '{likely}'?"),
        None => format!("unknown event type '{shown}'; types are {}", all.join(", ")),
    };
    let error = FilterError::invalid(Reason::BadValue, message).found(shown).expected(all);
    match likely {
        Some(likely) => error.hint(likely),
        None => error,
    }
}

/// The name in `known` that `name` was probably meant to be: the other of the pair with the least
/// distance, where that is small. Case and underscores don't count; a beginning is near.
pub(super) fn closest<'a>(name: &str, known: impl Iterator<Item = (&'a str, &'a str)>) -> Option<&'a str> {
    // Nothing meant is that long, and the distance costs the product of the lengths.
    if name.len() > 40 {
        return None;
    }
    let name = plain(name);
    known
        .map(|(candidate, meant)| {
            let candidate = plain(candidate);
            let distance = distance(&name, &candidate);
            let begins = name.len() >= 3 && (candidate.starts_with(&name) || name.starts_with(&candidate));
            (if begins { distance.min(1) } else { distance }, distance, candidate.len(), meant)
        })
        .min_by_key(|(near, distance, ..)| (*near, *distance))
        .filter(|(near, _, length, _)| *near <= (length.max(&name.len()) / 3).max(1))
        .map(|(.., meant)| meant)
}

fn plain(name: &str) -> Vec<char> {
    name.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect()
}

/// Letters to add, drop, change or swap with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut cost = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_codes() {
        for (index, (name, ..)) in TABLE.iter().enumerate() {
            assert_eq!(*name as usize, index);
            assert_eq!(Name::from_code(*name as u8), Some(*name));
        }
    }

    #[test]
    fn every_name_of_a_field_finds_it() {
        for (name, short, path) in TABLE {
            assert_eq!(Name::find(short), Some(name));
            assert_eq!(Name::find(&format!("event.{short}")), Some(name));
            if !path.is_empty() {
                assert_eq!(Name::find(path), Some(name));
                assert_eq!(Name::find(&format!("event.{path}")), Some(name));
            }
        }
        for wrong in
            ["", "event", "event.", "details", "repository_name", "details.registry", "event.event.tag"]
        {
            assert_eq!(Name::find(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn nearest_names() {
        let near = |name| nearest(name);
        assert_eq!(near("tga"), Some("tag"));
        assert_eq!(near("repo"), Some("repository"));
        assert_eq!(near("imageDigest"), Some("digest"));
        assert_eq!(near("registry_id"), Some("registry"));
        assert_eq!(near("repository_name"), Some("repository"));
        assert_eq!(near("Tag"), Some("tag"));
        assert_eq!(near("xyzzy"), None);
        assert_eq!(near(&"t".repeat(100)), None);
    }
}
