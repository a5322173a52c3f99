//! Images that go, one by one or with their repository.

use super::digest::Digest;
use super::mark::{Mark, Note};
use super::stamp::Stamp;
use super::transition::Transition;
use crate::event::EventType::{DeleteImage, DeleteImageTag};

impl Transition<'_> {
    /// `Del(d)`, `Del(d, t)`
    pub(super) fn delete(&mut self, digest: &Digest, name: Option<&str>) {
        if let Some(image) = self.image(digest) {
            return self.delete_announced(digest, image);
        }
        if let Some(silent) = self.mark(|| Mark::Silent(digest.clone())) {
            let at = silent.at;
            // C2, but for L4: deleted and pushed again
            if !self.at.before(at, self.rules) {
                self.remove_mark(|| Mark::Silent(digest.clone()));
                self.may_have_been_blob(digest);
            }
            return self.bury(digest);
        }
        if self.mark(|| Mark::Image(digest.clone())).is_some()
            || self.mark(|| Mark::Untagged(digest.clone())).is_some()
        {
            return self.bury(digest); // C3, of the later of two deletes
        }
        if self.rules.blobs_look_like_images && name.is_none() {
            return self.may_have_been_blob(digest); // C5
        }
        self.tell(DeleteImage, Some(digest), ""); // C4
        self.bury(digest);
        if let Some(name) = name
            && self.tag(name).is_none()
        {
            // C4t. The delete of an image is not said to name the tag, so at(t) stays.
            self.tell(DeleteImageTag, Some(digest), name);
            self.clear_tag(name, None, self.named(name, None));
        }
    }

    /// `DelRepo`
    pub(super) fn delete_repository(&mut self) {
        let repository = self.state.repository(self.repository);
        let mut images: Vec<Digest> =
            repository.table.images().map(|image| repository.table.digest(image).clone()).collect();
        images.sort_unstable();
        let silent = repository.marks.keys().filter_map(|mark| match mark {
            Mark::Silent(digest) => Some(digest.clone()),
            _ => None,
        });
        let silent: Vec<Digest> = silent.collect();
        // C6: C1 for each, or L4 where it was pushed again.
        for digest in images {
            if let Some(image) = self.image(&digest) {
                self.delete_announced(&digest, image);
            }
        }
        for digest in silent {
            if !self.mark(|| Mark::Silent(digest.clone())).is_some_and(|n| self.at.before(n.at, self.rules)) {
                self.remove_mark(|| Mark::Silent(digest.clone()));
                self.bury(&digest);
            }
        }
        self.untag_unresolved();
        self.raise_mark(Mark::Repository);
    }

    fn delete_announced(&mut self, digest: &Digest, image: u32) {
        let put = self.state.repository(self.repository).table.image_at(image);
        let again = self.at.before(put, self.rules);
        if !again {
            self.tell(DeleteImage, Some(digest), "");
        }
        for (name, tag) in self.tags_of(image) {
            let named = self.shown(tag).at;
            // C1: all its tags. L4: those it had then.
            if !again || self.at.after(named, self.rules) {
                self.tell(DeleteImageTag, Some(digest), &name);
                self.clear_tag(&name, Some(tag), named);
            }
        }
        if !again {
            self.state.remove_image(self.repository, image);
        }
        self.bury(digest);
    }

    /// Makes the tombstone of an image, with the later of gone(d) and the input's time.
    pub(super) fn bury(&mut self, digest: &Digest) {
        self.raise_mark(Mark::Image(digest.clone()));
    }

    /// Notes in `P` what a request deleted: a tag deleted by the same request would prove an image.
    fn may_have_been_blob(&mut self, digest: &Digest) {
        if self.rules.blobs_look_like_images && !self.request.is_empty() {
            let note = Note { since: self.now, at: Stamp::NEVER, told: false, digest: Some(digest.clone()) };
            self.state.set_mark(self.repository, Mark::Request(self.request.into()), Some(note));
        }
    }

    /// Tags whose image was never told go with their repository, after the images.
    fn untag_unresolved(&mut self) {
        let table = &self.state.repository(self.repository).table;
        let unresolved = table.tags().filter(|&tag| table.shown(tag).image.is_none());
        let mut tags: Vec<(Box<str>, u32)> = unresolved.map(|tag| (table.name(tag).into(), tag)).collect();
        tags.sort_unstable();
        for (name, tag) in tags {
            let named = self.shown(tag).at;
            if !self.at.before(named, self.rules) {
                self.tell(DeleteImageTag, None, &name);
                self.clear_tag(&name, Some(tag), named);
            }
        }
    }
}
