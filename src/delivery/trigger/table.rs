//! All triggers, by name: what an operator sees of them, and the doors to their letters and access logs.

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
use crate::event::Timestamp;
use crate::trigger::{Definition, FailureCode, Feed, Target, Verdict};
use crate::vital::Vital;

/// How long attempts may take to end when the gateway stops.
const LAST_ATTEMPTS: Duration = Duration::from_secs(5);

/// Every feed by its name.
type Feeds = Arc<BTreeMap<String, Feed>>;

/// All triggers: a handle for the whole gateway.
pub(crate) struct Triggers {
    pub(super) shared: Arc<Context>,
    pub(super) entries: Mutex<BTreeMap<String, Arc<Entry>>>,
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

    pub(super) fn find(&self, name: &str, cloud: Option<&str>) -> Result<Arc<Entry>, TriggerError> {
        let entry = self.entries.lock().get(name).cloned();
        entry.filter(|entry| entry.is_of(cloud)).ok_or(TriggerError::NotFound)
    }

    /// A page of those of one cloud, or all, behind the name `after`; and whether there are more.
    pub(crate) fn list(&self, cloud: Option<&str>, after: &str, limit: usize) -> (Vec<TriggerReport>, bool) {
        let mut entries: Vec<_> = {
            let entries = self.entries.lock();
            let behind = entries.iter().filter(|(name, _)| name.as_str() > after).map(|(_, entry)| entry);
            behind.filter(|entry| entry.is_of(cloud)).take(limit + 1).cloned().collect()
        };
        let more = entries.len() > limit;
        entries.truncate(limit);
        (entries.iter().map(|entry| entry.report(&self.shared)).collect(), more)
    }

    /// One of them.
    ///
    /// # Errors
    ///
    /// There is none of that name in that cloud.
    pub(crate) fn get(&self, name: &str, cloud: Option<&str>) -> Result<TriggerReport, TriggerError> {
        Ok(self.find(name, cloud)?.report(&self.shared))
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

    fn join_feeds(&self) -> BTreeMap<String, Feed> {
        let options = &self.shared.options;
        let own = options.feeds.iter().map(|feed| (feed.name.clone(), feed.clone()));
        let mut feeds: BTreeMap<String, Feed> = own.collect();
        for (name, definition) in self.feeding() {
            let part = Feed::of_trigger(&name, &definition);
            let Some(known) = feeds.remove(&name) else {
                feeds.insert(name, part);
                continue;
            };
            let whole = if known.cloud == part.cloud {
                known.clone().join(&part, &options.filters).map_err(|error| error.to_string())
            } else {
                Err("it is another cloud's".to_owned())
            };
            let whole = whole.unwrap_or_else(|why| {
                tracing::warn!(feed = name, trigger = definition.name, why, "a trigger can't join its feed");
                known
            });
            feeds.insert(name, whole);
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
        cloud: Option<&str>,
        query: &AccessQuery,
    ) -> Result<AccessPage, TriggerError> {
        let entry = self.find(name, cloud)?;
        let Ok(definition) = &entry.trigger.definition else {
            return Err(TriggerError::Conflict("its definition can't be used"));
        };
        let since = entry.progress.checkpoint().since;
        access_log::page(&self.shared, definition, since, query).await
    }

    /// Dead letters outlive their trigger, so only one that is another cloud's hides them.
    fn may_see_letters(&self, name: &str, cloud: Option<&str>) -> Result<(), TriggerError> {
        let entry = self.entries.lock().get(name).cloned();
        let visible = entry.map_or(cloud.is_none(), |entry| entry.is_of(cloud));
        if visible { Ok(()) } else { Err(TriggerError::NotFound) }
    }

    /// A page of a trigger's dead letters, oldest first, behind the id `after`; and whether there are more.
    ///
    /// # Errors
    ///
    /// There is no such trigger, or storage fails.
    pub(crate) async fn dead_letters(
        &self,
        name: &str,
        cloud: Option<&str>,
        after: &str,
        limit: usize,
    ) -> Result<(Vec<DeadLetter>, bool), TriggerError> {
        self.may_see_letters(name, cloud)?;
        Ok(self.shared.letters.page(name, after, limit).await?)
    }

    /// One dead letter and its body.
    ///
    /// # Errors
    ///
    /// There is none of that id, or storage fails.
    pub(crate) async fn dead_letter(
        &self,
        name: &str,
        cloud: Option<&str>,
        id: &str,
    ) -> Result<(DeadLetter, Bytes), TriggerError> {
        self.may_see_letters(name, cloud)?;
        self.shared.letters.find(name, id).await?.ok_or(TriggerError::NotFound)
    }

    /// Sends a dead letter again, once, with the id and the bytes that it had.
    ///
    /// # Errors
    ///
    /// There is none of that id, its trigger calls no endpoint any more, or storage fails.
    pub(crate) async fn send_again(
        &self,
        name: &str,
        cloud: Option<&str>,
        id: &str,
    ) -> Result<SendReport, TriggerError> {
        let (letter, body) = self.dead_letter(name, cloud, id).await?;
        let entry = self.find(name, cloud)?;
        let Ok(definition) = &entry.trigger.definition else {
            return Err(TriggerError::Conflict("its trigger can't be used"));
        };
        let Target::Http(target) = &definition.target else {
            return Err(TriggerError::Conflict("its trigger calls no endpoint any more"));
        };
        let mut sender = Sender::new(&self.shared, name, target, None);
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
        cloud: Option<&str>,
        id: Option<&str>,
    ) -> Result<usize, TriggerError> {
        self.may_see_letters(name, cloud)?;
        match self.shared.letters.purge(name, id).await? {
            0 if id.is_some() => Err(TriggerError::NotFound),
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
