//! Writes the rows of all triggers together: one sync serves whoever waits for one.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::log::{Change, LogHandle, Room, Table};
use crate::vital::Vital;

/// Writes that wait; who has more waits.
const WAITING: usize = 4_096;
/// Writes in one commit.
const AT_ONCE: usize = 2_048;
/// How long a write that nobody waits for may wait.
const LAZY: Duration = Duration::from_millis(250);
/// How long a low disk is left alone.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) type Changes = Vec<(Table, Change)>;

/// Takes writes; they are done in the order in which they came.
#[derive(Clone)]
pub(super) struct RowWriter {
    jobs: mpsc::Sender<Job>,
    task: Vital,
}

struct Job {
    changes: Changes,
    done: Option<oneshot::Sender<()>>,
}

/// Nothing can be written any more: storage failed, and the diagnostics say how, or the gateway stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("see the diagnostics")]
pub(crate) struct RowWriterGone;

impl RowWriter {
    /// Starts its task, which ends with the last handle, or when storage fails.
    pub(super) fn start(log: LogHandle) -> Self {
        let (jobs, inbox) = mpsc::channel(WAITING);
        Self { jobs, task: Vital::spawn("the writer of triggers", write_all(log, inbox)) }
    }

    pub(super) fn vital(&self) -> Vital {
        self.task.clone()
    }

    /// Writes, and returns when that is on disk.
    pub(super) async fn save(&self, changes: Changes) -> Result<(), RowWriterGone> {
        let (done, written) = oneshot::channel();
        self.jobs.send(Job { changes, done: Some(done) }).await.map_err(|_| RowWriterGone)?;
        written.await.map_err(|_| RowWriterGone)
    }

    /// Writes soon.
    pub(super) async fn note(&self, changes: Changes) -> Result<(), RowWriterGone> {
        self.jobs.send(Job { changes, done: None }).await.map_err(|_| RowWriterGone)
    }
}

async fn write_all(log: LogHandle, mut inbox: mpsc::Receiver<Job>) {
    let (mut jobs, mut waiting, mut done) = (Vec::new(), Changes::new(), Vec::new());
    let mut lazy: Option<Instant> = None;
    loop {
        let received = inbox.recv_many(&mut jobs, AT_ONCE);
        let ends = match lazy {
            None => received.await == 0,
            Some(until) => timeout_at(until, received).await == Ok(0),
        };
        for Job { changes, done: waits } in jobs.drain(..) {
            waiting.extend(changes);
            done.extend(waits);
        }
        let due = *lazy.get_or_insert_with(|| Instant::now() + LAZY);
        if done.is_empty() && Instant::now() < due && !ends {
            continue;
        }
        lazy = None;
        if !waiting.is_empty() && !write(&log, std::mem::take(&mut waiting)).await {
            return;
        }
        for done in done.drain(..) {
            let _ = done.send(());
        }
        if ends {
            return;
        }
    }
}

/// Waits for room on the disk first: what a trigger has not done yet is in the log.
async fn write(log: &LogHandle, changes: Changes) -> bool {
    while log.room() == Room::None {
        tokio::time::sleep(PAUSE).await;
    }
    match log.write(changes).await {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(%error, "triggers can't be stored: they stop");
            false
        }
    }
}
