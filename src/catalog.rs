//! The catalog: the last known state of repositories and tags. It says what a notification changed.
//!
//! It knows neither who sends nor who reads, nor where its state is kept: it is told a
//! [`Notification`], answers with the events that follow from it, and hands out what has to be
//! written. Rows of its truth table, `docs/catalog.md`, are named (A1, C5, L3 …) where the code is that row:
//!
//! - what comes: A, B, E and L1 to L3, in `put.rs`
//! - images that go: C and L4, in `delete.rs`
//! - tags that go: D and L5, in `untag.rs`
//! - charts, pulls, scans and other gateways' events: F, in `rest.rs`
//!
//! Nothing here reads a clock, and no answer depends on the order of a map.

mod delete;
mod digest;
mod entry;
mod load;
mod mark;
mod names;
mod put;
mod repeats;
mod repositories;
mod repository;
mod rest;
mod slab;
mod stamp;
mod step;
mod tag_entry;
mod tag_graph;
mod transition;
mod untag;
mod value;
mod view;

#[cfg(test)]
mod tests;

use serde::Deserialize;

use self::mark::Class;
use self::repositories::Repositories;
use self::stamp::nanos;
use self::transition::Transition;
use crate::collections::{Change, Ledger};
use crate::event::{Action, EventType, Notification, Timestamp};

pub(crate) use self::load::BadEntry;
pub(crate) use self::repeats::{RepeatKey, Repeats, Sighting};
pub(crate) use self::tag_entry::{TagKind, is_of, repository_key};
pub(crate) use self::view::{RegistryName, RepositoryView};

/// Where something is. Nothing crosses a cloud, so it is part of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RepositoryName<'a> {
    /// The tenant's cloud.
    pub cloud: &'a str,
    /// The registry, as clients address it.
    pub registry: &'a str,
    /// The whole repository name.
    pub repository: &'a str,
}

/// What the rows need to know about a source: properties of its kind, and settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property or a setting of its own")]
pub struct Rules {
    /// One emitter of it tells in the order in which things happened.
    pub keeps_order: bool,
    /// A deleted blob is told in the words of a deleted image.
    pub blobs_look_like_images: bool,
    /// An image goes with its last tag, and nothing else tells of it.
    pub last_tag_takes_image: bool,
    /// What becomes of an image that is put by digest alone.
    pub untagged: UntaggedImages,
    /// What orders its notifications.
    pub order: Order,
    /// Pulls are told.
    pub pulls: bool,
    /// Ends of scans are told.
    pub scans: bool,
}

/// What becomes of an image that is put by digest alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UntaggedImages {
    /// It makes no event until it has a tag.
    #[default]
    Silent,
    /// It makes a CreateImage without a tag.
    Announce,
}

/// What orders a source's notifications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Their time, where the source tells it.
    #[default]
    Time,
    /// Their arrival: nothing is ever late.
    Arrival,
}

/// What an event says beyond its notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    /// What happened.
    pub event_type: EventType,
    /// The image; empty if never told.
    pub digest: String,
    /// The tag, or a chart's version.
    pub tag: String,
    /// It is about the notification's own image: `media_type` and `size` may be told.
    pub own: bool,
}

/// Bounds on what is remembered for a while only. The oldest go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Images, tags and charts that were told as deleted; about 300 bytes each.
    pub tombstones: usize,
    /// Requests that deleted what may have been a blob; about 400 bytes each.
    pub requests: usize,
    /// Images without a tag that clients were never told of; about 300 bytes each.
    pub silent: usize,
}

impl Default for Limits {
    /// At most about 175 MB, if all three are ever full.
    fn default() -> Self {
        Self { tombstones: 250_000, requests: 50_000, silent: 250_000 }
    }
}

impl Limits {
    fn of(self, class: Class) -> usize {
        match class {
            Class::Tombstone => self.tombstones,
            Class::Request => self.requests,
            Class::Silent => self.silent,
        }
    }
}

/// The last known state of every repository.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    state: Ledger<Repositories>,
    /// Kept to make keys in without allocating.
    scratch: Vec<u8>,
}

impl Catalog {
    /// Takes in a notification, and says which events follow from it, in their order.
    ///
    /// `now` is the time of arrival. What changed is in [`Self::changes`], until
    /// [`Self::settle`] or [`Self::undo`] says what became of it.
    pub(crate) fn apply(
        &mut self,
        place: RepositoryName<'_>,
        rules: Rules,
        told: &Notification,
        now: Timestamp,
    ) -> Vec<Fact> {
        match &told.action {
            // F4 neither reads nor changes anything.
            Action::Pull { digest, tag } => rest::pulled(rules.pulls, digest, tag.as_deref()),
            Action::Scan { digest, tag } => rest::scanned(rules.scans, digest, tag.as_deref()),
            action => {
                let repository = self.state.open(place, &mut self.scratch);
                let mut turn = Transition::begin(&mut self.state, repository, rules, told, nanos(now));
                turn.take(action);
                turn.end()
            }
        }
    }

    /// Fills in a tag that the registry lists: announced, without an event.
    ///
    /// A tag whose image was told stays as it is, since clients were told so.
    pub(crate) fn warm<T, D>(
        &mut self,
        place: RepositoryName<'_>,
        tags: impl IntoIterator<Item = (T, D)>,
        now: Timestamp,
    ) where
        T: AsRef<str>,
        D: AsRef<str>,
    {
        let repository = self.state.open(place, &mut self.scratch);
        let mut turn = Transition::listing(&mut self.state, repository, nanos(now));
        for (tag, digest) in tags {
            turn.list(tag.as_ref(), digest.as_ref());
        }
        turn.end();
    }

    /// Drops what is older than it need be; some at a time, so that no call takes long.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        /// A millisecond's worth.
        const AT_ONCE: usize = 1_000;
        let now = nanos(now);
        for class in Class::ALL {
            for _ in 0..AT_ONCE {
                let oldest = self.state.ages[class as usize].first();
                if oldest.is_none_or(|(since, ..)| now.saturating_sub(*since) < class.lifetime()) {
                    break;
                }
                if let Some(repository) = self.state.drop_oldest(class) {
                    self.state.close_if_empty(repository);
                }
            }
        }
    }

    /// What has to be written since the last [`Self::settle`] or [`Self::undo`]: the last write of
    /// each key only, by key.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let pending = self.state.pending();
        let mut changes = Vec::with_capacity(pending.len());
        for step in pending {
            entry::touched(&self.state, step, &mut changes);
        }
        changes.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        changes.dedup_by(|one, other| one.key == other.key);
        changes
    }

    /// Says that the changes are durable.
    pub(crate) fn settle(&mut self) {
        self.state.settle();
    }

    /// Says that the changes are lost: everything is as it was when they began.
    pub(crate) fn undo(&mut self) {
        self.state.undo();
    }

    /// Tags known, in all repositories.
    pub(crate) fn tags(&self) -> usize {
        self.state.tags
    }
}

/// What only tests ask for.
#[cfg(test)]
impl Catalog {
    /// An empty catalog.
    pub(crate) fn new(limits: Limits) -> Self {
        Self { state: Ledger::new(Repositories::new(limits)), scratch: Vec::new() }
    }

    /// Images announced, in all repositories.
    pub(crate) fn images(&self) -> usize {
        self.state.images
    }

    /// Repositories of which anything is known.
    pub(crate) fn repositories(&self) -> usize {
        self.state.by_number.len()
    }

    /// Deletes remembered.
    pub(crate) fn tombstones(&self) -> usize {
        self.state.ages[Class::Tombstone as usize].len()
    }

    /// Requests remembered that deleted what may have been a blob.
    pub(crate) fn requests(&self) -> usize {
        self.state.ages[Class::Request as usize].len()
    }

    /// Images without a tag that clients were never told of.
    pub(crate) fn silent_images(&self) -> usize {
        self.state.ages[Class::Silent as usize].len()
    }
}
