//! The publisher for readers that select: new tags, in one repository after another, and a filter for each repository.
//!
//! Every repository gets its image before anyone listens, so that each later notification makes one event.

use std::sync::Arc;

use crate::broadcast::Broadcast;
use crate::event_id::EventId;
use crate::http::Answer;
use crate::message::Mark;
use crate::notification::{Change, Notification, Registry};
use crate::outcome::Outcome;
use crate::pace::{Due, Pace};
use crate::publisher::{Job, Next};

/// New tags in turn.
#[derive(Debug)]
pub struct Selecting {
    registry: Registry,
    repositories: Vec<String>,
    pace: Pace,
    posts: u64,
    /// Notifications made in all.
    made: u64,
    broadcast: Option<Arc<Broadcast>>,
    /// What became of the posts.
    pub outcome: Outcome,
    /// Acknowledged events, by repository.
    pub acknowledged: Vec<Vec<EventId>>,
}

impl Selecting {
    /// For so many repositories; the first round, one post each, is for `begin` to end.
    pub fn new(registry: Registry, repositories: u64) -> Self {
        let names: Vec<_> = (0..repositories).map(|index| registry.repository(index)).collect();
        Self {
            registry,
            acknowledged: vec![Vec::new(); names.len()],
            repositories: names,
            pace: Pace { start: 0, end: u64::MAX, count: repositories, interval: None },
            posts: 0,
            made: 0,
            broadcast: None,
            outcome: Outcome::default(),
        }
    }

    /// A filter that picks one repository's new tags, in one of the forms that people use.
    pub fn filter(&self, index: usize) -> String {
        let name = &self.repositories[index % self.repositories.len()];
        match index % 4 {
            0 => format!("repository == '{name}'"),
            1 => format!("repository == '{name}' && tag.startsWith('lt')"),
            2 => format!("repository == '{name}' && tag.matches('^lt[0-9a-f]+$')"),
            _ => format!("repository in ['{name}', '{name}/none'] && type == 'CreateImageTag'"),
        }
    }

    /// What comes from now on is for the readers, at this pace.
    pub fn begin(&mut self, pace: Pace, broadcast: &Arc<Broadcast>) {
        if self.broadcast.is_none() {
            self.outcome = Outcome::default();
            self.acknowledged.iter_mut().for_each(Vec::clear);
        }
        self.broadcast = Some(Arc::clone(broadcast));
        self.pace = pace;
        self.posts = 0;
    }

    fn repository(&self, number: u64) -> usize {
        usize::try_from(number).unwrap_or(0) % self.repositories.len()
    }

    fn over(&self, number: u64, events: usize, now: u64) {
        if let Some(broadcast) = &self.broadcast {
            broadcast.acknowledged(number, 1, events as u64, now);
        }
    }
}

impl Job for Selecting {
    fn next(&mut self, now: u64, body: &mut Vec<u8>) -> Next {
        match self.pace.due(self.posts, now) {
            Due::Never => Next::Done,
            Due::At(time) => Next::At(time),
            Due::Now(sent) => {
                let number = self.made;
                (self.made, self.posts) = (self.made + 1, self.posts + 1);
                let (tag, repository) = (Mark { number, sent }.tag(), self.repository(number));
                let change = Change::Push { digest: self.registry.digest(0), tag: &tag, index: false };
                let repository = self.repositories[repository].as_str();
                self.registry.body([Notification { number, request: number, repository, change }], body);
                Next::Post(number)
            }
        }
    }

    fn answered(&mut self, number: u64, answer: &Answer<'_>, now: u64) {
        let events = self.outcome.answered(answer).unwrap_or(0);
        let new = self.outcome.events.len() - events;
        let repository = self.repository(number);
        self.acknowledged[repository].extend_from_slice(&self.outcome.events[new..]);
        self.over(number, events, now);
    }

    fn lost(&mut self, number: u64, now: u64) {
        self.outcome.lost += 1;
        self.over(number, 0, now);
    }
}
