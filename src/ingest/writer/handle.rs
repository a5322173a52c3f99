use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{oneshot, watch};

use super::work::{Backlog, Look, Reply, Submission, SubmitError, Work};
use super::{LoadError, Writer, WriterOptions};
use crate::catalog::Catalog;
use crate::ingest::quarantine::{Counts, QuarantineId};
use crate::ingest::{Receipt, Source};
use crate::limits::Load;
use crate::log::Home;
use crate::metrics::Metrics;
use crate::vital::Vital;

/// A handle on the thread.
#[derive(Clone)]
pub(in crate::ingest) struct WriterHandle {
    queue: UnboundedSender<Work>,
    waiting: Arc<Backlog>,
    max: (usize, usize),
    load: Arc<Load>,
    failed: watch::Receiver<bool>,
    /// The thread, and what asks it for upkeep.
    vitals: [Vital; 2],
}

impl WriterHandle {
    pub(in crate::ingest) fn start(
        log: Arc<dyn Home>,
        options: WriterOptions,
        metrics: Arc<Metrics>,
        counts: Counts,
    ) -> Result<Self, LoadError> {
        let max = (options.queue_notifications, options.queue_bytes);
        let load = Arc::clone(&options.load);
        let (failing, failed) = watch::channel(false);
        let (queue, inbox) = unbounded_channel();
        let waiting = Arc::new(Backlog::default());
        let writer = Writer::load(log, options, metrics, failing, counts)?;
        let shared = Arc::clone(&waiting);
        let (thread, pulse) = Vital::new("the writer");
        let spawned = thread::Builder::new().name("writer".into()).spawn(move || {
            let _pulse = pulse;
            writer.run(inbox, &shared);
        });
        spawned.map_err(LoadError::Thread)?;
        let vitals = [thread, Vital::spawn("upkeep", keep_up(queue.clone()))];
        Ok(Self { queue, waiting, max, load, failed, vitals })
    }

    /// Queues a submission, if there is room for it. The receipt comes when it is durable.
    pub(in crate::ingest) fn submit(&self, submission: Submission) -> Result<Reply<Receipt>, SubmitError> {
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
    pub(in crate::ingest) fn warm(
        &self,
        source: Arc<Source>,
        repository: String,
        tags: Vec<(String, String)>,
    ) -> Option<Reply<()>> {
        let (reply, written) = oneshot::channel();
        self.queue.send(Work::Warm { source, repository, tags, reply }).ok().map(|()| written)
    }

    /// Notes that all tags of a source's registry are filled in.
    pub(in crate::ingest) fn warmed(&self, source: Arc<Source>) -> Option<Reply<()>> {
        let (reply, written) = oneshot::channel();
        self.queue.send(Work::Warmed { source, reply }).ok().map(|()| written)
    }

    /// Drops records of the quarantine; nothing if the writer has stopped.
    pub(in crate::ingest) fn discard(&self, ids: Vec<QuarantineId>) -> Option<Reply<usize>> {
        let (reply, dropped) = oneshot::channel();
        self.queue.send(Work::Discard { ids, reply }).ok().map(|()| dropped)
    }

    /// Asks the catalog; nothing if the writer has stopped.
    pub(in crate::ingest) fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Catalog) -> T + Send + 'static,
    ) -> Option<oneshot::Receiver<T>> {
        let (reply, seen) = oneshot::channel();
        // Who asked may have gone.
        let look: Look = Box::new(move |catalog| drop(reply.send(look(catalog))));
        self.queue.send(Work::Look(look)).ok().map(|()| seen)
    }

    pub(in crate::ingest) fn vitals(&self) -> Vec<Vital> {
        self.vitals.to_vec()
    }

    pub(in crate::ingest) fn failed(&self) -> watch::Receiver<bool> {
        self.failed.clone()
    }

    pub(in crate::ingest) async fn stop(&self) {
        let (done, ended) = oneshot::channel();
        if self.queue.send(Work::Stop(done)).is_ok() {
            let _ = ended.await;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::TABLES;
    use crate::log::MemoryLog;
    use crate::vital::first_end;

    #[tokio::test]
    async fn the_end_of_the_thread_does_not_stay_unseen() {
        let log = Arc::new(MemoryLog::new(1, 1 << 20, &TABLES));
        let options = WriterOptions::default();
        let writer = WriterHandle::start(log, options, Arc::default(), Counts::default()).unwrap();
        let looked = writer.look(|_| panic!("as a test wants it"));
        assert_eq!(first_end(writer.vitals()).await, "the writer");
        let looked: Option<oneshot::Receiver<()>> = looked;
        assert!(looked.unwrap().await.is_err(), "who waits for an answer hears that none comes");
    }
}
