use super::digest::Digest;
use super::mark::{Mark, Note};
use super::repositories::Repositories;
use super::stamp::Stamp;
use super::tag_graph::Pointer;
use super::{Fact, Rules};
use crate::collections::Ledger;
use crate::event::{Action, EventType, Notification};

/// One notification on its way through the table: what the rows ask and what they do.
#[derive(Debug)]
pub(super) struct Transition<'a> {
    pub(super) state: &'a mut Ledger<Repositories>,
    pub(super) repository: u32,
    pub(super) rules: Rules,
    pub(super) now: i64,
    /// The input's time and emitter.
    pub(super) at: Stamp,
    /// The registry's id of the request.
    pub(super) request: &'a str,
    /// The image that the notification names.
    own: Option<Digest>,
    facts: Vec<Fact>,
}

impl<'a> Transition<'a> {
    /// Begins a notification about a repository.
    pub(super) fn begin(
        state: &'a mut Ledger<Repositories>,
        repository: u32,
        rules: Rules,
        told: &'a Notification,
        now: i64,
    ) -> Self {
        let at = Stamp::of(told, rules, now);
        Self { at, rules, request: &told.request, ..Self::listing(state, repository, now) }
    }

    /// Begins to list a repository's tags, which no notification named.
    pub(super) fn listing(state: &'a mut Ledger<Repositories>, repository: u32, now: i64) -> Self {
        let (rules, at) = (Rules::default(), Stamp::NEVER);
        Self { state, repository, rules, now, at, request: "", own: None, facts: Vec::new() }
    }

    /// Finds the rows for an action. A digest that cannot be read counts as not told.
    pub(super) fn take(&mut self, action: &Action) {
        match action {
            Action::Put { digest, tag } => match (self.own(digest), tag) {
                (Some(digest), Some(tag)) => self.put(&digest, tag),
                (Some(digest), None) => self.put_untagged(&digest),
                (None, Some(tag)) => self.put_unresolved(tag),
                (None, None) => {}
            },
            Action::PutTag { tag } => self.put_unresolved(tag),
            Action::Delete { digest, tag } => match (self.own(digest), tag) {
                (Some(digest), tag) => self.delete(&digest, tag.as_deref()),
                (None, Some(tag)) => self.untag(tag, None),
                (None, None) => {}
            },
            Action::DeleteTag { tag, digest } => {
                let digest = digest.as_deref().and_then(|digest| self.own(digest));
                self.untag(tag, digest.as_ref());
            }
            Action::DeleteRepository => self.delete_repository(),
            Action::PutChart { version, digest } => {
                let digest = self.own(digest);
                self.put_chart(version, digest);
            }
            Action::DeleteChart { version, digest } => {
                let digest = self.own(digest);
                self.delete_chart(version, digest);
            }
            Action::Told { event_type, digest, tag } => self.follow(*event_type, digest, tag),
            // F4 needs no state and never comes here.
            Action::Pull { .. } | Action::Scan { .. } => {}
        }
    }

    /// Ends the notification with its events.
    pub(super) fn end(self) -> Vec<Fact> {
        if !self.facts.is_empty() {
            self.state.stir(self.repository, self.now);
        }
        self.state.close_if_empty(self.repository);
        self.facts
    }

    fn own(&mut self, digest: &str) -> Option<Digest> {
        self.own = Digest::parse(digest);
        self.own.clone()
    }

    /// Makes an event.
    pub(super) fn tell(&mut self, event_type: EventType, digest: Option<&Digest>, tag: &str) {
        let own = digest == self.own.as_ref();
        let digest = digest.map(Digest::text).unwrap_or_default();
        self.facts.push(Fact { event_type, digest, tag: tag.to_owned(), own });
    }

    /// Makes an event of another's words.
    pub(super) fn repeat(&mut self, event_type: EventType, digest: &str, tag: &str) {
        self.facts.push(Fact { event_type, digest: digest.to_owned(), tag: tag.to_owned(), own: true });
    }

    /// The tag's number, if T(t) is not ∅.
    pub(super) fn tag(&self, tag: &str) -> Option<u32> {
        self.state.find_tag(self.repository, tag)
    }

    /// T(t) of a tag that is known.
    pub(super) fn shown(&self, tag: u32) -> Pointer {
        self.state.repository(self.repository).table.shown(tag)
    }

    /// The image's number, if it is announced.
    pub(super) fn image(&self, digest: &Digest) -> Option<u32> {
        self.state.find_image(self.repository, digest)
    }

    /// The digest at an image's number.
    pub(super) fn digest(&self, image: u32) -> Digest {
        self.state.repository(self.repository).table.digest(image).clone()
    }

    /// The tags of an image and their names, in byte order.
    pub(super) fn tags_of(&self, image: u32) -> Vec<(Box<str>, u32)> {
        let table = &self.state.repository(self.repository).table;
        let mut tags: Vec<_> = table.tags_of(image).map(|tag| (table.name(tag).into(), tag)).collect();
        tags.sort_unstable();
        tags
    }

    /// at(t): by a tag that is known, or by its tombstone.
    pub(super) fn named(&self, tag: &str, number: Option<u32>) -> Stamp {
        match number {
            Some(number) => self.shown(number).at,
            None => self.mark(|| Mark::Tag(tag.into())).map_or(Stamp::NEVER, |note| note.at),
        }
    }

    pub(super) fn mark(&self, mark: impl FnOnce() -> Mark) -> Option<&Note> {
        let marks = &self.state.repository(self.repository).marks;
        // Most repositories have none, and then no key need be made.
        if marks.is_empty() { None } else { marks.get(&mark()) }
    }

    pub(super) fn set_mark(&mut self, mark: Mark, at: Stamp) {
        self.state.set_mark(self.repository, mark, Some(Note::new(self.now, at)));
    }

    /// Makes or confirms a mark, with the later of its time and the input's.
    pub(super) fn raise_mark(&mut self, mark: Mark) {
        let known = self.mark(|| mark.clone()).map_or(Stamp::NEVER, |note| note.at);
        self.set_mark(mark, self.at.max(known, self.rules));
    }

    pub(super) fn remove_mark(&mut self, mark: impl FnOnce() -> Mark) {
        let marks = &self.state.repository(self.repository).marks;
        if marks.is_empty() {
            return;
        }
        let mark = mark();
        if marks.contains_key(&mark) {
            self.state.set_mark(self.repository, mark, None);
        }
    }

    /// Sets T(t), and removes a tombstone.
    pub(super) fn set_tag(&mut self, name: &str, number: Option<u32>, shown: Pointer) {
        if let Some(tag) = number {
            return self.state.change_tag(self.repository, tag, shown);
        }
        self.remove_mark(|| Mark::Tag(name.into()));
        self.state.add_tag(self.repository, name, shown);
    }

    /// Makes T(t) = ∅ with a tombstone that keeps at(t).
    pub(super) fn clear_tag(&mut self, name: &str, number: Option<u32>, at: Stamp) {
        if let Some(tag) = number {
            self.state.remove_tag(self.repository, tag);
        }
        self.set_mark(Mark::Tag(name.into()), at);
    }
}
