//! The publisher of broadcast workloads: a known image gets one new tag after another, which makes one event each.
//!
//! Number and intended time travel in the tag, so whoever receives it needs nothing else.

use std::sync::Arc;

use crate::broadcast::Broadcast;
use crate::clock;
use crate::http::Answer;
use crate::message::Mark;
use crate::notification::{Change, Notification, Registry};
use crate::outcome::Outcome;
use crate::pace::{Due, Pace};
use crate::publisher::{Job, Next, Publisher};

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
    /// When the last answer came.
    pub last_answer: u64,
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
            last_answer: 0,
        }
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

    fn write(&mut self, sent: u64, body: &mut Vec<u8>) -> u64 {
        let numbers = self.made..self.made + self.per_post;
        self.made = numbers.end;
        let tags: Vec<_> = numbers.clone().map(|number| Mark { number, sent }.tag()).collect();
        let all = numbers.clone().zip(&tags).map(|(number, tag)| Notification {
            number: number + 1,
            request: number + 1,
            repository: &self.repository,
            change: Change::Push { digest: self.registry.digest(0), tag, index: false },
        });
        self.registry.body(all, body);
        numbers.start
    }
}

impl Job for Tagging {
    fn next(&mut self, now: u64, body: &mut Vec<u8>) -> Next {
        if self.broadcast.has_failed() {
            return Next::Done;
        }
        match self.pace.due(self.posts, now) {
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
        }
    }

    fn answered(&mut self, first: u64, answer: &Answer<'_>, now: u64) {
        self.last_answer = now;
        let events = self.outcome.answered(answer).unwrap_or(0) as u64;
        self.broadcast.acknowledged(first, self.per_post, events, now);
    }

    fn lost(&mut self, first: u64, now: u64) {
        self.last_answer = now;
        self.outcome.lost += 1;
        self.broadcast.acknowledged(first, self.per_post, 0, now);
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
