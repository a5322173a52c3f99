//! The durable, ordered record of events: its contract, and its homes.
//!
//! `memory` is the contract in its shortest form and its specification; `disk`
//! is the default. What an event means is none of the log's business: it keeps
//! records, and beside them tables of bytes that change in the same commit.
//!
//! The contract has three parts: [`EventLog`], the log proper, to which the writer alone appends; [`Tables`], to which
//! anyone writes what is theirs; [`Upkeep`]. A [`LogHandle`] is what all but the writer have of it.
//!
//! Invariants, for every home:
//! 1. Offsets are consecutive; a commit is wholly there or not at all.
//! 2. Nothing is shown by `read`, `recent`, `bounds` or `tail` before it is durable.
//! 3. What is read is what was written, or a [`Gap`] that says what is missing and why.

mod backup;
mod condition;
mod contract;
mod disk;
mod handle;
mod memory;
mod record;
mod scrub;
mod table;
mod tail;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

pub(crate) use condition::Condition;
pub use condition::Room;
pub(crate) use contract::ReadError;
pub use contract::{AppendError, EventLog, Home, Tables, Upkeep};
pub use disk::{DiskLog, DiskOptions, OnDamage, OpenError, SpaceLimits};
pub(crate) use disk::{FreeSpace, Verification};
pub use handle::LogHandle;
pub use memory::MemoryLog;
pub use record::Record;
pub(crate) use scrub::scrub;
pub(crate) use table::Row;
pub use table::Table;

pub use crate::collections::Change;
use crate::event::{Epoch, Offset, Position};

/// What one append writes, all of it or nothing.
#[derive(Debug, Default)]
pub struct Commit {
    /// New events, their offsets consecutive from the one behind the newest.
    pub records: Vec<Arc<Record>>,
    /// Writes to tables that belong to them, in order.
    pub changes: Vec<(Table, Change)>,
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

/// A text that says no reason why events are missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no reason of a gap")]
pub struct UnknownReason(String);

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

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for GapReason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, UnknownReason> {
        let known = [Self::Retention, Self::Damaged, Self::EpochChanged];
        known.into_iter().find(|reason| reason.as_str() == text).ok_or_else(|| UnknownReason(text.to_owned()))
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
