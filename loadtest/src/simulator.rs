//! A registry that lives: pushes, retags, moves, multi-arch pushes and deletes over some repositories.
//!
//! It tells what a real one would post for each, in its order, and knows what is true at any time.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::notification::{Digest, Registry};

/// One notification of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its id.
    pub number: u64,
    /// The id of the request that caused it.
    pub request: u64,
    /// Which repository.
    pub repository: u64,
    /// When, in whole seconds: no two of a repository at the same time.
    pub at: i64,
    /// What was done.
    pub done: Done,
}

/// What was done to the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// A manifest was put, under a tag or by digest.
    Push(Digest, Option<String>),
    /// An index of several platforms was put.
    PushIndex(Digest, String),
    /// A layer was put.
    PushBlob(Digest),
    /// A manifest was deleted; one of the tags it had.
    Delete(Digest, Option<String>),
    /// A layer was deleted.
    DeleteBlob(Digest),
    /// A tag was deleted.
    DeleteTag(String),
}

/// What a kind of registry does and tells.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// It tells of layers.
    pub tells_blobs: bool,
    /// It can delete a tag alone, and tells it; it also tells each tag that goes with its image.
    pub tells_tags: bool,
}

/// Tags that show something: by repository, then by tag.
pub type Tags = BTreeMap<(u64, String), Digest>;

/// The registry.
#[derive(Debug)]
pub struct Simulator {
    random: StdRng,
    registry: Registry,
    habits: Habits,
    repositories: Vec<Repository>,
    notifications: u64,
    requests: u64,
    images: u64,
    /// The time of the first notification in each repository.
    begin: i64,
}

#[derive(Debug, Default)]
struct Repository {
    tags: BTreeMap<String, Digest>,
    /// Manifests that are there.
    images: BTreeSet<Digest>,
    /// Manifests that were deleted, and may come again.
    deleted: Vec<Digest>,
    told: i64,
}

impl Simulator {
    /// An empty registry; the seed decides its whole life.
    pub fn new(seed: u64, registry: Registry, habits: Habits, repositories: u64, begin: i64) -> Self {
        let repositories = (0..repositories.max(1)).map(|_| Repository::default()).collect();
        let random = StdRng::seed_from_u64(seed);
        Self { random, registry, habits, repositories, notifications: 0, requests: 0, images: 0, begin }
    }

    /// What is true now.
    pub fn tags(&self) -> Tags {
        let all = (0..).zip(&self.repositories);
        all.flat_map(|(index, repository)| {
            repository.tags.iter().map(move |(tag, digest)| ((index, tag.clone()), *digest))
        })
        .collect()
    }

    /// Does something, and tells it.
    pub fn step(&mut self) -> Vec<Told> {
        let at = self.random.random_range(0..self.repositories.len());
        let done = match self.random.random_range(0..100) {
            0..30 => self.push_new(at),
            30..45 => self.push_known(at),
            45..52 => self.push_again(at),
            52..62 => self.push_index(at),
            62..67 => vec![Done::Push(self.put(at), None)],
            67..80 => self.delete(at),
            80..90 if self.habits.tells_tags => self.delete_tag(at),
            90..95 if self.habits.tells_blobs => vec![Done::DeleteBlob(self.digest())],
            _ => self.push_deleted(at),
        };
        self.requests += 1;
        done.into_iter().map(|done| self.tell(at, done)).collect()
    }

    fn tell(&mut self, at: usize, done: Done) -> Told {
        self.notifications += 1;
        let repository = &mut self.repositories[at];
        repository.told += 1;
        Told {
            number: self.notifications,
            request: self.requests,
            repository: at as u64,
            at: self.begin + repository.told,
            done,
        }
    }

    fn digest(&mut self) -> Digest {
        self.images += 1;
        self.registry.digest(self.images)
    }

    /// A new manifest, by digest.
    fn put(&mut self, at: usize) -> Digest {
        let digest = self.digest();
        self.repositories[at].images.insert(digest);
        digest
    }

    fn some<T: Clone>(&mut self, of: impl Iterator<Item = T>) -> Option<T> {
        let all: Vec<_> = of.collect();
        (!all.is_empty()).then(|| all[self.random.random_range(0..all.len())].clone())
    }

    /// A tag: often one that is there, so that tags move.
    fn tag(&mut self) -> String {
        format!("v{}", self.random.random_range(0..12))
    }

    fn push(&mut self, at: usize, digest: Digest, tag: String) -> Done {
        let repository = &mut self.repositories[at];
        repository.images.insert(digest);
        repository.tags.insert(tag.clone(), digest);
        Done::Push(digest, Some(tag))
    }

    fn push_new(&mut self, at: usize) -> Vec<Done> {
        let mut done = self.blobs(2);
        let (digest, tag) = (self.digest(), self.tag());
        done.push(self.push(at, digest, tag));
        done
    }

    fn push_known(&mut self, at: usize) -> Vec<Done> {
        let known = self.repositories[at].images.clone();
        let Some(digest) = self.some(known.into_iter()) else { return self.push_new(at) };
        let tag = self.tag();
        vec![self.push(at, digest, tag)]
    }

    fn push_again(&mut self, at: usize) -> Vec<Done> {
        let tags = self.repositories[at].tags.clone();
        let Some((tag, digest)) = self.some(tags.into_iter()) else { return self.push_new(at) };
        vec![self.push(at, digest, tag)]
    }

    fn push_deleted(&mut self, at: usize) -> Vec<Done> {
        let deleted = self.repositories[at].deleted.clone();
        let Some(digest) = self.some(deleted.into_iter()) else { return self.push_new(at) };
        let tag = self.tag();
        vec![self.push(at, digest, tag)]
    }

    fn push_index(&mut self, at: usize) -> Vec<Done> {
        let mut done = self.blobs(2);
        done.extend([Done::Push(self.put(at), None), Done::Push(self.put(at), None)]);
        let (digest, tag) = (self.digest(), self.tag());
        self.push(at, digest, tag.clone());
        done.push(Done::PushIndex(digest, tag));
        done
    }

    fn blobs(&mut self, count: usize) -> Vec<Done> {
        let count = if self.habits.tells_blobs { count } else { 0 };
        (0..count).map(|_| Done::PushBlob(self.digest())).collect()
    }

    /// An image goes with all its tags: a registry that tells tags does so after the image.
    fn delete(&mut self, at: usize) -> Vec<Done> {
        let images = self.repositories[at].images.clone();
        let Some(digest) = self.some(images.into_iter()) else { return self.push_new(at) };
        let repository = &mut self.repositories[at];
        repository.images.remove(&digest);
        repository.deleted.push(digest);
        let gone: Vec<_> =
            repository.tags.iter().filter(|(_, shown)| **shown == digest).map(|(t, _)| t.clone()).collect();
        repository.tags.retain(|_, shown| *shown != digest);
        if !self.habits.tells_tags {
            return vec![Done::Delete(digest, gone.into_iter().next())];
        }
        let tags = gone.into_iter().map(Done::DeleteTag);
        std::iter::once(Done::Delete(digest, None)).chain(tags).collect()
    }

    fn delete_tag(&mut self, at: usize) -> Vec<Done> {
        let tags = self.repositories[at].tags.clone();
        let Some((tag, _)) = self.some(tags.into_iter()) else { return self.push_new(at) };
        self.repositories[at].tags.remove(&tag);
        vec![Done::DeleteTag(tag)]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What somebody knows who only hears.
    fn hear(all: &[Told]) -> Tags {
        let mut tags = Tags::new();
        for told in all {
            let place = |tag: &String| (told.repository, tag.clone());
            match &told.done {
                Done::Push(digest, Some(tag)) | Done::PushIndex(digest, tag) => {
                    tags.insert(place(tag), *digest);
                }
                Done::Delete(digest, _) => {
                    tags.retain(|(repository, _), shown| *repository != told.repository || shown != digest);
                }
                Done::DeleteTag(tag) => {
                    tags.remove(&place(tag));
                }
                Done::Push(_, None) | Done::PushBlob(_) | Done::DeleteBlob(_) => {}
            }
        }
        tags
    }

    fn life(seed: u64, habits: Habits, steps: usize) -> (Vec<Told>, Tags) {
        let mut simulator = Simulator::new(seed, Registry::new(1), habits, 3, 1_000);
        let all: Vec<_> = (0..steps).flat_map(|_| simulator.step()).collect();
        (all, simulator.tags())
    }

    proptest! {
        #[test]
        fn tells_all_that_it_does(seed in any::<u64>(), blobs in any::<bool>(), tags in any::<bool>()) {
            let habits = Habits { tells_blobs: blobs, tells_tags: tags };
            let (all, truth) = life(seed, habits, 200);
            prop_assert_eq!(hear(&all), truth);
            prop_assert!(tags || !all.iter().any(|told| matches!(told.done, Done::DeleteTag(_))));
        }

        #[test]
        fn times_of_a_repository_differ(seed in any::<u64>()) {
            let (all, _) = life(seed, Habits { tells_blobs: true, tells_tags: true }, 200);
            for repository in 0..3 {
                let times: Vec<_> = all.iter().filter(|t| t.repository == repository).map(|t| t.at).collect();
                prop_assert!(times.is_sorted_by(|a, b| a < b));
            }
        }
    }

    #[test]
    fn a_seed_decides_a_life() {
        let habits = Habits { tells_blobs: true, tells_tags: true };
        assert_eq!(life(7, habits, 50), life(7, habits, 50));
        assert_ne!(life(7, habits, 50), life(8, habits, 50));
    }
}
