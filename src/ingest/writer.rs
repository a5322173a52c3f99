//! The one thread that decides what events there are, gives them their places,
//! and writes them: whatever waits becomes one commit, synced once.
//!
//! Catalog, repeats and quarantine belong to it. They change when a
//! notification is read, and are put back if the commit fails, so they always
//! say what the log says.

mod clock;
mod group;

use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{oneshot, watch};

use self::clock::Clock;
use super::quarantine::{Counts, Kept, QUARANTINE, Quarantine, QuarantineId, QuarantineRecord};
use super::state::{CATALOG, REPEATS, State, content};
use super::{Receipt, Source};
use crate::catalog::{BadEntry, Catalog, Limits, Repeats};
use crate::collections::AgeLimits;
use crate::event::{Notification, Timestamp, TraceContext};
use crate::limits::Load;
use crate::log::{AppendError, EventLog, Home, Max, Read, ReadError, Room, Table};
use crate::metrics::Metrics;
use crate::source::Unreadable;

/// Notifications and bytes in one commit; what comes after waits for the next.
const COMMIT_NOTIFICATIONS: usize = 4_096;
const COMMIT_BYTES: usize = 4 << 20;

/// How the writer works.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// What stands before the short name in `event_type`.
    pub event_type_prefix: String,
    /// Bounds of the catalog.
    pub catalog: Limits,
    /// Bounds of the quarantine.
    pub quarantine: AgeLimits,
    /// Keys by which repeats are known, at most.
    pub repeat_keys: usize,
    /// Notifications that may wait.
    pub queue_notifications: usize,
    /// Bytes of bodies that may wait.
    pub queue_bytes: usize,
    /// How long a request waits for its sync.
    pub ack_deadline: Duration,
    /// Where it is told how much waits.
    pub load: Arc<Load>,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            event_type_prefix: "yandex.cloud.events.containerregistry.".into(),
            catalog: Limits::default(),
            quarantine: AgeLimits { bytes: 256 << 20, age: Duration::from_hours(7 * 24) },
            repeat_keys: 2_000_000,
            queue_notifications: 65_536,
            queue_bytes: 64 << 20,
            ack_deadline: Duration::from_secs(5),
            load: Arc::default(),
        }
    }
}

/// Why what the log holds can't be gone on from.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A table can't be read.
    #[error("{0}: {1}")]
    Table(&'static str, #[source] ReadError),
    /// A row of the catalog can't be.
    #[error("the catalog: {0}")]
    Catalog(#[source] BadEntry),
    /// A key of a repeat can't be.
    #[error("the keys of repeats: {0}")]
    Repeats(#[source] BadEntry),
    /// Storage can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// There is no thread to be had for the writer.
    #[error("the writer's thread: {0}")]
    Thread(#[source] io::Error),
}

/// One request's share of a commit.
pub(super) struct Submission {
    pub(super) source: Arc<Source>,
    pub(super) told: Vec<Told>,
    /// Which notifications of the body can't be read, and why.
    pub(super) unreadable: Vec<(usize, Unreadable)>,
    pub(super) body: Bytes,
    /// What is kept of it beside the body, should it not be readable.
    pub(super) kept: Kept,
    /// The record of the quarantine that it is read from anew.
    pub(super) replays: Option<(QuarantineId, QuarantineRecord)>,
    pub(super) trace: TraceContext,
    pub(super) now: Timestamp,
}

/// One notification of a request.
pub(super) struct Told {
    /// Its place in the body.
    pub(super) index: usize,
    pub(super) notification: Notification,
    /// What it said, as it was told.
    pub(super) content: u64,
}

impl Told {
    pub(super) fn new(index: usize, notification: Notification) -> Self {
        Self { index, content: content(&notification), notification }
    }
}

/// Why a submission was not even queued.
pub(super) enum SubmitError {
    Full,
    Stopped,
}

/// What the writer answers when the work is durable, or could not be made so.
pub(super) type Reply<T> = oneshot::Receiver<Result<T, AppendError>>;
type Answer<T> = oneshot::Sender<Result<T, AppendError>>;

#[expect(clippy::large_enum_variant, reason = "the large one is by far the most frequent")]
enum Work {
    Write { submission: Submission, since: Instant, reply: Answer<Receipt> },
    Warm { source: Arc<Source>, repository: String, tags: Vec<(String, String)>, reply: Answer<()> },
    Warmed { source: Arc<Source>, reply: Answer<()> },
    Discard { ids: Vec<QuarantineId>, reply: Answer<usize> },
    Look(Look),
    Maintain,
    Stop(oneshot::Sender<()>),
}

/// A short look at the catalog. It is taken behind the commit that is being gathered, and never divides it.
type Look = Box<dyn FnOnce(&Catalog) + Send>;

/// What waits for the writer.
#[derive(Default)]
struct Waiting {
    notifications: AtomicUsize,
    bytes: AtomicUsize,
}

impl Waiting {
    /// Of a hundred that may wait, notifications or bytes, whichever is more.
    fn percent(&self, max: (usize, usize)) -> u8 {
        let share = |waiting: &AtomicUsize, max: usize| waiting.load(Ordering::Relaxed) * 100 / max.max(1);
        let most = share(&self.notifications, max.0).max(share(&self.bytes, max.1));
        u8::try_from(most).unwrap_or(u8::MAX)
    }
}

/// A handle on the thread.
#[derive(Clone)]
pub(super) struct Writer {
    queue: UnboundedSender<Work>,
    waiting: Arc<Waiting>,
    max: (usize, usize),
    load: Arc<Load>,
    failed: watch::Receiver<bool>,
}

impl Writer {
    pub(super) fn start(
        log: Arc<dyn Home>,
        options: WriterOptions,
        metrics: Arc<Metrics>,
        counts: Counts,
    ) -> Result<Self, LoadError> {
        let max = (options.queue_notifications, options.queue_bytes);
        let load = Arc::clone(&options.load);
        let (failing, failed) = watch::channel(false);
        let (queue, inbox) = unbounded_channel();
        let waiting = Arc::new(Waiting::default());
        let scribe = Scribe::load(log, options, metrics, failing, counts)?;
        let shared = Arc::clone(&waiting);
        let spawned = thread::Builder::new().name("writer".into()).spawn(move || scribe.run(inbox, &shared));
        spawned.map_err(LoadError::Thread)?;
        tokio::spawn(keep_up(queue.clone()));
        Ok(Self { queue, waiting, max, load, failed })
    }

    /// Queues a submission, if there is room for it. The receipt comes when it is durable.
    pub(super) fn submit(&self, submission: Submission) -> Result<Reply<Receipt>, SubmitError> {
        let (notifications, bytes) = submission.size();
        let over = self.waiting.notifications.load(Ordering::Relaxed) + notifications > self.max.0
            || self.waiting.bytes.load(Ordering::Relaxed) + bytes > self.max.1;
        if over {
            return Err(SubmitError::Full);
        }
        self.waiting.notifications.fetch_add(notifications, Ordering::Relaxed);
        self.waiting.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.load.set(self.waiting.percent(self.max));
        let (reply, receipt) = oneshot::channel();
        let work = Work::Write { submission, since: Instant::now(), reply };
        self.queue.send(work).map_err(|_| SubmitError::Stopped)?;
        Ok(receipt)
    }

    /// Fills in tags that a source's registry lists; nothing if the writer has stopped.
    pub(super) fn warm(
        &self,
        source: Arc<Source>,
        repository: String,
        tags: Vec<(String, String)>,
    ) -> Option<Reply<()>> {
        let (reply, written) = oneshot::channel();
        self.queue.send(Work::Warm { source, repository, tags, reply }).ok().map(|()| written)
    }

    /// Notes that all tags of a source's registry are filled in.
    pub(super) fn warmed(&self, source: Arc<Source>) -> Option<Reply<()>> {
        let (reply, written) = oneshot::channel();
        self.queue.send(Work::Warmed { source, reply }).ok().map(|()| written)
    }

    /// Drops records of the quarantine; nothing if the writer has stopped.
    pub(super) fn discard(&self, ids: Vec<QuarantineId>) -> Option<Reply<usize>> {
        let (reply, dropped) = oneshot::channel();
        self.queue.send(Work::Discard { ids, reply }).ok().map(|()| dropped)
    }

    /// Asks the catalog; nothing if the writer has stopped.
    pub(super) fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Catalog) -> T + Send + 'static,
    ) -> Option<oneshot::Receiver<T>> {
        let (reply, seen) = oneshot::channel();
        // Who asked may have gone.
        let look: Look = Box::new(move |catalog| drop(reply.send(look(catalog))));
        self.queue.send(Work::Look(look)).ok().map(|()| seen)
    }

    pub(super) fn failed(&self) -> watch::Receiver<bool> {
        self.failed.clone()
    }

    pub(super) async fn stop(&self) {
        let (done, ended) = oneshot::channel();
        if self.queue.send(Work::Stop(done)).is_ok() {
            let _ = ended.await;
        }
    }
}

impl Submission {
    /// Notifications (at least one) and bytes that it holds.
    fn size(&self) -> (usize, usize) {
        (self.told.len().max(1), self.body.len())
    }
}

/// Asks for upkeep every second, until the writer is gone.
async fn keep_up(queue: UnboundedSender<Work>) {
    let mut every = tokio::time::interval(Duration::from_secs(1));
    loop {
        every.tick().await;
        if queue.send(Work::Maintain).is_err() {
            return;
        }
    }
}

/// What the thread owns.
struct Scribe {
    log: Arc<dyn Home>,
    options: WriterOptions,
    metrics: Arc<Metrics>,
    failing: watch::Sender<bool>,
    state: State,
    quarantine: Quarantine,
    /// Never goes back, whatever the clock does.
    accepted_at: i64,
    clock: Clock,
}

impl Scribe {
    fn load(
        log: Arc<dyn Home>,
        options: WriterOptions,
        metrics: Arc<Metrics>,
        failing: watch::Sender<bool>,
        counts: Counts,
    ) -> Result<Self, LoadError> {
        let rows = |table: Table| log.table(table).map_err(|error| LoadError::Table(table.name(), error));
        // The two largest tables by far, read side by side.
        let (catalog, repeats) = thread::scope(|scope| {
            let repeats = scope
                .spawn(|| Repeats::load(options.repeat_keys, rows(REPEATS)?).map_err(LoadError::Repeats));
            let catalog = Catalog::load(options.catalog, rows(CATALOG)?).map_err(LoadError::Catalog)?;
            let repeats = repeats.join().unwrap_or_else(|panic| resume_unwind(panic))?;
            Ok::<_, LoadError>((catalog, repeats))
        })?;
        let state = State { catalog, repeats };
        let quarantine = Quarantine::load(options.quarantine, &rows(QUARANTINE)?, counts);
        let accepted_at = newest_accepted_at(&*log)?;
        let clock = Clock::default();
        let scribe = Self { log, options, metrics, failing, state, quarantine, accepted_at, clock };
        scribe.gauge();
        Ok(scribe)
    }

    fn run(mut self, mut inbox: UnboundedReceiver<Work>, waiting: &Waiting) {
        let mut next = None;
        while let Some(work) = next.take().or_else(|| inbox.blocking_recv()) {
            match work {
                Work::Write { submission, since, reply } => {
                    let mut group = vec![(submission, since, reply)];
                    let mut looks = Vec::new();
                    next = gather(&mut group, &mut looks, &mut inbox);
                    let sizes = group.iter().map(|(submission, ..)| submission.size());
                    let (notifications, bytes) =
                        sizes.fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1));
                    self.write(group);
                    for look in looks {
                        look(&self.state.catalog);
                    }
                    waiting.notifications.fetch_sub(notifications, Ordering::Relaxed);
                    waiting.bytes.fetch_sub(bytes, Ordering::Relaxed);
                    let max = (self.options.queue_notifications, self.options.queue_bytes);
                    self.options.load.set(waiting.percent(max));
                }
                Work::Warm { source, repository, tags, reply } => {
                    let _ = reply.send(self.warm(&source, &repository, tags));
                }
                Work::Warmed { source, reply } => {
                    let _ = reply.send(self.note_warmed(&source));
                }
                Work::Discard { ids, reply } => {
                    let dropped = ids.into_iter().filter(|id| self.quarantine.remove(*id)).count();
                    let _ = reply.send(self.commit(Vec::new()).map(|()| dropped));
                }
                Work::Look(look) => look(&self.state.catalog),
                Work::Maintain => self.maintain(),
                Work::Stop(done) => {
                    self.maintain();
                    let _ = done.send(());
                    return;
                }
            }
        }
    }

    fn maintain(&mut self) {
        // What removes goes by a clock that does not jump.
        let now = self.clock.tick(Instant::now(), Timestamp::now(), &self.metrics);
        self.state.catalog.expire(now);
        self.state.repeats.expire(now);
        self.metrics.quarantine_dropped.inc_by(self.quarantine.trim(now));
        let kept = self.commit(Vec::new()).and_then(|()| self.log.maintain(now.as_millisecond()));
        match kept {
            // There is none for what is due either; it stays due.
            Ok(()) | Err(AppendError::NoSpace) => {}
            Err(error) => self.failed(&error),
        }
        self.gauge();
    }

    fn failed(&self, error: &AppendError) {
        tracing::error!(%error, "storage failed: nothing more is written");
        self.failing.send_replace(true);
    }

    fn gauge(&self) {
        let bounds = self.log.bounds();
        let signed = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.oldest_offset.set(i64::try_from(bounds.oldest).unwrap_or(i64::MAX));
        self.metrics.newest_offset.set(i64::try_from(bounds.newest).unwrap_or(i64::MAX));
        self.metrics.catalog_tags.set(signed(self.state.catalog.tags()));
        self.metrics.repeat_keys.set(signed(self.state.repeats.len()));
        self.metrics.quarantine_bytes.set(i64::try_from(self.quarantine.bytes()).unwrap_or(i64::MAX));
        let condition = self.log.condition();
        self.metrics.storage_low.set(i64::from(condition.room == Room::None));
        let damaged = condition.damaged.iter().map(|gap| gap.to - gap.from + 1).sum::<u64>();
        self.metrics.damaged_events.set(i64::try_from(damaged).unwrap_or(i64::MAX));
        self.metrics.degraded.set(i64::from(condition.is_degraded()));
    }
}

/// When the newest event was accepted, so that a new start does not go back behind it.
fn newest_accepted_at(log: &dyn EventLog) -> Result<i64, ReadError> {
    let newest = log.bounds().newest;
    if newest == 0 {
        return Ok(0);
    }
    Ok(match log.read(newest - 1, Max { records: 1, bytes: 0 })? {
        Read::Records(records) => records.first().map_or(0, |record| record.accepted_at),
        Read::Gap(_) => 0,
    })
}

/// Adds whatever waits to the group, up to a commit's bounds; yields work that does not belong to it.
fn gather(
    group: &mut Vec<(Submission, Instant, Answer<Receipt>)>,
    looks: &mut Vec<Look>,
    inbox: &mut UnboundedReceiver<Work>,
) -> Option<Work> {
    let (mut notifications, mut bytes) = group.first().map(|(first, ..)| first.size())?;
    while notifications < COMMIT_NOTIFICATIONS && bytes < COMMIT_BYTES {
        match inbox.try_recv().ok()? {
            Work::Write { submission, since, reply } => {
                let size = submission.size();
                (notifications, bytes) = (notifications + size.0, bytes + size.1);
                group.push((submission, since, reply));
            }
            Work::Look(look) => looks.push(look),
            other => return Some(other),
        }
    }
    None
}
