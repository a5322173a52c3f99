use std::collections::BTreeSet;
use std::hash::RandomState;
use std::sync::Arc;

use super::digest::Digest;
use super::mark::{Class, Mark, Note};
use super::names::Names;
use super::repository::{self, Chart, Repository};
use super::slab::Slab;
use super::stamp::Stamp;
use super::step::Step;
use super::tag_graph::{Pointer, TagGraph};
use super::{Limits, RepositoryName};
use crate::collections::{Ledger, Reversible};

/// All that a catalog knows. Every change of it is a [`Step`]; what a change means is none of its business.
#[derive(Debug, Default)]
pub(super) struct Repositories {
    pub(super) limits: Limits,
    pub(super) hasher: RandomState,
    pub(super) names: Names,
    pub(super) by_number: Slab<Box<Repository>>,
    /// The marks of each class, oldest first.
    pub(super) ages: [BTreeSet<(i64, u32, Mark)>; Class::ALL.len()],
    pub(super) tags: usize,
    pub(super) images: usize,
}

/// Marks dropped at most for one that is made, so that a lowered bound costs no one call much.
const DROPPED_AT_ONCE: usize = 4;

impl Repositories {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// # Panics
    /// If the number is of no repository.
    pub(super) fn repository(&self, repository: u32) -> &Repository {
        self.by_number.get(repository).expect("a repository of this catalog")
    }

    pub(super) fn repository_mut(&mut self, repository: u32) -> &mut Repository {
        self.by_number.get_mut(repository).expect("a repository of this catalog")
    }

    pub(super) fn find(&self, place: RepositoryName<'_>) -> Option<u32> {
        let mut key = Vec::new();
        repository::key(place, &mut key);
        self.names.get(&key)
    }

    pub(super) fn find_tag(&self, repository: u32, name: &str) -> Option<u32> {
        self.repository(repository).table.find_tag(&self.hasher, name)
    }

    pub(super) fn find_image(&self, repository: u32, digest: &Digest) -> Option<u32> {
        self.repository(repository).table.find_image(&self.hasher, digest)
    }

    fn table(&mut self, repository: u32) -> (&mut TagGraph, &RandomState) {
        let repository = self.by_number.get_mut(repository).expect("a repository of this catalog");
        (&mut repository.table, &self.hasher)
    }

    fn put_chart(&mut self, repository: u32, version: Box<str>, chart: Option<Chart>) -> Option<Chart> {
        let charts = &mut self.repository_mut(repository).charts;
        match chart {
            Some(chart) => charts.insert(version, chart),
            None => charts.remove(&version),
        }
    }

    fn put_mark(&mut self, repository: u32, mark: Mark, note: Option<Note>) -> Option<Note> {
        let class = mark.class() as usize;
        let since = note.as_ref().map(|note| note.since);
        let marks = &mut self.repository_mut(repository).marks;
        let before = match note {
            Some(note) => marks.insert(mark.clone(), note),
            None => marks.remove(&mark),
        };
        let ages = &mut self.ages[class];
        let mut age = (0, repository, mark);
        if let Some(before) = &before {
            age.0 = before.since;
            ages.remove(&age);
        }
        if let Some(since) = since {
            age.0 = since;
            ages.insert(age);
        }
        before
    }
}

impl Reversible for Repositories {
    type Step = Step;

    fn apply(&mut self, step: Step) -> Step {
        match step {
            Step::Open { repository, held } => {
                self.names.insert(&held.key, repository);
                let number = self.by_number.insert(held);
                debug_assert_eq!(number, repository, "steps are taken back in reverse order");
                Step::Close { repository }
            }
            Step::Close { repository } => {
                let held = self.by_number.remove(repository).expect("a repository of this catalog");
                self.names.remove(&held.key);
                Step::Open { repository, held }
            }
            Step::Stir { repository, changed } => {
                let changed = std::mem::replace(&mut self.repository_mut(repository).changed, changed);
                Step::Stir { repository, changed }
            }
            Step::AddTag { repository, name, shown } => {
                self.tags += 1;
                let (table, hasher) = self.table(repository);
                Step::RemoveTag { repository, tag: table.add_tag(hasher, name, shown) }
            }
            Step::ChangeTag { repository, tag, shown } => {
                let table = &mut self.repository_mut(repository).table;
                let before = table.shown(tag);
                table.change_tag(tag, shown);
                Step::ChangeTag { repository, tag, shown: before }
            }
            Step::RemoveTag { repository, tag } => {
                self.tags -= 1;
                let (table, hasher) = self.table(repository);
                let shown = table.shown(tag);
                Step::AddTag { repository, name: table.remove_tag(hasher, tag), shown }
            }
            Step::AddImage { repository, digest, at } => {
                self.images += 1;
                let (table, hasher) = self.table(repository);
                Step::RemoveImage { repository, image: table.add_image(hasher, digest, at) }
            }
            Step::ChangeImage { repository, image, at } => {
                let table = &mut self.repository_mut(repository).table;
                let before = table.image_at(image);
                table.change_image(image, at);
                Step::ChangeImage { repository, image, at: before }
            }
            Step::RemoveImage { repository, image } => {
                self.images -= 1;
                let (table, hasher) = self.table(repository);
                let at = table.image_at(image);
                Step::AddImage { repository, digest: table.remove_image(hasher, image), at }
            }
            Step::SetChart { repository, version, chart } => {
                let before = self.put_chart(repository, version.clone(), chart);
                Step::SetChart { repository, version, chart: before }
            }
            Step::SetMark { repository, mark, note } => {
                let before = self.put_mark(repository, mark.clone(), note);
                Step::SetMark { repository, mark, note: before }
            }
        }
    }
}

/// What the rows of the truth table do.
impl Ledger<Repositories> {
    /// The repository's number; a new one if it is not known. `key` is kept to make keys in without allocating.
    pub(super) fn open(&mut self, place: RepositoryName<'_>, key: &mut Vec<u8>) -> u32 {
        repository::key(place, key);
        if let Some(known) = self.names.get(key) {
            return known;
        }
        let repository = self.by_number.next();
        let held = Box::new(Repository::new(Arc::from(key.as_slice())));
        self.apply(Step::Open { repository, held });
        repository
    }

    /// Forgets a repository that nothing is known about any more.
    pub(super) fn close_if_empty(&mut self, repository: u32) {
        if self.repository(repository).is_empty() {
            self.apply(Step::Close { repository });
        }
    }

    pub(super) fn stir(&mut self, repository: u32, now: i64) {
        if self.repository(repository).changed != now {
            self.apply(Step::Stir { repository, changed: now });
        }
    }

    pub(super) fn add_tag(&mut self, repository: u32, name: &str, shown: Pointer) {
        self.apply(Step::AddTag { repository, name: name.into(), shown });
    }

    pub(super) fn change_tag(&mut self, repository: u32, tag: u32, shown: Pointer) {
        if self.repository(repository).table.shown(tag) != shown {
            self.apply(Step::ChangeTag { repository, tag, shown });
        }
    }

    pub(super) fn remove_tag(&mut self, repository: u32, tag: u32) {
        self.apply(Step::RemoveTag { repository, tag });
    }

    pub(super) fn add_image(&mut self, repository: u32, digest: Digest, at: Stamp) -> u32 {
        let image = self.repository(repository).table.next_image();
        self.apply(Step::AddImage { repository, digest, at });
        image
    }

    pub(super) fn change_image(&mut self, repository: u32, image: u32, at: Stamp) {
        if self.repository(repository).table.image_at(image) != at {
            self.apply(Step::ChangeImage { repository, image, at });
        }
    }

    pub(super) fn remove_image(&mut self, repository: u32, image: u32) {
        self.apply(Step::RemoveImage { repository, image });
    }

    pub(super) fn set_chart(&mut self, repository: u32, version: &str, chart: Option<Chart>) {
        self.apply(Step::SetChart { repository, version: version.into(), chart });
    }

    /// Makes, changes or removes a mark, then drops the oldest of its class beyond the bound.
    pub(super) fn set_mark(&mut self, repository: u32, mark: Mark, note: Option<Note>) {
        let class = mark.class();
        self.apply(Step::SetMark { repository, mark, note });
        for _ in 0..DROPPED_AT_ONCE {
            if self.ages[class as usize].len() <= self.limits.of(class) {
                break;
            }
            match self.drop_oldest(class) {
                // The caller is still at work on its own and closes it in the end.
                Some(other) if other != repository => self.close_if_empty(other),
                _ => {}
            }
        }
    }

    /// Drops the oldest mark of a class and says whose it was.
    pub(super) fn drop_oldest(&mut self, class: Class) -> Option<u32> {
        let (_, repository, mark) = self.ages[class as usize].first()?.clone();
        self.apply(Step::SetMark { repository, mark, note: None });
        Some(repository)
    }
}
