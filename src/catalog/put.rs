//! What comes: images, tags, and tags whose image is not told.

use super::UntaggedImages;
use super::digest::Digest;
use super::mark::Mark;
use super::stamp::Stamp;
use super::tag_graph::Pointer;
use super::transition::Transition;
use crate::event::EventType::{CreateImage, CreateImageTag, DeleteImageTag};

impl Transition<'_> {
    /// `Put(d, t)`
    pub(super) fn put(&mut self, digest: &Digest, name: &str) {
        let tag = self.tag(name);
        let named = self.named(name, tag);
        if self.tagged_before_delete(digest, named) {
            return self.put_too_late(name, tag, named);
        }
        let announced = self.image(digest);
        if self.at.before(named, self.rules) {
            // L1: real, but its tag has moved on. L2: nothing to tell.
            if announced.is_none() {
                self.tell(CreateImage, Some(digest), "");
            }
            self.announce(digest, announced);
            return;
        }
        // A1, A2, A6: what most builders put by digest first is told with its first tag.
        if announced.is_none() {
            self.tell(CreateImage, Some(digest), name);
        }
        let image = self.announce(digest, announced);
        let shown = tag.map(|tag| self.shown(tag).image);
        if let Some(Some(old)) = shown
            && old != image
        {
            // A2, A4: the old image stays, it only loses the tag.
            let old = self.digest(old);
            self.tell(DeleteImageTag, Some(&old), name);
        }
        // A5 tells nothing; A6 takes nothing away, since `?` may be the same image.
        if shown != Some(Some(image)) {
            self.tell(CreateImageTag, Some(digest), name);
        }
        self.set_tag(name, tag, Pointer { image: Some(image), at: self.at });
    }

    /// `Put(d)`
    pub(super) fn put_untagged(&mut self, digest: &Digest) {
        if self.before_image_went(digest) || self.before_tag_took(digest) {
            return; // L3'
        }
        let announced = self.image(digest);
        if announced.is_some() {
            self.announce(digest, announced); // B2
        } else if self.rules.untagged == UntaggedImages::Announce {
            self.tell(CreateImage, Some(digest), "");
            self.announce(digest, None);
        } else {
            // B1, and B2 of a silent image.
            self.raise_mark(Mark::Silent(digest.clone()));
        }
    }

    /// `PutTag(t)`, not resolved
    pub(super) fn put_unresolved(&mut self, name: &str) {
        let tag = self.tag(name);
        if self.at.before(self.named(name, tag), self.rules) || self.before_repository_went() {
            return; // L5
        }
        // E2: told each time, since it may have moved; no image is claimed to be new or to lose it.
        self.tell(CreateImageTag, None, name);
        self.set_tag(name, tag, Pointer { image: None, at: self.at });
    }

    /// A tag that the registry lists.
    pub(super) fn list(&mut self, name: &str, digest: &str) {
        let Some(digest) = Digest::parse(digest) else { return };
        let tag = self.tag(name);
        if tag.is_some_and(|tag| self.shown(tag).image.is_some()) {
            return;
        }
        let image = self.announce(&digest, self.image(&digest));
        self.set_tag(name, tag, Pointer { image: Some(image), at: Stamp::NEVER });
    }

    /// Makes an image announced, and keeps the later of at(d) and the input's.
    pub(super) fn announce(&mut self, digest: &Digest, announced: Option<u32>) -> u32 {
        if let Some(image) = announced {
            let at = self.state.repository(self.repository).table.image_at(image);
            self.state.change_image(self.repository, image, self.at.max(at, self.rules));
            return image;
        }
        let silent = self.mark(|| Mark::Silent(digest.clone())).map_or(Stamp::NEVER, |note| note.at);
        self.remove_mark(|| Mark::Silent(digest.clone()));
        self.state.add_image(self.repository, digest.clone(), self.at.max(silent, self.rules))
    }

    /// Whether a `Put(d, t)` is before gone(d).
    fn tagged_before_delete(&self, digest: &Digest, named: Stamp) -> bool {
        // An end concluded from the last known tag's is disproved by a tag not known then.
        self.before_image_went(digest) || (self.before_tag_took(digest) && self.at.before(named, self.rules))
    }

    fn before_image_went(&self, digest: &Digest) -> bool {
        self.mark(|| Mark::Image(digest.clone())).is_some_and(|note| self.at.before(note.at, self.rules))
            || self.before_repository_went()
    }

    fn before_tag_took(&self, digest: &Digest) -> bool {
        self.mark(|| Mark::Untagged(digest.clone())).is_some_and(|note| self.at.before(note.at, self.rules))
    }

    fn before_repository_went(&self) -> bool {
        self.mark(|| Mark::Repository).is_some_and(|note| self.at.before(note.at, self.rules))
    }

    fn put_too_late(&mut self, name: &str, tag: Option<u32>, named: Stamp) {
        if !self.at.after(named, self.rules) {
            return; // L3'
        }
        // L3: the tag went to the image, and was deleted with it.
        if let Some(tag) = tag {
            let shown = self.shown(tag).image.map(|image| self.digest(image));
            self.tell(DeleteImageTag, shown.as_ref(), name);
        }
        self.clear_tag(name, tag, self.at);
    }
}
