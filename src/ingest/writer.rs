//! The one thread that decides what events there are, gives them their places,
//! and writes them: whatever waits becomes one commit, synced once.
//!
//! Catalog, repeats and quarantine belong to it. They change when a
//! notification is read, and are put back if the commit fails, so they always
//! say what the log says.

mod clock;
mod commit;
mod handle;
mod options;
mod work;

use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;

use self::clock::Clock;
use self::work::{Backlog, Work, gather};
use super::interpreter::{CATALOG, Interpreter, REPEATS};
use super::quarantine::{Counts, QUARANTINE, Quarantine};
use crate::catalog::{BadEntry, Catalog, Repeats};
use crate::event::Timestamp;
use crate::log::{AppendError, EventLog, Home, Max, Read, ReadError, Room, Table};
use crate::metrics::{Metrics, SourceLabel};

pub(super) use handle::WriterHandle;
pub use options::WriterOptions;
pub(super) use work::{Part, Reply, Submission, SubmitError};

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

/// What the thread owns.
struct Writer {
    log: Arc<dyn Home>,
    options: WriterOptions,
    metrics: Arc<Metrics>,
    failing: watch::Sender<bool>,
    interpreter: Interpreter,
    quarantine: Quarantine,
    /// Never goes back, whatever the clock does.
    accepted_at: i64,
    clock: Clock,
}

impl Writer {
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
        let interpreter = Interpreter { catalog, repeats };
        let quarantine = Quarantine::load(options.quarantine, &rows(QUARANTINE)?, counts);
        let accepted_at = newest_accepted_at(&*log)?;
        let clock = Clock::default();
        let writer = Self { log, options, metrics, failing, interpreter, quarantine, accepted_at, clock };
        writer.gauge();
        Ok(writer)
    }

    fn run(mut self, mut inbox: UnboundedReceiver<Work>, waiting: &Backlog) {
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
                        look(&self.interpreter.catalog);
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
                Work::Look(look) => look(&self.interpreter.catalog),
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
        self.interpreter.catalog.expire(now);
        self.interpreter.repeats.expire(now);
        self.trim(now);
        let kept = self.commit(Vec::new()).and_then(|()| self.log.maintain(now.as_millisecond()));
        match kept {
            // There is none for what is due either; it stays due.
            Ok(()) | Err(AppendError::NoSpace) => {}
            Err(error) => self.failed(&error),
        }
        self.gauge();
    }

    /// Makes room in the quarantine.
    fn trim(&mut self, now: Timestamp) {
        for source in self.quarantine.trim(now) {
            let label = SourceLabel { source: source.to_string() };
            self.metrics.quarantine_dropped.get_or_create(&label).inc();
        }
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
        self.metrics.catalog_tags.set(signed(self.interpreter.catalog.tags()));
        self.metrics.repeat_keys.set(signed(self.interpreter.repeats.len()));
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
