//! A registry that lives: pushes, retags, moves, multi-arch pushes and deletes over some repositories.
//!
//! It tells what a real one would post for each, in its order, and knows what is true at any time.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::notification::{Digest, Registry};

/// What the registry announces: one notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Its id.
    pub number: u64,
    /// The id of the request that caused it.
    pub request: u64,
    /// Which repository.
    pub repository: u64,
    /// When, in whole seconds: no two of a repository at the same time.
    pub at: i64,
    /// What was done.
    pub operation: Operation,
}

/// What was done to the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A manifest was put.
    Push(Push),
    /// A layer was put.
    PushBlob(Digest),
    /// A manifest was deleted.
    Delete {
        /// Of the manifest.
        digest: Digest,
        /// One of the tags it had.
        tag: Option<String>,
        /// Whether it ever had a tag.
        was_tagged: bool,
    },
    /// A layer was deleted.
    DeleteBlob(Digest),
    /// A tag was deleted.
    DeleteTag {
        /// Its name.
        tag: String,
        /// What it showed.
        digest: Digest,
        /// Whether it went because its image was deleted.
        with_image: bool,
    },
}

impl Operation {
    /// The tag that it is about, empty for none.
    pub fn tag(&self) -> &str {
        match self {
            Self::Push(Push { tag, .. }) | Self::Delete { tag, .. } => tag.as_deref().unwrap_or_default(),
            Self::DeleteTag { tag, .. } => tag,
            Self::PushBlob(_) | Self::DeleteBlob(_) => "",
        }
    }

    /// The digest that it is about.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Push(Push { digest, .. })
            | Self::Delete { digest, .. }
            | Self::DeleteTag { digest, .. }
            | Self::PushBlob(digest)
            | Self::DeleteBlob(digest) => *digest,
        }
    }

    /// Whether something was put.
    pub fn is_push(&self) -> bool {
        matches!(self, Self::Push(_) | Self::PushBlob(_))
    }
}

/// A manifest that was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// Of the manifest.
    pub digest: Digest,
    /// `None`: by digest.
    pub tag: Option<String>,
    /// Whether it is an index of several platforms.
    pub index: bool,
    /// Whether it is the image's first tag.
    pub first: bool,
    /// What the tag showed before.
    pub was: Option<Digest>,
}

/// What a kind of registry does.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "any of them may be with any other")]
pub struct Habits {
    /// It tells of layers.
    pub blobs: bool,
    /// It deletes images, and tells it.
    pub deletes_images: bool,
    /// It deletes tags alone, and tells it.
    pub deletes_tags: bool,
    /// An image goes with its last tag.
    pub last_tag_takes_image: bool,
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
    /// Of these, those that ever had a tag.
    tagged: BTreeSet<Digest>,
    /// Manifests that were deleted, and may come again.
    deleted: Vec<Digest>,
    announced: i64,
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
    pub fn step(&mut self) -> Vec<Announcement> {
        let at = self.random.random_range(0..self.repositories.len());
        let done = match self.random.random_range(0..100) {
            0..30 => self.push_new(at),
            30..45 => self.push_one(at, self.repositories[at].images.clone()),
            45..52 => self.push_again(at),
            52..62 => self.push_index(at),
            62..67 => vec![self.put(at)],
            67..80 if self.habits.deletes_images => self.delete(at),
            80..90 if self.habits.deletes_tags => self.delete_tag(at),
            90..95 if self.habits.blobs => vec![Operation::DeleteBlob(self.digest())],
            _ => self.push_one(at, self.repositories[at].deleted.clone()),
        };
        self.requests += 1;
        done.into_iter().map(|done| self.tell(at, done)).collect()
    }

    fn tell(&mut self, at: usize, done: Operation) -> Announcement {
        self.notifications += 1;
        let repository = &mut self.repositories[at];
        repository.announced += 1;
        Announcement {
            number: self.notifications,
            request: self.requests,
            repository: at as u64,
            at: self.begin + repository.announced,
            operation: done,
        }
    }

    fn digest(&mut self) -> Digest {
        self.images += 1;
        self.registry.digest(self.images)
    }

    /// A new manifest, by digest.
    fn put(&mut self, at: usize) -> Operation {
        let digest = self.digest();
        self.repositories[at].images.insert(digest);
        Operation::Push(Push { digest, tag: None, index: false, first: false, was: None })
    }

    fn some<T: Clone>(&mut self, of: impl IntoIterator<Item = T>) -> Option<T> {
        let all: Vec<_> = of.into_iter().collect();
        (!all.is_empty()).then(|| all[self.random.random_range(0..all.len())].clone())
    }

    /// A tag: often one that is there, so that tags move.
    fn tag(&mut self) -> String {
        format!("v{}", self.random.random_range(0..12))
    }

    fn push(&mut self, at: usize, digest: Digest, tag: String, index: bool) -> Operation {
        let repository = &mut self.repositories[at];
        repository.images.insert(digest);
        let first = repository.tagged.insert(digest);
        let was = repository.tags.insert(tag.clone(), digest);
        Operation::Push(Push { digest, tag: Some(tag), index, first, was })
    }

    fn push_new(&mut self, at: usize) -> Vec<Operation> {
        let mut done = self.blobs(2);
        let (digest, tag) = (self.digest(), self.tag());
        done.push(self.push(at, digest, tag, false));
        done
    }

    /// One of these manifests under a tag, if there is any; else a new one.
    fn push_one(&mut self, at: usize, of: impl IntoIterator<Item = Digest>) -> Vec<Operation> {
        let Some(digest) = self.some(of) else { return self.push_new(at) };
        let tag = self.tag();
        vec![self.push(at, digest, tag, false)]
    }

    fn push_again(&mut self, at: usize) -> Vec<Operation> {
        let tags = self.repositories[at].tags.clone();
        let Some((tag, digest)) = self.some(tags) else { return self.push_new(at) };
        vec![self.push(at, digest, tag, false)]
    }

    fn push_index(&mut self, at: usize) -> Vec<Operation> {
        let mut done = self.blobs(2);
        done.extend([self.put(at), self.put(at)]);
        let (digest, tag) = (self.digest(), self.tag());
        done.push(self.push(at, digest, tag, true));
        done
    }

    fn blobs(&mut self, count: usize) -> Vec<Operation> {
        let count = if self.habits.blobs { count } else { 0 };
        (0..count).map(|_| Operation::PushBlob(self.digest())).collect()
    }

    /// An image goes with all its tags.
    fn delete(&mut self, at: usize) -> Vec<Operation> {
        let images = self.repositories[at].images.clone();
        let Some(digest) = self.some(images) else { return self.push_new(at) };
        let repository = &mut self.repositories[at];
        let gone: Vec<_> =
            repository.tags.iter().filter(|(_, shown)| **shown == digest).map(|(t, _)| t.clone()).collect();
        repository.tags.retain(|_, shown| *shown != digest);
        let was_tagged = repository.forget(digest);
        let image = Operation::Delete { digest, tag: gone.first().cloned(), was_tagged };
        let tags = gone.into_iter().map(|tag| Operation::DeleteTag { tag, digest, with_image: true });
        std::iter::once(image).chain(tags).collect()
    }

    fn delete_tag(&mut self, at: usize) -> Vec<Operation> {
        let tags = self.repositories[at].tags.clone();
        let Some((tag, digest)) = self.some(tags) else { return self.push_new(at) };
        let repository = &mut self.repositories[at];
        repository.tags.remove(&tag);
        if self.habits.last_tag_takes_image && !repository.tags.values().any(|shown| *shown == digest) {
            repository.forget(digest);
        }
        vec![Operation::DeleteTag { tag, digest, with_image: false }]
    }
}

impl Repository {
    /// An image is gone; whether it ever had a tag.
    fn forget(&mut self, digest: Digest) -> bool {
        self.images.remove(&digest);
        self.deleted.push(digest);
        self.tagged.remove(&digest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: Habits =
        Habits { blobs: true, deletes_images: true, deletes_tags: true, last_tag_takes_image: false };

    /// What somebody knows who only hears.
    fn hear(all: &[Announcement]) -> Tags {
        let mut tags = Tags::new();
        for announcement in all {
            let place = |tag: &String| (announcement.repository, tag.clone());
            match &announcement.operation {
                Operation::Push(Push { digest, tag: Some(tag), was, .. }) => {
                    assert_eq!(tags.insert(place(tag), *digest), *was);
                }
                Operation::Delete { digest, .. } => {
                    tags.retain(|(repository, _), shown| {
                        *repository != announcement.repository || shown != digest
                    });
                }
                Operation::DeleteTag { tag, with_image, .. } => {
                    assert_eq!(tags.remove(&place(tag)).is_none(), *with_image);
                }
                Operation::Push(_) | Operation::PushBlob(_) | Operation::DeleteBlob(_) => {}
            }
        }
        tags
    }

    fn life(seed: u64, habits: Habits, steps: usize) -> (Vec<Announcement>, Tags) {
        let mut simulator = Simulator::new(seed, Registry::new(1), habits, 3, 1_000);
        let all: Vec<_> = (0..steps).flat_map(|_| simulator.step()).collect();
        (all, simulator.tags())
    }

    proptest! {
        #[test]
        fn tells_all_that_it_does(
            seed in any::<u64>(), blobs in any::<bool>(), deletes_images in any::<bool>(),
            deletes_tags in any::<bool>(), last_tag_takes_image in any::<bool>(),
        ) {
            let habits = Habits { blobs, deletes_images, deletes_tags, last_tag_takes_image };
            let (all, truth) = life(seed, habits, 200);
            prop_assert_eq!(hear(&all), truth);
            let alone = |one: &Announcement| matches!(one.operation, Operation::DeleteTag { with_image: false, .. });
            prop_assert!(deletes_tags || !all.iter().any(alone));
        }

        #[test]
        fn times_of_a_repository_differ(seed in any::<u64>()) {
            let (all, _) = life(seed, ALL, 200);
            for repository in 0..3 {
                let times: Vec<_> = all.iter().filter(|t| t.repository == repository).map(|t| t.at).collect();
                prop_assert!(times.is_sorted_by(|a, b| a < b));
            }
        }
    }

    #[test]
    fn a_seed_decides_a_life() {
        assert_eq!(life(7, ALL, 50), life(7, ALL, 50));
        assert_ne!(life(7, ALL, 50), life(8, ALL, 50));
    }
}
