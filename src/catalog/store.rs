use std::collections::BTreeSet;
use std::hash::RandomState;
use std::sync::Arc;

use super::at::At;
use super::digest::Digest;
use super::journal::Step;
use super::mark::{Class, Mark, Note};
use super::names::Names;
use super::repository::{self, Chart, Repository};
use super::slab::Slab;
use super::table::{Shown, Table};
use super::{Limits, Place};

/// The catalog's state. Every change of it passes one of the functions here, which note how to
/// take it back; what a change means is none of their business.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) limits: Limits,
    pub(super) hasher: RandomState,
    pub(super) names: Names,
    pub(super) repositories: Slab<Box<Repository>>,
    /// The marks of each class, oldest first.
    pub(super) ages: [BTreeSet<(i64, u32, Mark)>; Class::ALL.len()],
    pub(super) journal: Vec<Step>,
    pub(super) tags: usize,
    pub(super) images: usize,
    /// Kept to make keys in without allocating.
    scratch: Vec<u8>,
}

/// Marks dropped at most for one that is made, so that a lowered bound costs no one call much.
const DROPPED_AT_ONCE: usize = 4;

impl Store {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// # Panics
    /// If the number is of no repository.
    pub(super) fn repository(&self, repository: u32) -> &Repository {
        self.repositories.get(repository).expect("a repository of this catalog")
    }

    pub(super) fn repository_mut(&mut self, repository: u32) -> &mut Repository {
        self.repositories.get_mut(repository).expect("a repository of this catalog")
    }

    pub(super) fn find(&self, place: Place<'_>) -> Option<u32> {
        let mut key = Vec::new();
        repository::key(place, &mut key);
        self.names.get(&key)
    }

    /// The repository's number; a new one if it is not known.
    pub(super) fn open(&mut self, place: Place<'_>) -> u32 {
        repository::key(place, &mut self.scratch);
        if let Some(known) = self.names.get(&self.scratch) {
            return known;
        }
        let key: Arc<[u8]> = self.scratch.as_slice().into();
        let repository = self.repositories.insert(Box::new(Repository::new(Arc::clone(&key))));
        self.names.insert(&key, repository);
        self.journal.push(Step::Opened { repository });
        repository
    }

    /// Forgets a repository that nothing is known about any more.
    pub(super) fn close_if_empty(&mut self, repository: u32) {
        if self.repository(repository).is_empty()
            && let Some(was) = self.repositories.remove(repository)
        {
            self.names.remove(&was.key);
            self.journal.push(Step::Closed { repository, was });
        }
    }

    pub(super) fn stir(&mut self, repository: u32, now: i64) {
        let was = std::mem::replace(&mut self.repository_mut(repository).changed, now);
        if was != now {
            self.journal.push(Step::Stirred { repository, was });
        }
    }

    pub(super) fn find_tag(&self, repository: u32, name: &str) -> Option<u32> {
        self.repository(repository).table.find_tag(&self.hasher, name)
    }

    pub(super) fn find_image(&self, repository: u32, digest: &Digest) -> Option<u32> {
        self.repository(repository).table.find_image(&self.hasher, digest)
    }

    pub(super) fn add_tag(&mut self, repository: u32, name: &str, shown: Shown) {
        let tag = self.do_add_tag(repository, name.into(), shown);
        self.journal.push(Step::TagAdded { repository, tag });
    }

    pub(super) fn change_tag(&mut self, repository: u32, tag: u32, shown: Shown) {
        let table = &mut self.repository_mut(repository).table;
        let was = table.shown(tag);
        if was != shown {
            table.change_tag(tag, shown);
            self.journal.push(Step::TagChanged { repository, tag, was });
        }
    }

    pub(super) fn remove_tag(&mut self, repository: u32, tag: u32) {
        let was = self.repository(repository).table.shown(tag);
        let name = self.do_remove_tag(repository, tag);
        self.journal.push(Step::TagRemoved { repository, name, was });
    }

    pub(super) fn add_image(&mut self, repository: u32, digest: Digest, at: At) -> u32 {
        let image = self.do_add_image(repository, digest, at);
        self.journal.push(Step::ImageAdded { repository, image });
        image
    }

    pub(super) fn change_image(&mut self, repository: u32, image: u32, at: At) {
        let table = &mut self.repository_mut(repository).table;
        let was = table.image_at(image);
        if was != at {
            table.change_image(image, at);
            self.journal.push(Step::ImageChanged { repository, image, was });
        }
    }

    pub(super) fn remove_image(&mut self, repository: u32, image: u32) {
        let was = self.repository(repository).table.image_at(image);
        let digest = self.do_remove_image(repository, image);
        self.journal.push(Step::ImageRemoved { repository, digest, was });
    }

    pub(super) fn set_chart(&mut self, repository: u32, version: &str, chart: Option<Chart>) {
        let was = self.do_set_chart(repository, version.into(), chart);
        self.journal.push(Step::Chart { repository, version: version.into(), was });
    }

    /// Makes, changes or removes a mark, then drops the oldest of its class beyond the bound.
    pub(super) fn set_mark(&mut self, repository: u32, mark: Mark, note: Option<Note>) {
        let class = mark.class();
        let was = self.do_set_mark(repository, mark.clone(), note);
        self.journal.push(Step::Mark { repository, mark, was });
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
        let was = self.do_set_mark(repository, mark.clone(), None);
        self.journal.push(Step::Mark { repository, mark, was });
        Some(repository)
    }
}

/// The same without a note in the journal: for taking back and for loading.
impl Store {
    pub(super) fn do_add_tag(&mut self, repository: u32, name: Box<str>, shown: Shown) -> u32 {
        self.tags += 1;
        let (table, hasher) = self.table(repository);
        table.add_tag(hasher, name, shown)
    }

    pub(super) fn do_remove_tag(&mut self, repository: u32, tag: u32) -> Box<str> {
        self.tags -= 1;
        let (table, hasher) = self.table(repository);
        table.remove_tag(hasher, tag)
    }

    pub(super) fn do_add_image(&mut self, repository: u32, digest: Digest, at: At) -> u32 {
        self.images += 1;
        let (table, hasher) = self.table(repository);
        table.add_image(hasher, digest, at)
    }

    pub(super) fn do_remove_image(&mut self, repository: u32, image: u32) -> Digest {
        self.images -= 1;
        let (table, hasher) = self.table(repository);
        table.remove_image(hasher, image)
    }

    pub(super) fn do_set_chart(
        &mut self,
        repository: u32,
        version: Box<str>,
        chart: Option<Chart>,
    ) -> Option<Chart> {
        let charts = &mut self.repository_mut(repository).charts;
        match chart {
            Some(chart) => charts.insert(version, chart),
            None => charts.remove(&version),
        }
    }

    pub(super) fn do_set_mark(&mut self, repository: u32, mark: Mark, note: Option<Note>) -> Option<Note> {
        let class = mark.class() as usize;
        let since = note.as_ref().map(|note| note.since);
        let marks = &mut self.repository_mut(repository).marks;
        let was = match note {
            Some(note) => marks.insert(mark.clone(), note),
            None => marks.remove(&mark),
        };
        let ages = &mut self.ages[class];
        let mut age = (0, repository, mark);
        if let Some(was) = &was {
            age.0 = was.since;
            ages.remove(&age);
        }
        if let Some(since) = since {
            age.0 = since;
            ages.insert(age);
        }
        was
    }

    fn table(&mut self, repository: u32) -> (&mut Table, &RandomState) {
        let repository = self.repositories.get_mut(repository).expect("a repository of this catalog");
        (&mut repository.table, &self.hasher)
    }

    /// Takes one step back.
    pub(super) fn take_back(&mut self, step: Step) {
        match step {
            Step::Opened { repository } => {
                let was = self.repositories.remove(repository).expect("an opened repository");
                self.names.remove(&was.key);
            }
            Step::Closed { repository, was } => {
                self.names.insert(&was.key, repository);
                let number = self.repositories.insert(was);
                debug_assert_eq!(number, repository, "steps are taken back in reverse order");
            }
            Step::Stirred { repository, was } => self.repository_mut(repository).changed = was,
            Step::TagAdded { repository, tag } => drop(self.do_remove_tag(repository, tag)),
            Step::TagChanged { repository, tag, was } => {
                self.repository_mut(repository).table.change_tag(tag, was);
            }
            Step::TagRemoved { repository, name, was } => {
                self.do_add_tag(repository, name, was);
            }
            Step::ImageAdded { repository, image } => drop(self.do_remove_image(repository, image)),
            Step::ImageChanged { repository, image, was } => {
                self.repository_mut(repository).table.change_image(image, was);
            }
            Step::ImageRemoved { repository, digest, was } => {
                self.do_add_image(repository, digest, was);
            }
            Step::Chart { repository, version, was } => {
                self.do_set_chart(repository, version, was);
            }
            Step::Mark { repository, mark, was } => {
                self.do_set_mark(repository, mark, was);
            }
        }
    }
}
