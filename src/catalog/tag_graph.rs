use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::digest::Digest;
use super::slab::Slab;
use super::stamp::Stamp;

/// Stands for no image, or the end of a chain.
const NONE: u32 = u32::MAX;

/// The announced images of a repository and its tags: T, N and at.
///
/// Tags and images lie at numbers and point to each other by them: a tag to its image, an image to
/// its first tag, tags of one image to each other. So N(d) costs eight bytes a tag and no search.
#[derive(Debug, Default)]
pub(super) struct TagGraph {
    tags: Slab<Tag>,
    images: Slab<Image>,
    tag_index: HashTable<u32>,
    image_index: HashTable<u32>,
}

/// What a tag shows, and what named it last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    /// The image's number; `None` if the digest was never told: T(t) = ?
    pub(super) image: Option<u32>,
    pub(super) at: Stamp,
}

#[derive(Debug)]
struct Tag {
    name: Box<str>,
    at: Stamp,
    image: u32,
    next: u32,
    previous: u32,
}

#[derive(Debug)]
struct Image {
    digest: Digest,
    at: Stamp,
    first: u32,
}

impl TagGraph {
    pub(super) fn find_tag(&self, hasher: &RandomState, name: &str) -> Option<u32> {
        self.tag_index.find(hasher.hash_one(name), |&tag| self.name(tag) == name).copied()
    }

    pub(super) fn find_image(&self, hasher: &RandomState, digest: &Digest) -> Option<u32> {
        let hash = hasher.hash_one(digest);
        self.image_index.find(hash, |&image| self.image(image).digest == *digest).copied()
    }

    pub(super) fn name(&self, tag: u32) -> &str {
        &self.tag(tag).name
    }

    pub(super) fn shown(&self, tag: u32) -> Pointer {
        let tag = self.tag(tag);
        Pointer { image: Some(tag.image).filter(|&image| image != NONE), at: tag.at }
    }

    pub(super) fn digest(&self, image: u32) -> &Digest {
        &self.image(image).digest
    }

    pub(super) fn image_at(&self, image: u32) -> Stamp {
        self.image(image).at
    }

    /// Whether an image has this tag and no other.
    pub(super) fn is_only_tag(&self, tag: u32) -> bool {
        let tag = self.tag(tag);
        tag.image != NONE && tag.next == NONE && tag.previous == NONE
    }

    /// The tags of an image, in no order that means anything.
    pub(super) fn tags_of(&self, image: u32) -> impl Iterator<Item = u32> {
        let known = |tag: u32| Some(tag).filter(|&tag| tag != NONE);
        std::iter::successors(known(self.image(image).first), move |&tag| known(self.tag(tag).next))
    }

    /// Every tag, in no order that means anything.
    pub(super) fn tags(&self) -> impl Iterator<Item = u32> {
        self.tags.iter().map(|(tag, _)| tag)
    }

    /// Every image, in no order that means anything.
    pub(super) fn images(&self) -> impl Iterator<Item = u32> {
        self.images.iter().map(|(image, _)| image)
    }

    pub(super) fn tag_count(&self) -> usize {
        self.tags.len()
    }

    pub(super) fn image_count(&self) -> usize {
        self.images.len()
    }

    pub(super) fn holds_tag(&self, tag: u32) -> bool {
        self.tags.get(tag).is_some()
    }

    pub(super) fn holds_image(&self, image: u32) -> bool {
        self.images.get(image).is_some()
    }

    /// Adds a tag that is not there yet.
    pub(super) fn add_tag(&mut self, hasher: &RandomState, name: Box<str>, shown: Pointer) -> u32 {
        let hash = hasher.hash_one(&*name);
        let tag = self.tags.insert(Tag { name, at: shown.at, image: NONE, next: NONE, previous: NONE });
        let tags = &self.tags;
        self.tag_index.insert_unique(hash, tag, |&other| hasher.hash_one(&*held(tags, other).name));
        self.link(tag, shown.image);
        tag
    }

    /// Changes what a tag shows.
    pub(super) fn change_tag(&mut self, tag: u32, shown: Pointer) {
        self.tag_mut(tag).at = shown.at;
        if self.shown(tag).image != shown.image {
            self.unlink(tag);
            self.link(tag, shown.image);
        }
    }

    /// Removes a tag.
    pub(super) fn remove_tag(&mut self, hasher: &RandomState, tag: u32) -> Box<str> {
        self.unlink(tag);
        let hash = hasher.hash_one(self.name(tag));
        if let Ok(entry) = self.tag_index.find_entry(hash, |&other| other == tag) {
            entry.remove();
        }
        self.tags.remove(tag).expect("a tag of this table").name
    }

    /// The number that the next image gets.
    pub(super) fn next_image(&self) -> u32 {
        self.images.next()
    }

    /// Adds an image that is not there yet.
    pub(super) fn add_image(&mut self, hasher: &RandomState, digest: Digest, at: Stamp) -> u32 {
        let hash = hasher.hash_one(&digest);
        let image = self.images.insert(Image { digest, at, first: NONE });
        let images = &self.images;
        self.image_index.insert_unique(hash, image, |&other| hasher.hash_one(&held(images, other).digest));
        image
    }

    pub(super) fn change_image(&mut self, image: u32, at: Stamp) {
        self.image_mut(image).at = at;
    }

    /// Removes an image that has no tags any more.
    pub(super) fn remove_image(&mut self, hasher: &RandomState, image: u32) -> Digest {
        debug_assert_eq!(self.image(image).first, NONE, "an image leaves after its tags");
        let hash = hasher.hash_one(self.digest(image));
        if let Ok(entry) = self.image_index.find_entry(hash, |&other| other == image) {
            entry.remove();
        }
        self.images.remove(image).expect("an image of this table").digest
    }

    fn link(&mut self, tag: u32, image: Option<u32>) {
        let Some(image) = image else { return };
        let next = std::mem::replace(&mut self.image_mut(image).first, tag);
        if next != NONE {
            self.tag_mut(next).previous = tag;
        }
        let tag = self.tag_mut(tag);
        (tag.image, tag.next, tag.previous) = (image, next, NONE);
    }

    fn unlink(&mut self, tag: u32) {
        let tag = self.tag_mut(tag);
        let (image, next, previous) = (tag.image, tag.next, tag.previous);
        (tag.image, tag.next, tag.previous) = (NONE, NONE, NONE);
        if next != NONE {
            self.tag_mut(next).previous = previous;
        }
        if previous != NONE {
            self.tag_mut(previous).next = next;
        } else if image != NONE {
            self.image_mut(image).first = next;
        }
    }

    fn tag(&self, tag: u32) -> &Tag {
        held(&self.tags, tag)
    }

    fn tag_mut(&mut self, tag: u32) -> &mut Tag {
        self.tags.get_mut(tag).expect("a tag of this table")
    }

    fn image(&self, image: u32) -> &Image {
        held(&self.images, image)
    }

    fn image_mut(&mut self, image: u32) -> &mut Image {
        self.images.get_mut(image).expect("an image of this table")
    }
}

fn held<T>(slab: &Slab<T>, number: u32) -> &T {
    slab.get(number).expect("a number of this table")
}
