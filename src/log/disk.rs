//! The log on disk, in one fjall database: the default home.
//!
//! Events lie in segments, one keyspace each, so that retention drops whole
//! keyspaces and never deletes event by event. A commit's events and table
//! changes are one batch, synced before it is applied, so there is nothing to
//! reconcile after a crash. Invariants:
//!
//! - Which segments exist is decided by the stored [`meta::Meta`] alone. It is
//!   synced before a segment is created, and before one is dropped.
//! - Every record is verified when it is read: its checksum, and that its
//!   offset follows the one before it.
//! - Damage is noted, kept in [`meta::Meta`], and told to readers as a gap;
//!   damaged bytes are neither removed nor written over.
//! - The high-water mark lies outside the database and is never ahead of it,
//!   unless storage lost what it had confirmed.

mod copy;
mod damage;
mod high_water;
mod meta;
mod open;
mod segment;
mod space;
mod upkeep;
mod verify;

use std::ops::Bound;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fjall::{Database, Keyspace, PersistMode};
use parking_lot::{Mutex, RwLock};
use serde::Deserialize;
use tokio::sync::watch;

use self::high_water::HighWater;
use self::meta::Removal;
use self::segment::Segment;
use self::space::Space;
use super::tail::Tail;
use super::{
    AppendError, Bounds, Change, Commit, Condition, EventLog, Gap, GapReason, Max, Read, ReadError, Record,
    Room, Row, Table, Tables, Upkeep,
};
use crate::event::{Epoch, Offset, Position};

pub use open::OpenError;
pub(crate) use space::FreeSpace;
pub use space::SpaceLimits;
pub(crate) use verify::Verification;

/// How the log on disk is kept.
#[derive(Clone, Debug)]
pub struct DiskOptions {
    /// Its directory, made if missing.
    pub dir: PathBuf,
    /// Bytes of the newest events to keep in memory for readers.
    pub memory: usize,
    /// A segment that reaches this many bytes is followed by a new one.
    pub segment_bytes: u64,
    /// Events older than this go, by whole segments.
    pub max_age: Duration,
    /// The oldest segments go while all hold more bytes than this.
    pub max_bytes: u64,
    /// A random name for a new life of the log, should one begin.
    pub new_epoch: Epoch,
    /// When the disk counts as low.
    pub space: SpaceLimits,
    /// What damage leads to.
    pub on_damage: OnDamage,
    /// Files of tables that are kept open.
    pub tables_open: usize,
}

impl DiskOptions {
    /// By default.
    pub const TABLES_OPEN: usize = 900;
}

/// What damage of the log leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDamage {
    /// What is damaged is set aside and told to readers as a gap; new events are taken.
    #[default]
    Isolate,
    /// The log is not opened, or not written to any more.
    Refuse,
}

/// See the module.
pub struct DiskLog {
    db: Database,
    options: DiskOptions,
    epoch: Epoch,
    /// Earlier lives, and up to where their events are this one's.
    former: Vec<(Epoch, Offset)>,
    meta_rows: Keyspace,
    /// Those that it was opened with.
    tables: Vec<(Table, Keyspace)>,
    tail: Tail,
    /// Oldest first, never empty; the last one is written to.
    segments: RwLock<Vec<Segment>>,
    /// The writer's; whoever else takes it makes the writer wait.
    books: Mutex<Books>,
    space: Space,
    /// What is known to be damaged or lost. Its room is that of `space`.
    condition: RwLock<Condition>,
    /// The condition tells of damage that is not stored yet.
    is_news: AtomicBool,
}

/// What is written beside the events.
struct Books {
    /// What retention took last, the newest at the end.
    removals: Vec<Removal>,
    high_water: HighWater,
    /// A write failed: nothing more is written.
    failed: bool,
}

impl DiskLog {
    /// Every segment that can hold offsets from `from` on.
    fn segments_from(&self, from: Offset) -> Vec<Segment> {
        let segments = self.segments.read();
        let containing = segments.partition_point(|s| s.first() <= from).saturating_sub(1);
        segments[containing..].to_vec()
    }

    fn oldest(&self) -> Offset {
        self.segments.read().first().map_or(1, Segment::first)
    }

    fn keyspace(&self, table: Table) -> Option<&Keyspace> {
        self.tables.iter().find(|(known, _)| *known == table).map(|(_, keyspace)| keyspace)
    }

    fn commit(&self, records: &[Arc<Record>], changes: Vec<(Table, Change)>) -> Result<(), AppendError> {
        let mut books = self.books.lock();
        if books.failed {
            return Err(AppendError::Failed("an earlier write failed".into()));
        }
        let done = self.commit_batch(&books, records, changes);
        // A failed sync is never retried: what is on the disk only a new start can tell.
        books.failed = done.is_err();
        done
    }

    fn commit_batch(
        &self,
        books: &Books,
        records: &[Arc<Record>],
        changes: Vec<(Table, Change)>,
    ) -> Result<(), AppendError> {
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncData));
        let (mut bytes, mut newest_at) = (0, None);
        if let Some(first) = records.first() {
            let expected = self.tail.newest() + 1..;
            if records.iter().zip(expected).any(|(record, offset)| record.offset != offset) {
                return Err(AppendError::Failed("offsets are not consecutive".into()));
            }
            self.roll(books, first.offset)?;
            let active = self.segments_from(first.offset).pop().ok_or_else(no_segment)?;
            for record in records {
                let stored = record.encode();
                (bytes, newest_at) = (bytes + stored.len(), Some(record.accepted_at));
                batch.insert(&active.keyspace, record.offset.to_be_bytes(), stored);
            }
        }
        for (table, change) in changes {
            let rows = self.keyspace(table).ok_or_else(|| AppendError::Failed(table.missing()))?;
            match change.value {
                Some(value) => batch.insert(rows, change.key, value),
                None => batch.remove(rows, change.key),
            }
        }
        batch.commit()?;
        if let (Some(newest_at), Some(active)) = (newest_at, self.segments.write().last_mut()) {
            active.meta.add(bytes, newest_at);
        }
        Ok(())
    }
}

fn no_segment() -> AppendError {
    AppendError::Failed("no segment to write to".into())
}

impl EventLog for DiskLog {
    fn append(&self, commit: Commit) -> Result<Position, AppendError> {
        // Asked first: the engine does not survive a full disk.
        if !commit.records.is_empty() && self.space.look() == Room::None {
            return Err(AppendError::NoSpace);
        }
        self.commit(&commit.records, commit.changes)?;
        self.tail.extend(commit.records);
        Ok(self.bounds().position())
    }

    fn read(&self, after: Offset, max: Max) -> Result<Read, ReadError> {
        let newest = self.tail.newest();
        if after >= newest {
            return Ok(Read::Records(Vec::new()));
        }
        let oldest = self.oldest();
        if after + 1 < oldest {
            return Ok(Read::Gap(Gap { from: after + 1, to: oldest - 1, reason: GapReason::Retention }));
        }
        let known = self.condition.read().damage_at(after + 1);
        if let Some(gap) = known {
            return Ok(Read::Gap(Gap { from: after + 1, ..gap }));
        }
        match segment::read(&self.segments_from(after + 1), after, newest, max)? {
            // Retention may have taken the segment from under the read.
            Read::Gap(gap) if gap.from < self.oldest() => self.read(after, max),
            Read::Gap(gap) => {
                self.note_damage(gap);
                Ok(Read::Gap(gap))
            }
            records @ Read::Records(_) => Ok(records),
        }
    }

    fn recent(&self, after: Offset, max: Max) -> Option<Vec<Arc<Record>>> {
        self.tail.read(after, max)
    }

    fn bounds(&self) -> Bounds {
        let newest = self.tail.newest();
        Bounds { epoch: self.epoch, oldest: self.oldest().min(newest + 1), newest }
    }

    fn tail(&self) -> watch::Receiver<Offset> {
        self.tail.subscribe()
    }
}

impl Tables for DiskLog {
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        let rows = self.keyspace(table).ok_or_else(|| ReadError(table.missing()))?;
        let row = rows.get(key).map_err(|error| ReadError(error.to_string()))?;
        Ok(row.map(|value| value.to_vec()))
    }

    fn rows(&self, table: Table, after: &[u8], limit: usize) -> Result<Vec<Row>, ReadError> {
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        let rows = self.keyspace(table).ok_or_else(|| ReadError(table.missing()))?;
        let rows = rows.range::<&[u8], _>(behind).take(limit).map(fjall::Guard::into_inner);
        let owned = rows.map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec())));
        owned.collect::<Result<_, _>>().map_err(|error| ReadError(error.to_string()))
    }

    fn table(&self, table: Table) -> Result<Vec<Row>, ReadError> {
        self.all_rows(table)
    }

    fn write(&self, changes: Vec<(Table, Change)>) -> Result<(), AppendError> {
        self.commit(&[], changes)
    }
}

impl Upkeep for DiskLog {
    fn maintain(&self, now_ms: i64) -> Result<(), AppendError> {
        self.keep_up(now_ms)
    }

    fn former(&self, epoch: Epoch) -> Option<Offset> {
        self.former.iter().rfind(|(known, _)| *known == epoch).map(|(_, until)| *until)
    }

    fn room(&self) -> Room {
        self.space.room()
    }

    fn condition(&self) -> Condition {
        Condition { room: self.space.room(), ..self.condition.read().clone() }
    }

    fn export(&self, sink: &mut dyn FnMut(Vec<u8>) -> bool) -> Result<(), ReadError> {
        self.pack(sink)
    }

    fn acknowledge(&self) -> Result<(), AppendError> {
        self.forget_damage()
    }
}

/// Every error of the engine is final, a full disk too: it takes nothing more until it is opened anew.
impl From<fjall::Error> for AppendError {
    fn from(error: fjall::Error) -> Self {
        Self::Failed(error.to_string())
    }
}
