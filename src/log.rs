//! The durable, ordered record of events: its contract, and its homes.
//!
//! `memory` is the contract in its shortest form and its specification; `disk`
//! is the default. What an event means is none of the log's business: it keeps
//! records, and beside them tables of bytes that change in the same commit.
//!
//! Invariants, for every home:
//! 1. Offsets are consecutive; a commit is wholly there or not at all.
//! 2. Nothing is shown by `read`, `recent`, `bounds` or `tail` before it is durable.
//! 3. What is read is what was written, or a [`Gap`] that says what is missing and why.

mod backup;
mod condition;
mod disk;
mod memory;
mod reader;
mod record;
mod scrub;
mod tail;

use std::sync::Arc;

use tokio::sync::watch;

pub(crate) use condition::{Condition, Room};
pub use disk::{DiskLog, DiskOptions, OnDamage, OpenError, SpaceLimits};
pub(crate) use disk::{FreeSpace, Verified};
pub use memory::MemoryLog;
pub use reader::LogReader;
pub use record::Record;
pub(crate) use scrub::scrub;

use crate::event::{Epoch, Offset, Position};

/// What one append writes, all of it or nothing.
#[derive(Debug, Default)]
pub struct Commit {
    /// New events, their offsets consecutive from the one behind the newest.
    pub records: Vec<Arc<Record>>,
    /// Writes to the tables, in order.
    pub changes: Vec<(Table, Change)>,
}

/// A table of bytes beside the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// Which tag shows which image.
    Catalog,
    /// By what a repeated notification is known.
    Repeats,
    /// What an authenticated sender sent and nobody could read: all about it but the body.
    Quarantine,
    /// The bodies in quarantine.
    Bodies,
    /// What else is known of a source.
    Sources,
    /// Triggers: what was written, and how far each is.
    Triggers,
    /// Batches on their way to a target that has failed, and those given up.
    Deliveries,
    /// All about a batch given up but its body.
    DeadLetters,
    /// What was tried at targets.
    Attempts,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 9] = [
        Self::Catalog,
        Self::Repeats,
        Self::Quarantine,
        Self::Bodies,
        Self::Sources,
        Self::Triggers,
        Self::Deliveries,
        Self::DeadLetters,
        Self::Attempts,
    ];
}

/// A key of a table and its value.
pub(crate) type Row = (Vec<u8>, Vec<u8>);

/// One write to a table: the key's new value, or its removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: Vec<u8>,
    /// Its new value; `None` removes it.
    pub value: Option<Vec<u8>>,
}

/// How far the log reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The present life of the log.
    pub epoch: Epoch,
    /// The oldest event that can be read; one more than `newest` if there is none.
    pub oldest: Offset,
    /// The newest durable event; where there is none, what the next one follows.
    pub newest: Offset,
}

impl Bounds {
    /// The newest event's position.
    pub fn position(&self) -> Position {
        self.at(self.newest)
    }

    /// An offset of the present life as a position.
    pub fn at(&self, offset: Offset) -> Position {
        Position { epoch: self.epoch, offset }
    }
}

/// Events that a reader asked for and can't have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first one missing.
    pub from: Offset,
    /// The last one missing.
    pub to: Offset,
    /// Why.
    pub reason: GapReason,
}

/// Why events are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapReason {
    /// They were older than the log keeps.
    Retention,
    /// Their bytes are not what was written, or storage lost them.
    Damaged,
    /// The position is of an earlier life of the log.
    EpochChanged,
}

impl GapReason {
    /// The spelling in a `gap` message.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retention => "retention",
            Self::Damaged => "damaged",
            Self::EpochChanged => "epoch_changed",
        }
    }
}

/// What a read found behind the offset that it was asked for.
#[derive(Debug)]
pub enum Read {
    /// The next events, consecutive; none if the log ends there.
    Records(Vec<Arc<Record>>),
    /// The next events are missing; read on behind the gap.
    Gap(Gap),
}

/// How much one read may return; at least one record comes, however large.
#[derive(Clone, Copy, Debug)]
pub struct Max {
    /// Records.
    pub records: usize,
    /// Bytes of their messages.
    pub bytes: usize,
}

impl Max {
    /// A page of a replay.
    pub const PAGE: Self = Self { records: 1_024, bytes: 1 << 20 };
}

/// Why an append failed. Nothing of it is in the log, except after `Failed`, when only recovery knows.
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
#[derive(Debug, thiserror::Error)]
#[error("storage failed to read: {0}")]
pub struct ReadError(pub String);

/// The contract. Calls may block on the disk unless they say that they don't.
pub trait EventLog: Send + Sync + 'static {
    /// Writes a commit and syncs it. Only the writer appends records; a commit without any, to tables that are its
    /// caller's alone, may come from elsewhere.
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

    /// The newest offset, to wait for more.
    fn tail(&self) -> watch::Receiver<Offset>;

    /// All of a table, in the order of its keys.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails.
    fn table(&self, table: Table) -> Result<Vec<Row>, ReadError>;

    /// One row of a table.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails.
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError>;

    /// Up to `limit` rows of a table, in the order of their keys, those behind `after` only.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails.
    fn rows(&self, table: Table, after: &[u8], limit: usize) -> Result<Vec<Row>, ReadError>;

    /// Upkeep between commits: what is old goes, marks are written. The writer calls it about once a
    /// second, with the wall clock's milliseconds.
    ///
    /// # Errors
    ///
    /// [`AppendError`] if storage fails.
    fn maintain(&self, now_ms: i64) -> Result<(), AppendError>;

    /// Of an earlier life of this log: up to which offset its events are the same. Does not block.
    fn former(&self, epoch: Epoch) -> Option<Offset> {
        let _ = epoch;
        None
    }

    /// Whether it takes events, as far as its room goes. Does not block.
    fn room(&self) -> Room {
        Room::Enough
    }

    /// What an operator should know of it.
    fn condition(&self) -> Condition {
        Condition::default()
    }

    /// Hands a copy of the log as it is at this moment to `sink`, a chunk at a time, until that says false.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if storage fails, or a log of this kind can't be copied.
    fn export(&self, sink: &mut dyn FnMut(Vec<u8>) -> bool) -> Result<(), ReadError> {
        let _ = sink;
        Err(ReadError("a log in memory can't be copied".into()))
    }

    /// An operator knows of what was damaged or lost so far: it is no reason for concern any longer.
    ///
    /// # Errors
    ///
    /// [`AppendError`] if storage fails.
    fn acknowledge(&self) -> Result<(), AppendError> {
        Ok(())
    }
}

/// The last offset of events accepted before `time_ms`, by binary search: reading behind it gives the
/// first event accepted at or after that time. Blocks as [`EventLog::read`] does.
///
/// # Errors
///
/// [`ReadError`] if storage fails.
pub fn offset_before(log: &dyn EventLog, time_ms: i64) -> Result<Offset, ReadError> {
    let bounds = log.bounds();
    let (mut low, mut high) = (bounds.oldest - 1, bounds.newest);
    while low < high {
        let middle = low + (high - low) / 2;
        match log.read(middle, Max { records: 1, bytes: 0 })? {
            Read::Records(found) if found.first().is_some_and(|r| r.accepted_at < time_ms) => {
                low = middle + 1;
            }
            Read::Records(_) => high = middle,
            Read::Gap(gap) if gap.to >= high => high = middle,
            Read::Gap(gap) => low = gap.to,
        }
    }
    Ok(low)
}
