use std::sync::Arc;

use tokio::sync::watch;

use super::{Bounds, Change, Commit, Condition, Max, Read, Record, Room, Row, Table};
use crate::event::{Epoch, Offset, Position};

/// Why something was not written. Nothing of it is there, except after `Failed`, when only recovery knows.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// There is too little room for it, so nothing was tried; later there may be enough.
    #[error("no room on the disk")]
    NoSpace,
    /// Storage failed to write or sync; nothing is written until the process starts anew.
    #[error("storage failed: {0}")]
    Failed(String),
}

/// A read that storage could not answer at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("storage failed to read: {0}")]
pub struct ReadError(pub(crate) String);

/// The log proper: events in their order. Calls may block on the disk unless they say that they don't.
pub trait EventLog: Send + Sync + 'static {
    /// Writes events, with the changes of tables that belong to them, and syncs. The writer's alone: it gives
    /// events their offsets, so there is one.
    ///
    /// # Errors
    ///
    /// [`AppendError`]; nothing of the commit is visible then.
    fn append(&self, commit: Commit) -> Result<Position, AppendError>;

    /// The events behind `after`, verified.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage itself fails; missing events are a [`Read::Gap`].
    fn read(&self, after: Offset, max: Max) -> Result<Read, ReadError>;

    /// The same from memory alone, without blocking; `None` where only storage has them.
    fn recent(&self, after: Offset, max: Max) -> Option<Vec<Arc<Record>>>;

    /// How far the log reaches. Does not block.
    fn bounds(&self) -> Bounds;

    /// The newest offset, to wait for more. Does not block.
    fn tail(&self) -> watch::Receiver<Offset>;
}

/// Tables of bytes beside the events. What a row means, only its table's owner knows.
pub trait Tables: Send + Sync + 'static {
    /// One row of a table.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails, or has no such table.
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError>;

    /// Up to `limit` rows of a table, in the order of their keys, those behind `after` only.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails, or has no such table.
    fn rows(&self, table: Table, after: &[u8], limit: usize) -> Result<Vec<Row>, ReadError>;

    /// All of a table, in the order of its keys.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails, or has no such table.
    fn table(&self, table: Table) -> Result<Vec<Row>, ReadError>;

    /// Writes to tables alone, all of it or nothing, and syncs. Anyone may, to tables of their own; what
    /// belongs to an event goes with it, by [`EventLog::append`].
    ///
    /// # Errors
    ///
    /// [`AppendError`]; nothing of it is visible then.
    fn write(&self, changes: Vec<(Table, Change)>) -> Result<(), AppendError>;
}

/// What keeps a log in order, and tells how it is.
pub trait Upkeep: Send + Sync + 'static {
    /// What is old goes, marks are written. The writer calls it about once a second, between commits, with the
    /// wall clock's milliseconds.
    ///
    /// # Errors
    ///
    /// [`AppendError`] if storage fails.
    fn maintain(&self, now_ms: i64) -> Result<(), AppendError>;

    /// Of an earlier life of this log: up to which offset its events are the same. Does not block.
    fn former(&self, epoch: Epoch) -> Option<Offset>;

    /// Whether it takes events, as far as its room goes. Does not block.
    fn room(&self) -> Room;

    /// What an operator should know of it. Does not block.
    fn condition(&self) -> Condition;

    /// Hands a copy of log and tables as they are at this moment to `sink`, a chunk at a time, until that says
    /// false.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails, or a log of this kind can't be copied.
    fn export(&self, sink: &mut dyn FnMut(Vec<u8>) -> bool) -> Result<(), ReadError>;

    /// An operator knows of what was damaged or lost so far: it is no reason for concern any longer.
    ///
    /// # Errors
    ///
    /// [`AppendError`] if there is no room to note that, or storage fails.
    fn acknowledge(&self) -> Result<(), AppendError>;
}

/// Where a log lives: all three parts of the contract.
pub trait Home: EventLog + Tables + Upkeep {}

impl<T: EventLog + Tables + Upkeep> Home for T {}
