//! The publisher of broadcast workloads: a known image gets one new tag after another, which makes one event each.
//!
//! Number and intended time travel in the tag, so whoever receives it needs nothing else. Tags go to one repository
//! after another, so that readers can select.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::broadcast::Broadcast;
use crate::clock::SECOND;
use crate::event_id::EventId;
use crate::http::Answer;
use crate::message::Mark;
use crate::notification::{Change, Notification, Registry};
use crate::outcome::Outcome;
use crate::pace::{Due, Pace};
use crate::publisher::{Job, Next, Publisher};

/// A post that was lost or refused comes again after so long.
const PAUSE: u64 = SECOND / 20;
/// Deletes have numbers of their own.
const DELETES: u64 = 1 << 40;

/// New tags for one image in each of some repositories.
#[derive(Debug)]
pub struct Tagger {
    registry: Registry,
    repositories: Vec<String>,
    /// When each post is due; counts posts.
    pace: Pace,
    posts: u64,
    /// Notifications made.
    made: u64,
    /// Notifications in one post.
    per_post: u64,
    /// Events that may be on their way at once; `None`: any number.
    window: Option<u64>,
    broadcast: Arc<Broadcast>,
    /// What became of the posts.
    pub outcome: Outcome,
    /// Acknowledged events, by repository.
    pub acknowledged: Vec<Vec<EventId>>,
    /// Posts come again until they are taken.
    repeats: Option<Repeats>,
    /// So many tags are kept, older ones deleted; `None`: all.
    keeps: Option<usize>,
    kept: VecDeque<Mark>,
}

/// Posts whose answer is not there, by their first number, with the time that they were intended for.
#[derive(Debug, Default)]
struct Repeats {
    waiting: HashMap<u64, u64>,
    /// To be posted again, and when.
    again: VecDeque<(u64, u64)>,
    /// How many came again.
    count: u64,
}

impl Tagger {
    /// For so many repositories, with posts to be made by `begin` and a run of the publisher.
    pub fn new(registry: Registry, repositories: usize, broadcast: Arc<Broadcast>) -> Self {
        let repositories: Vec<_> = (0..repositories as u64).map(|index| registry.repository(index)).collect();
        Self {
            registry,
            acknowledged: vec![Vec::new(); repositories.len()],
            repositories,
            pace: Pace { start: 0, end: 0, count: 0, interval: None },
            posts: 0,
            made: 0,
            per_post: 1,
            window: None,
            broadcast,
            outcome: Outcome::default(),
            repeats: None,
            keeps: None,
            kept: VecDeque::new(),
        }
    }

    /// Puts so many notifications into one post, and at most `window` events on their way; `None`: any number.
    #[must_use]
    pub fn posts(self, per_post: u64, window: Option<u64>) -> Self {
        Self { per_post: per_post.max(1), window, ..self }
    }

    /// Whether posts that were lost or refused come again until they are taken, as a registry sends them.
    pub fn repeats(&mut self, repeats: bool) {
        self.repeats = repeats.then(Repeats::default);
    }

    /// Keeps so many tags and deletes older ones, so that the gateway need not know ever more of them. Only where
    /// posts are repeated: their events are told by numbers.
    pub fn keep(&mut self, tags: usize) {
        self.keeps = Some(tags);
    }

    /// How many posts came again.
    pub fn repeated(&self) -> u64 {
        self.repeats.as_ref().map_or(0, |repeats| repeats.count)
    }

    /// A filter for all new tags.
    pub fn filter(&self) -> String {
        format!("type == \"CreateImageTag\" && {}", self.registry.filter())
    }

    /// A filter that picks one repository's new tags, in one of the forms that people use.
    pub fn filter_of(&self, index: usize) -> String {
        let name = &self.repositories[index % self.repositories.len()];
        match index % 4 {
            0 => format!("repository == '{name}'"),
            1 => format!("repository == '{name}' && tag.startsWith('lt')"),
            2 => format!("repository == '{name}' && tag.matches('^lt[0-9a-f]+$')"),
            _ => format!("repository in ['{name}', '{name}/none'] && type == 'CreateImageTag'"),
        }
    }

    /// Pushes the images, before anyone listens: their later tags then make one event each.
    ///
    /// # Errors
    ///
    /// If one is not taken.
    pub fn push_images(&mut self, publisher: &mut Publisher) -> anyhow::Result<()> {
        let mut pushes = FirstPushes { tagger: self, posted: 0, failed: 0 };
        publisher.run(&mut pushes)?;
        let failed = pushes.failed;
        anyhow::ensure!(
            failed == 0,
            "{failed} of the first pushes were not taken: is the source's name right?"
        );
        Ok(())
    }

    /// The plan from now on; counts begin anew, numbers do not.
    pub fn begin(&mut self, pace: Pace) {
        self.pace = pace;
        self.posts = 0;
    }

    /// Notifications made so far.
    pub fn made(&self) -> u64 {
        self.made
    }

    /// Which repository a notification is for.
    fn repository(&self, number: u64) -> usize {
        usize::try_from(number).unwrap_or(0) % self.repositories.len()
    }

    /// The next notifications.
    fn write(&mut self, sent: u64, body: &mut Vec<u8>) -> u64 {
        let first = self.made;
        self.made += self.per_post;
        let mut old = Vec::new();
        if let Some(keeps) = self.keeps {
            self.kept.extend((first..self.made).map(|number| Mark { number, sent }));
            old.extend(self.kept.drain(..self.kept.len().saturating_sub(keeps)));
        }
        self.write_again(first, sent, &old, body);
        if let Some(repeats) = &mut self.repeats {
            repeats.waiting.insert(first, sent);
        }
        first
    }

    /// The notifications from `first`, and deletes of `old` tags.
    fn write_again(&self, first: u64, sent: u64, old: &[Mark], body: &mut Vec<u8>) {
        let new: Vec<_> = (first..first + self.per_post).map(|number| Mark { number, sent }).collect();
        let tags: Vec<_> = new.iter().chain(old).map(|mark| (mark.number, mark.tag())).collect();
        let all = tags.iter().enumerate().map(|(place, (number, tag))| {
            let is_new = place < new.len();
            let repository = &self.repositories[self.repository(*number)];
            // The first pushes have the first numbers.
            let number = number + if is_new { self.repositories.len() as u64 } else { DELETES };
            let push = Change::Push { digest: self.registry.digest(0), tag, index: false };
            let change = if is_new { push } else { Change::DeleteTag(tag) };
            Notification { number, request: number, repository, change }
        });
        self.registry.body(all, body);
    }

    /// What is to be posted again now, or when.
    fn again(&mut self, now: u64, body: &mut Vec<u8>) -> Option<Next> {
        let repeats = self.repeats.as_mut()?;
        let &(due, first) = repeats.again.front()?;
        if due > now {
            return Some(Next::At(due));
        }
        repeats.again.pop_front();
        repeats.count += 1;
        let sent = repeats.waiting.get(&first).copied().unwrap_or(now);
        self.write_again(first, sent, &[], body);
        Some(Next::Post(first))
    }

    fn has_room(&self) -> bool {
        self.window.is_none_or(|window| self.broadcast.has_room(self.made, self.per_post, window))
    }

    /// The post comes again, if posts do.
    fn repeat(&mut self, first: u64, now: u64) -> bool {
        let Some(repeats) = &mut self.repeats else { return false };
        repeats.again.push_back((now + PAUSE, first));
        true
    }
}

impl Job for Tagger {
    fn next(&mut self, now: u64, body: &mut Vec<u8>) -> Next {
        if self.broadcast.has_failed() {
            return Next::Done;
        }
        let again = self.again(now, body);
        if let Some(Next::Post(first)) = again {
            return Next::Post(first);
        }
        let next = match self.pace.due(self.posts, now) {
            Due::Never => Next::Done,
            Due::At(time) => Next::At(time),
            Due::Now(_) if !self.has_room() => Next::Parked,
            Due::Now(intended) => {
                self.posts += 1;
                Next::Post(self.write(intended, body))
            }
        };
        match (next, again) {
            (Next::At(time), Some(Next::At(sooner))) => Next::At(time.min(sooner)),
            (Next::Done | Next::Parked, Some(again)) => again,
            (next, _) => next,
        }
    }

    fn answered(&mut self, first: u64, answer: &Answer<'_>, now: u64) {
        if answer.status != 200 && self.repeat(first, now) {
            return;
        }
        let events = self.outcome.answered(answer).unwrap_or(0);
        let new = self.outcome.events.len() - events;
        let repository = self.repository(first);
        self.acknowledged[repository].extend_from_slice(&self.outcome.events[new..]);
        // An event whose first answer was lost is there, though this one does not name it.
        let events = self.repeats.as_mut().map_or(events as u64, |repeats| {
            repeats.waiting.remove(&first);
            self.per_post
        });
        self.broadcast.acknowledged(first, self.per_post, events, now);
    }

    fn lost(&mut self, first: u64, now: u64) {
        if !self.repeat(first, now) {
            self.outcome.lost += 1;
            self.broadcast.acknowledged(first, self.per_post, 0, now);
        }
    }
}

/// The posts before all others, one for each repository.
struct FirstPushes<'a> {
    tagger: &'a Tagger,
    posted: u64,
    failed: u64,
}

impl Job for FirstPushes<'_> {
    fn next(&mut self, _: u64, body: &mut Vec<u8>) -> Next {
        let (Tagger { registry, repositories, .. }, number) = (self.tagger, self.posted);
        if number >= repositories.len() as u64 {
            return Next::Done;
        }
        self.posted += 1;
        let repository = &repositories[self.tagger.repository(number)];
        let change = Change::Push { digest: registry.digest(0), tag: "first", index: false };
        registry.body([Notification { number, request: number, repository, change }], body);
        Next::Post(number)
    }

    fn answered(&mut self, _: u64, answer: &Answer<'_>, _: u64) {
        self.failed += u64::from(answer.status != 200);
    }

    fn lost(&mut self, _: u64, _: u64) {
        self.failed += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagger() -> Tagger {
        let broadcast = Arc::new(Broadcast::new(1, 1, 0));
        let mut tagger = Tagger::new(Registry::new(1), 1, broadcast);
        tagger.begin(Pace { start: 0, end: 100, count: 2, interval: Some(10.0) });
        tagger
    }

    fn answer(status: u16) -> Answer<'static> {
        Answer { status, accept: b"", body: b"{\"accepted\":1,\"events\":[]}", length: 0 }
    }

    #[test]
    fn what_was_refused_comes_again_as_it_was() {
        let mut tagger = tagger();
        tagger.repeats(true);
        let (mut first, mut again) = (Vec::new(), Vec::new());
        assert_eq!(tagger.next(0, &mut first), Next::Post(0));
        tagger.answered(0, &answer(503), 5);
        assert_eq!(tagger.next(6, &mut again), Next::At(10));
        assert_eq!(tagger.next(10, &mut again), Next::Post(1));
        tagger.lost(1, 20);
        assert_eq!(tagger.next(30, &mut again), Next::At(5 + PAUSE));
        assert_eq!(tagger.next(5 + PAUSE, &mut again), Next::Post(0));
        let tag = Mark { number: 0, sent: 0 }.tag();
        assert!(String::from_utf8(first).unwrap().contains(&tag));
        assert!(String::from_utf8(again.clone()).unwrap().contains(&tag));
        assert_eq!(tagger.next(20 + PAUSE, &mut again), Next::Post(1));
        tagger.answered(0, &answer(200), 99);
        tagger.answered(1, &answer(200), 99);
        assert_eq!(tagger.next(200 + PAUSE, &mut again), Next::Done);
        assert_eq!((tagger.repeated(), tagger.broadcast.events(), tagger.outcome.failed()), (2, 2, 0));
    }

    #[test]
    fn old_tags_go() {
        let mut tagger = tagger();
        tagger.keep(1);
        let mut body = Vec::new();
        tagger.next(0, &mut body);
        assert!(!String::from_utf8(body.clone()).unwrap().contains("\"delete\""));
        tagger.next(10, &mut body);
        let body = String::from_utf8(body).unwrap();
        assert!(body.contains("\"delete\"") && body.contains(&Mark { number: 0, sent: 0 }.tag()), "{body}");
    }
}
