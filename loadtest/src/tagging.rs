//! The publisher of broadcast workloads: a known image gets one new tag after another, which makes one event each.
//!
//! Number and intended time travel in the tag, so whoever receives it needs nothing else.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::broadcast::Broadcast;
use crate::clock::{self, SECOND};
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

/// New tags for one image.
#[derive(Debug)]
pub struct Tagging {
    registry: Registry,
    repository: String,
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

impl Tagging {
    /// Posts to be made by `begin` and a run of the publisher.
    pub fn new(registry: Registry, per_post: u64, window: Option<u64>, broadcast: Arc<Broadcast>) -> Self {
        Self {
            repository: registry.repository(0),
            registry,
            pace: Pace { start: 0, end: 0, count: 0, interval: None },
            posts: 0,
            made: 0,
            per_post: per_post.max(1),
            window,
            broadcast,
            outcome: Outcome::default(),
            repeats: None,
            keeps: None,
            kept: VecDeque::new(),
        }
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

    /// The events that every reader has to get.
    pub fn filter(&self) -> String {
        format!("type == \"CreateImageTag\" && {}", self.registry.filter())
    }

    /// Pushes the image, before anyone listens: its later tags then make one event each.
    ///
    /// # Errors
    ///
    /// If it is not taken.
    pub fn push_image(&mut self, publisher: &mut Publisher) -> anyhow::Result<()> {
        let mut push = Push { tagging: self, posted: false, taken: false };
        publisher.run(&mut push)?;
        anyhow::ensure!(push.taken, "the first push was not taken: is the source's name right?");
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
            let number = if is_new { number + 1 } else { number + DELETES };
            let push = Change::Push { digest: self.registry.digest(0), tag, index: false };
            let change = if is_new { push } else { Change::DeleteTag(tag) };
            Notification { number, request: number, repository: &self.repository, change }
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

    /// The post comes again, if posts do.
    fn repeat(&mut self, first: u64, now: u64) -> bool {
        let Some(repeats) = &mut self.repeats else { return false };
        repeats.again.push_back((now + PAUSE, first));
        true
    }
}

impl Job for Tagging {
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
            Due::Now(_)
                if self
                    .window
                    .is_some_and(|window| !self.broadcast.has_room(self.made, self.per_post, window)) =>
            {
                Next::Parked
            }
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
        let events = self.outcome.answered(answer).unwrap_or(0) as u64;
        // An event whose first answer was lost is there, though this one does not name it.
        let events = self.repeats.as_mut().map_or(events, |repeats| {
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

/// The one post before all others.
struct Push<'a> {
    tagging: &'a Tagging,
    posted: bool,
    taken: bool,
}

impl Job for Push<'_> {
    fn next(&mut self, _: u64, body: &mut Vec<u8>) -> Next {
        if self.posted {
            return Next::Done;
        }
        self.posted = true;
        let Tagging { registry, repository, .. } = self.tagging;
        let change = Change::Push { digest: registry.digest(0), tag: "first", index: false };
        registry.body([Notification { number: 0, request: 0, repository, change }], body);
        Next::Post(clock::now())
    }

    fn answered(&mut self, _: u64, answer: &Answer<'_>, _: u64) {
        self.taken = answer.status == 200;
    }

    fn lost(&mut self, _: u64, _: u64) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagging() -> Tagging {
        let broadcast = Arc::new(Broadcast::new(1, 1, 0));
        let mut tagging = Tagging::new(Registry::new(1), 1, None, broadcast);
        tagging.begin(Pace { start: 0, end: 100, count: 2, interval: Some(10.0) });
        tagging
    }

    fn answer(status: u16) -> Answer<'static> {
        Answer { status, head: b"", body: b"{\"accepted\":1,\"events\":[]}", length: 0 }
    }

    #[test]
    fn what_was_refused_comes_again_as_it_was() {
        let mut tagging = tagging();
        tagging.repeats(true);
        let (mut first, mut again) = (Vec::new(), Vec::new());
        assert_eq!(tagging.next(0, &mut first), Next::Post(0));
        tagging.answered(0, &answer(503), 5);
        assert_eq!(tagging.next(6, &mut again), Next::At(10));
        assert_eq!(tagging.next(10, &mut again), Next::Post(1));
        tagging.lost(1, 20);
        assert_eq!(tagging.next(30, &mut again), Next::At(5 + PAUSE));
        assert_eq!(tagging.next(5 + PAUSE, &mut again), Next::Post(0));
        let tag = Mark { number: 0, sent: 0 }.tag();
        assert!(String::from_utf8(first).unwrap().contains(&tag));
        assert!(String::from_utf8(again.clone()).unwrap().contains(&tag));
        assert_eq!(tagging.next(20 + PAUSE, &mut again), Next::Post(1));
        tagging.answered(0, &answer(200), 99);
        tagging.answered(1, &answer(200), 99);
        assert_eq!(tagging.next(200 + PAUSE, &mut again), Next::Done);
        assert_eq!((tagging.repeated(), tagging.broadcast.events(), tagging.outcome.failed()), (2, 2, 0));
    }

    #[test]
    fn old_tags_go() {
        let mut tagging = tagging();
        tagging.keep(1);
        let mut body = Vec::new();
        tagging.next(0, &mut body);
        assert!(!String::from_utf8(body.clone()).unwrap().contains("\"delete\""));
        tagging.next(10, &mut body);
        let body = String::from_utf8(body).unwrap();
        assert!(body.contains("\"delete\"") && body.contains(&Mark { number: 0, sent: 0 }.tag()), "{body}");
    }
}
