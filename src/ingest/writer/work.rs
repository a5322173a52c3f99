use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

use crate::catalog::Catalog;
use crate::event::{Notification, Timestamp, TraceContext};
use crate::ingest::interpreter::content;
use crate::ingest::quarantine::{QuarantineId, QuarantineRecord, RequestHead};
use crate::ingest::{Receipt, Source};
use crate::log::AppendError;
use crate::source::Unreadable;

/// Notifications and bytes in one commit; what comes after waits for the next.
const COMMIT_NOTIFICATIONS: usize = 4_096;
const COMMIT_BYTES: usize = 4 << 20;

/// One request's share of a commit.
pub(in crate::ingest) struct Submission {
    pub(in crate::ingest) source: Arc<Source>,
    pub(in crate::ingest) told: Vec<Part>,
    /// Which notifications of the body can't be read, and why.
    pub(in crate::ingest) unreadable: Vec<(usize, Unreadable)>,
    pub(in crate::ingest) body: Bytes,
    /// What is kept of it beside the body, should it not be readable.
    pub(in crate::ingest) kept: RequestHead,
    /// The record of the quarantine that it is read from anew.
    pub(in crate::ingest) replays: Option<(QuarantineId, QuarantineRecord)>,
    pub(in crate::ingest) trace: TraceContext,
    pub(in crate::ingest) now: Timestamp,
}

/// One notification of a request.
pub(in crate::ingest) struct Part {
    /// Its place in the body.
    pub(in crate::ingest) index: usize,
    pub(in crate::ingest) notification: Notification,
    /// What it said, as it was told.
    pub(in crate::ingest) content: u64,
}

impl Part {
    pub(in crate::ingest) fn new(index: usize, notification: Notification) -> Self {
        Self { index, content: content(&notification), notification }
    }
}

/// Why a submission was not even queued.
pub(in crate::ingest) enum SubmitError {
    Full,
    Stopped,
}

/// What the writer answers when the work is durable, or could not be made so.
pub(in crate::ingest) type Reply<T> = oneshot::Receiver<Result<T, AppendError>>;
pub(super) type Answer<T> = oneshot::Sender<Result<T, AppendError>>;

#[expect(clippy::large_enum_variant, reason = "the large one is by far the most frequent")]
pub(super) enum Work {
    Write { submission: Submission, since: Instant, reply: Answer<Receipt> },
    Warm { source: Arc<Source>, repository: String, tags: Vec<(String, String)>, reply: Answer<()> },
    Warmed { source: Arc<Source>, reply: Answer<()> },
    Discard { ids: Vec<QuarantineId>, reply: Answer<usize> },
    Look(Look),
    Maintain,
    Stop(oneshot::Sender<()>),
}

/// A short look at the catalog. It is taken behind the commit that is being gathered, and never divides it.
pub(super) type Look = Box<dyn FnOnce(&Catalog) + Send>;

/// What waits for the writer.
#[derive(Default)]
pub(super) struct Backlog {
    pub(super) notifications: AtomicUsize,
    pub(super) bytes: AtomicUsize,
}

impl Backlog {
    /// Of a hundred that may wait, notifications or bytes, whichever is more.
    pub(super) fn percent(&self, max: (usize, usize)) -> u8 {
        let share = |waiting: &AtomicUsize, max: usize| waiting.load(Ordering::Relaxed) * 100 / max.max(1);
        let most = share(&self.notifications, max.0).max(share(&self.bytes, max.1));
        u8::try_from(most).unwrap_or(u8::MAX)
    }
}

impl Submission {
    /// Notifications (at least one) and bytes that it holds.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.told.len().max(1), self.body.len())
    }
}

/// Adds whatever waits to the group, up to a commit's bounds; yields work that does not belong to it.
pub(super) fn gather(
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
