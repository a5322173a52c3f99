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
//! - The high-water mark lies outside the database and is never ahead of it,
//!   unless storage lost what it had confirmed.

mod high_water;
mod meta;
mod open;
mod segment;

use std::ops::Bound;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use fjall::{Database, Keyspace, PersistMode};
use tokio::sync::watch;

use self::high_water::HighWater;
use self::meta::Meta;
use self::segment::{Segment, segment_keyspace};
use super::tail::Tail;
use super::{
    AppendError, Bounds, Commit, EventLog, Gap, GapReason, Max, Read, ReadError, Record, Row, Table,
};
use crate::event::{Epoch, Offset, Position};

pub use open::OpenError;

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
}

/// See the module.
pub struct DiskLog {
    db: Database,
    options: DiskOptions,
    epoch: Epoch,
    meta_rows: Keyspace,
    tables: [Keyspace; Table::ALL.len()],
    tail: Tail,
    /// Oldest first, never empty; the last one is written to.
    segments: RwLock<Vec<Segment>>,
    /// Only the writer takes this.
    upkeep: Mutex<Upkeep>,
}

struct Upkeep {
    meta: Meta,
    high_water: HighWater,
    failed: bool,
}

impl DiskLog {
    fn upkeep(&self) -> MutexGuard<'_, Upkeep> {
        self.upkeep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every segment that can hold offsets from `from` on.
    fn segments_from(&self, from: Offset) -> Vec<Segment> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let containing = segments.partition_point(|s| s.first <= from).saturating_sub(1);
        segments[containing..].to_vec()
    }

    fn oldest(&self) -> Offset {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segments.first().map_or(1, |s| s.first)
    }

    fn table_rows(&self, table: Table) -> &Keyspace {
        &self.tables[table as usize]
    }

    /// Follows a full segment with a new one.
    fn roll(&self, upkeep: &mut Upkeep, next: Offset) -> Result<(), AppendError> {
        let full = upkeep.meta.segments.last().is_some_and(|s| s.bytes >= self.options.segment_bytes);
        if !full {
            return Ok(());
        }
        upkeep.meta.start_segment(next);
        meta::store(&self.db, &self.meta_rows, &upkeep.meta)?;
        let keyspace = segment_keyspace(&self.db, next)?;
        let mut segments = self.segments.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(sealed) = segments.last() {
            // Out of memory and journal: nothing will be added to it.
            sealed.keyspace.rotate_memtable()?;
        }
        segments.push(Segment { first: next, keyspace });
        Ok(())
    }

    /// Drops the oldest segments that are too old or too many.
    fn trim(&self, upkeep: &mut Upkeep, now_ms: i64) -> Result<(), AppendError> {
        let max_age = i64::try_from(self.options.max_age.as_millis()).unwrap_or(i64::MAX);
        while upkeep.meta.oldest_is_over(now_ms.saturating_sub(max_age), self.options.max_bytes) {
            upkeep.meta.segments.remove(0);
            meta::store(&self.db, &self.meta_rows, &upkeep.meta)?;
            let dropped = self.segments.write().unwrap_or_else(PoisonError::into_inner).remove(0);
            tracing::info!(from = dropped.first, to = self.oldest() - 1, "events removed by retention");
            self.db.delete_keyspace(dropped.keyspace)?;
        }
        Ok(())
    }

    fn write(&self, commit: &Commit) -> Result<(), AppendError> {
        let mut upkeep = self.upkeep();
        if upkeep.failed {
            return Err(AppendError::Failed("an earlier write failed".into()));
        }
        let done = self.write_batch(&mut upkeep, commit);
        // A failed sync is never retried: what is on the disk only a new start can tell.
        upkeep.failed = done.is_err();
        done
    }

    fn write_batch(&self, upkeep: &mut Upkeep, commit: &Commit) -> Result<(), AppendError> {
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncData));
        if let Some(first) = commit.records.first() {
            let expected = self.tail.newest() + 1..;
            if commit.records.iter().zip(expected).any(|(record, offset)| record.offset != offset) {
                return Err(AppendError::Failed("offsets are not consecutive".into()));
            }
            self.roll(upkeep, first.offset)?;
            let active = self.segments_from(first.offset).pop().ok_or_else(no_segment)?;
            for record in &commit.records {
                let stored = record.encode();
                upkeep.meta.added(stored.len(), record.accepted_at);
                batch.insert(&active.keyspace, record.offset.to_be_bytes(), stored);
            }
        }
        for (table, change) in &commit.changes {
            match &change.value {
                Some(value) => batch.insert(self.table_rows(*table), change.key.as_slice(), value.as_slice()),
                None => batch.remove(self.table_rows(*table), change.key.as_slice()),
            }
        }
        Ok(batch.commit()?)
    }
}

fn no_segment() -> AppendError {
    AppendError::Failed("no segment to write to".into())
}

impl EventLog for DiskLog {
    fn append(&self, commit: Commit) -> Result<Position, AppendError> {
        self.write(&commit)?;
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
        segment::read(&self.segments_from(after + 1), after, newest, max)
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

    fn table(&self, table: Table) -> Result<Vec<Row>, ReadError> {
        let rows = self.table_rows(table).iter().map(fjall::Guard::into_inner);
        let owned = rows.map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec())));
        owned.collect::<Result<_, _>>().map_err(|error| ReadError(error.to_string()))
    }

    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        let row = self.table_rows(table).get(key).map_err(|error| ReadError(error.to_string()))?;
        Ok(row.map(|value| value.to_vec()))
    }

    fn rows(&self, table: Table, after: &[u8], limit: usize) -> Result<Vec<Row>, ReadError> {
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        let rows = self.table_rows(table).range::<&[u8], _>(behind).take(limit).map(fjall::Guard::into_inner);
        let owned = rows.map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec())));
        owned.collect::<Result<_, _>>().map_err(|error| ReadError(error.to_string()))
    }

    fn maintain(&self, now_ms: i64) -> Result<(), AppendError> {
        let mut upkeep = self.upkeep();
        if upkeep.failed {
            return Ok(());
        }
        self.trim(&mut upkeep, now_ms)?;
        let newest = self.bounds().position();
        // Without a new mark the old one holds: it detects less, and loses nothing.
        if let Err(error) = upkeep.high_water.raise(newest) {
            tracing::warn!(%error, "the high-water mark can't be written");
        }
        Ok(())
    }
}

impl From<fjall::Error> for AppendError {
    fn from(error: fjall::Error) -> Self {
        match error {
            fjall::Error::Io(io) if io.kind() == std::io::ErrorKind::StorageFull => Self::NoSpace,
            other => Self::Failed(other.to_string()),
        }
    }
}
