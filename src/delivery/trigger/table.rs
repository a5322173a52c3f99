//! All triggers, by name: what an operator sees of them, and the doors to their letters and access logs.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

use super::access_log::{self, AccessPage, AccessQuery};
use super::entry::Entry;
use super::error::TriggerError;
use super::letters::DeadLetter;
use super::report::TriggerReport;
use super::task::Sender;
use super::{Context, text};
use crate::auth::Reach;
use crate::event::Timestamp;
use crate::trigger::{Definition, FailureCode, Feed, QualifiedName, Target, Verdict};
use crate::vital::Vital;

/// How long attempts may take to end when the gateway stops.
const LAST_ATTEMPTS: Duration = Duration::from_secs(5);

/// Every feed by its name.
type Feeds = Arc<BTreeMap<QualifiedName, Feed>>;

/// All triggers: a handle for the whole gateway.
pub(crate) struct Triggers {
    pub(super) shared: Arc<Context>,
    pub(super) entries: Mutex<BTreeMap<QualifiedName, Arc<Entry>>>,
    /// Changes are made one after the other.
    pub(super) changing: tokio::sync::Mutex<()>,
    /// Counts changes, for who waits for one: what feeds are may have changed with it.
    pub(super) changed: watch::Sender<u64>,
    pub(super) expiry: Vital,
    /// What the feeds are, since that change: joining filters may take milliseconds.
    pub(super) joined: Mutex<Option<(u64, Feeds)>>,
}

/// What came of sending a dead letter again.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SendReport {
    /// Then it is no dead letter any more.
    pub(crate) delivered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// Why there was none.
    #[serde(skip_serializing_if = "Option::is_none", with = "text::optional")]
    pub(crate) failure: Option<FailureCode>,
    /// The beginning of the answer.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) answer: String,
}

impl Triggers {
    /// What it lives for.
    pub(crate) fn vitals(&self) -> Vec<Vital> {
        vec![self.shared.rows.vital(), self.expiry.clone()]
    }

    /// Turns when triggers or feeds have changed.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Those of that name, one a cloud at most.
    fn called(&self, name: &str) -> Vec<Arc<Entry>> {
        let entries = self.entries.lock();
        let behind = entries.range(QualifiedName::new("", name)..);
        behind.take_while(|(id, _)| id.name == name).map(|(_, entry)| Arc::clone(entry)).collect()
    }

    pub(super) fn find(&self, name: &str, reach: Reach<'_>) -> Result<Arc<Entry>, TriggerError> {
        let mut called = self.called(name);
        called.retain(|entry| reach.holds(&entry.id().cloud));
        only(called, |entry| entry.id())
    }

    /// A page of those within reach, behind the name `after` (or `name/cloud`); and the `after` of the next page, if
    /// there are more.
    pub(crate) fn list(
        &self,
        reach: Reach<'_>,
        after: &str,
        limit: usize,
    ) -> (Vec<TriggerReport>, Option<String>) {
        let (name, cloud) = after.split_once('/').map_or((after, None), |(name, cloud)| (name, Some(cloud)));
        let is_behind = |id: &QualifiedName| match id.name.as_str().cmp(name) {
            Ordering::Equal => cloud.is_some_and(|cloud| id.cloud.as_str() > cloud),
            order => order.is_gt(),
        };
        let mut entries: Vec<_> = {
            let entries = self.entries.lock();
            let behind = entries.iter().filter(|(id, _)| is_behind(id) && reach.holds(&id.cloud));
            behind.map(|(_, entry)| entry).take(limit + 1).cloned().collect()
        };
        let more = if entries.len() > limit { entries.pop() } else { None };
        let next = entries.last().zip(more).map(|(last, more)| match last.id() {
            last if last.name == more.id().name => format!("{}/{}", last.name, last.cloud),
            last => last.name.clone(),
        });
        (entries.iter().map(|entry| entry.report(&self.shared)).collect(), next)
    }

    /// One of them.
    ///
    /// # Errors
    ///
    /// There is none of that name within reach, or several clouds have one.
    pub(crate) fn get(&self, name: &str, reach: Reach<'_>) -> Result<TriggerReport, TriggerError> {
        Ok(self.find(name, reach)?.report(&self.shared))
    }

    /// The feed of that name.
    ///
    /// # Errors
    ///
    /// There is none within reach, or several clouds have one.
    pub(crate) fn feed(&self, name: &str, reach: Reach<'_>) -> Result<Feed, TriggerError> {
        let feeds = self.feeds();
        let called = feeds.values().filter(|feed| feed.name == name && reach.holds(&feed.cloud));
        only(called.map(|feed| (feed.id(), feed.clone())).collect(), |(id, _)| id).map(|(_, feed)| feed)
    }

    /// Every feed by its name: those of the settings, and those that triggers name. What goes to one feed is one
    /// stream.
    pub(crate) fn feeds(&self) -> Feeds {
        let version = *self.changed.borrow();
        let mut joined = self.joined.lock();
        if let Some((known, feeds)) = &*joined
            && *known == version
        {
            return Arc::clone(feeds);
        }
        let feeds = Arc::new(self.join_feeds());
        *joined = Some((version, Arc::clone(&feeds)));
        feeds
    }

    fn join_feeds(&self) -> BTreeMap<QualifiedName, Feed> {
        let options = &self.shared.options;
        let own = options.feeds.iter().map(|feed| (feed.id(), feed.clone()));
        let mut feeds: BTreeMap<QualifiedName, Feed> = own.collect();
        for (name, definition) in self.feeding() {
            let part = Feed::of_trigger(&name, &definition);
            let id = part.id();
            let Some(known) = feeds.remove(&id) else {
                feeds.insert(id, part);
                continue;
            };
            let whole = known.clone().join(&part, &options.filters).unwrap_or_else(|why| {
                let (feed, cloud, trigger) = (&id.name, &id.cloud, &definition.name);
                tracing::warn!(feed, cloud, trigger, %why, "a trigger can't join its feed");
                known
            });
            feeds.insert(id, whole);
        }
        feeds
    }

    /// Triggers, and feeds of the settings, whose filters would be refused today.
    pub(crate) fn outdated(&self) -> usize {
        let entries = self.entries.lock();
        let definitions = entries.values().filter_map(|entry| entry.trigger.definition.as_ref().ok());
        let filters = definitions.map(|definition| &definition.filter);
        let feeds = self.shared.options.feeds.iter().map(|feed| &feed.filter);
        filters.chain(feeds).filter(|filter| filter.outdated().is_some()).count()
    }

    /// The definitions whose target is a feed, and that run.
    fn feeding(&self) -> Vec<(String, Arc<Definition>)> {
        let entries = self.entries.lock();
        let running = entries.values().filter(|entry| entry.progress.checkpoint().runs());
        let definitions = running.filter_map(|entry| entry.trigger.definition.as_ref().ok());
        let to_feeds = definitions.filter_map(|definition| match &definition.target {
            Target::Feed(name) => Some((name.clone(), Arc::clone(definition))),
            Target::Http(_) => None,
        });
        to_feeds.collect()
    }

    /// A page of a trigger's access log: a row for every event of its cloud since it began.
    ///
    /// # Errors
    ///
    /// There is no such trigger, or storage fails.
    pub(crate) async fn log(
        &self,
        name: &str,
        reach: Reach<'_>,
        query: &AccessQuery,
    ) -> Result<AccessPage, TriggerError> {
        let entry = self.find(name, reach)?;
        let Ok(definition) = &entry.trigger.definition else {
            return Err(TriggerError::Conflict("its definition can't be used"));
        };
        let since = entry.progress.checkpoint().since;
        access_log::page(&self.shared, definition, since, query).await
    }

    /// Whose dead letters are meant. They outlive their trigger, and stay its cloud's.
    fn letters_of(&self, name: &str, reach: Reach<'_>) -> Result<QualifiedName, TriggerError> {
        let mut called = self.shared.letters.triggers_called(name);
        called.extend(self.called(name).iter().map(|entry| entry.id().clone()));
        called.sort();
        called.dedup();
        called.retain(|id| reach.holds(&id.cloud));
        if called.len() > 1 {
            // What nobody's cloud is known of can't be asked for; it is there where nothing else is.
            called.retain(|id| !id.cloud.is_empty());
        }
        only(called, |id| id)
    }

    /// A page of a trigger's dead letters, oldest first, behind the id `after`; and whether there are more.
    ///
    /// # Errors
    ///
    /// There is and was no such trigger, or storage fails.
    pub(crate) async fn dead_letters(
        &self,
        name: &str,
        reach: Reach<'_>,
        after: &str,
        limit: usize,
    ) -> Result<(Vec<DeadLetter>, bool), TriggerError> {
        let id = self.letters_of(name, reach)?;
        Ok(self.shared.letters.page(&id, after, limit).await?)
    }

    /// One dead letter and its body.
    ///
    /// # Errors
    ///
    /// There is none of that id, or storage fails.
    pub(crate) async fn dead_letter(
        &self,
        name: &str,
        reach: Reach<'_>,
        id: &str,
    ) -> Result<(DeadLetter, Bytes), TriggerError> {
        let trigger = self.letters_of(name, reach)?;
        self.shared.letters.find(&trigger, id).await?.ok_or(TriggerError::NoLetter)
    }

    /// Sends a dead letter again, once, with the id and the bytes that it had.
    ///
    /// # Errors
    ///
    /// There is none of that id, it tells of a gap, its trigger calls no endpoint any more, or storage fails.
    pub(crate) async fn send_again(
        &self,
        name: &str,
        reach: Reach<'_>,
        id: &str,
    ) -> Result<SendReport, TriggerError> {
        let (letter, body) = self.dead_letter(name, reach, id).await?;
        if letter.gap.is_some() {
            return Err(TriggerError::Conflict("it tells that events are missing: there is nothing to send"));
        }
        self.shared.check_room()?;
        let entry = self.entries.lock().get(&letter.of()).cloned().ok_or(TriggerError::NotFound)?;
        let Ok(definition) = &entry.trigger.definition else {
            return Err(TriggerError::Conflict("its trigger can't be used"));
        };
        let Target::Http(target) = &definition.target else {
            return Err(TriggerError::Conflict("its trigger calls no endpoint any more"));
        };
        let mut sender = Sender::new(&self.shared, entry.id(), target, None);
        let attempt = sender.attempt(&self.shared, &letter.parcel(body)).await;
        self.shared.letters.sent(letter, &attempt, Timestamp::now()).await?;
        let delivered = attempt.verdict == Verdict::Delivered;
        Ok(SendReport { delivered, status: attempt.status, failure: attempt.failure, answer: attempt.answer })
    }

    /// Lets go of one dead letter, or of all of a trigger; tells how many there were.
    ///
    /// # Errors
    ///
    /// There is none of that id, or storage fails.
    pub(crate) async fn purge(
        &self,
        name: &str,
        reach: Reach<'_>,
        id: Option<&str>,
    ) -> Result<usize, TriggerError> {
        let trigger = self.letters_of(name, reach)?;
        self.shared.check_room()?;
        match self.shared.letters.purge(&trigger, id).await? {
            0 if id.is_some() => Err(TriggerError::NoLetter),
            count => Ok(count),
        }
    }

    /// Ends every task, those with an attempt on its way as soon as that is over.
    pub(crate) async fn stop(&self) {
        let entries: Vec<_> = self.entries.lock().values().cloned().collect();
        for entry in &entries {
            entry.task.finish();
        }
        let deadline = Instant::now() + LAST_ATTEMPTS;
        for entry in &entries {
            entry.task.finished(deadline).await;
        }
        // What was noted for later is written with this.
        let _ = self.shared.rows.save(Vec::new()).await;
    }
}

/// The only one of those that were found.
fn only<T>(mut found: Vec<T>, id: impl Fn(&T) -> &QualifiedName) -> Result<T, TriggerError> {
    if found.len() > 1 {
        return Err(TriggerError::SeveralClouds(found.iter().map(|one| id(one).cloud.clone()).collect()));
    }
    found.pop().ok_or(TriggerError::NotFound)
}
