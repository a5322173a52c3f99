//! How far each trigger is: what holds after any crash.

mod checkpoint;
mod pending;

use parking_lot::{Mutex, MutexGuard};

use super::row_writer::{Changes, RowWriter, RowWriterGone};
use crate::trigger::QualifiedName;

pub(super) use checkpoint::{Checkpoint, DisableReason, Fingerprint};
pub(crate) use pending::BatchId;
pub(super) use pending::PendingBatch;

/// A trigger's checkpoint, and the one way to store it. Its task moves it on; others look.
pub(super) struct Progress {
    id: QualifiedName,
    checkpoint: Mutex<Checkpoint>,
    rows: RowWriter,
}

/// When what is advanced is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sync {
    /// When the call returns.
    Now,
    /// Within a quarter of a second.
    Soon,
}

impl Progress {
    pub(super) fn new(id: QualifiedName, checkpoint: Checkpoint, rows: &RowWriter) -> Self {
        Self { id, checkpoint: Mutex::new(checkpoint), rows: rows.clone() }
    }

    /// Whose it is.
    pub(super) fn id(&self) -> &QualifiedName {
        &self.id
    }

    /// The checkpoint, to look at, and for what is stored with the next advance only.
    pub(super) fn checkpoint(&self) -> MutexGuard<'_, Checkpoint> {
        self.checkpoint.lock()
    }

    /// Moves the checkpoint on by `step`, and stores it in one commit with `changes`.
    pub(super) async fn advance(
        &self,
        sync: Sync,
        mut changes: Changes,
        step: impl FnOnce(&mut Checkpoint),
    ) -> Result<(), RowWriterGone> {
        {
            let mut checkpoint = self.checkpoint();
            step(&mut checkpoint);
            changes.push(checkpoint.row(&self.id));
        }
        match sync {
            Sync::Now => self.rows.save(changes).await,
            Sync::Soon => self.rows.note(changes).await,
        }
    }
}
