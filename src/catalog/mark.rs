use super::digest::Digest;
use super::stamp::Stamp;

/// What is remembered for a while only. One table holds all of it, so that one rule bounds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// The tombstone of a tag; its note's `at` is at(t).
    Tag(Box<str>),
    /// The tombstone of an image; its note's `at` is gone(d).
    Image(Digest),
    /// The same of an image whose end nobody told: it was concluded from the end of its last tag.
    Untagged(Digest),
    /// The tombstone of a chart's version.
    Chart(Box<str>),
    /// The whole repository was removed: gone(d) of every image that was in it, seen or not.
    Repository,
    /// A request that deleted what may have been a blob: an entry of `P`.
    Request(Box<str>),
    /// An image that clients were never told of; its note's `at` is at(d).
    Silent(Digest),
}

/// What is known about a [`Mark`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// When it was made or last confirmed, by our clock: the oldest go first.
    pub(super) since: i64,
    pub(super) at: Stamp,
    /// Of a request: clients were told of the image's end.
    pub(super) told: bool,
    /// Of a request: what it deleted.
    pub(super) digest: Option<Digest>,
}

/// Marks that share a bound and a lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Tombstone,
    Request,
    Silent,
}

const HOUR: i64 = 3_600_000_000_000;

impl Class {
    pub(super) const ALL: [Self; 3] = [Self::Tombstone, Self::Request, Self::Silent];

    /// How long its marks are kept, in nanoseconds.
    pub(super) fn lifetime(self) -> i64 {
        match self {
            Self::Tombstone => 24 * HOUR,
            Self::Request => HOUR,
            // An image may wait for its first tag for ever; only the bound drops it.
            Self::Silent => i64::MAX,
        }
    }
}

impl Mark {
    pub(super) fn class(&self) -> Class {
        match self {
            Self::Tag(_) | Self::Image(_) | Self::Untagged(_) | Self::Chart(_) | Self::Repository => {
                Class::Tombstone
            }
            Self::Request(_) => Class::Request,
            Self::Silent(_) => Class::Silent,
        }
    }
}

impl Note {
    /// A plain note.
    pub(super) fn new(since: i64, at: Stamp) -> Self {
        Self { since, at, told: false, digest: None }
    }
}
