//! Tags that go while their image stays, or takes its leave with the last of them.

use super::digest::Digest;
use super::mark::{Mark, Note};
use super::transition::Transition;
use crate::event::EventType::{DeleteImage, DeleteImageTag};

impl Transition<'_> {
    /// `DelTag(t)`, `DelTag(t, d)`
    pub(super) fn untag(&mut self, name: &str, digest: Option<&Digest>) {
        let tag = self.tag(name);
        if self.at.before(self.named(name, tag), self.rules) {
            return; // L5
        }
        match tag {
            Some(tag) => self.untag_known(name, tag, digest),
            None => self.untag_unknown(name, digest),
        }
    }

    fn untag_known(&mut self, name: &str, tag: u32, digest: Option<&Digest>) {
        let shown = self.shown(tag);
        let Some(image) = shown.image else {
            self.tell(DeleteImageTag, digest, name); // D6
            return self.clear_tag(name, Some(tag), self.at);
        };
        let old = self.digest(image);
        let moved = digest.is_some_and(|digest| *digest != old);
        if moved && !self.at.after(shown.at, self.rules) {
            return; // D2
        }
        // D1l, but not where the image only lost the tag to another (D2b), and not where it was
        // put later than this (as in L4).
        let table = &self.state.repository(self.repository).table;
        let last = self.rules.last_tag_takes_image
            && !moved
            && table.is_only_tag(tag)
            && !self.at.before(table.image_at(image), self.rules);
        if last {
            self.tell(DeleteImage, Some(&old), "");
        }
        self.tell(DeleteImageTag, Some(&old), name); // D1, D1l, D2b
        self.clear_tag(name, Some(tag), self.at);
        if last {
            self.state.remove_image(self.repository, image);
            self.raise_mark(Mark::Untagged(old));
        }
    }

    fn untag_unknown(&mut self, name: &str, digest: Option<&Digest>) {
        let tombstone = self.mark(|| Mark::Tag(name.into())).is_some();
        // D3 tells nothing, but at(t) is the input's: a put in between may still come.
        if !tombstone && !self.untag_deleted(name) {
            self.tell(DeleteImageTag, digest, name); // D5
        }
        self.clear_tag(name, None, self.at);
    }

    /// D4: whether this request deleted what is now known to have been an image, since it had a tag.
    fn untag_deleted(&mut self, name: &str) -> bool {
        let Some(note) = self.mark(|| Mark::Request(self.request.into())) else { return false };
        let Some(digest) = note.digest.clone() else { return false };
        if !note.told {
            let note = Note { told: true, ..note.clone() };
            self.state.set_mark(self.repository, Mark::Request(self.request.into()), Some(note));
            // Unless it was announced since: then it is not gone any more.
            if self.image(&digest).is_none() {
                self.tell(DeleteImage, Some(&digest), "");
                self.bury(&digest);
            }
        }
        self.tell(DeleteImageTag, Some(&digest), name);
        true
    }
}
