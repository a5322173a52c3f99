use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use super::tail::Tail;
use super::{
    AppendError, Bounds, Change, Commit, Condition, EventLog, Gap, GapReason, Max, Read, ReadError, Record,
    Room, Row, Table, Tables, Upkeep,
};
use crate::event::{Epoch, Offset, Position};

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// The contract in memory: nothing survives the process, and only so many bytes are kept.
#[derive(Debug)]
pub struct MemoryLog {
    epoch: Epoch,
    tail: Tail,
    tables: Mutex<HashMap<Table, Rows>>,
}

impl MemoryLog {
    /// An empty log that keeps about the newest `max_bytes`, with these tables.
    pub fn new(epoch: Epoch, max_bytes: usize, tables: &[Table]) -> Self {
        let tables = tables.iter().map(|table| (*table, Rows::new())).collect();
        Self { epoch, tail: Tail::new(max_bytes, 0), tables: Mutex::new(tables) }
    }
}

impl EventLog for MemoryLog {
    fn append(&self, commit: Commit) -> Result<Position, AppendError> {
        let expected = self.tail.newest() + 1;
        if commit.records.iter().zip(expected..).any(|(record, offset)| record.offset != offset) {
            return Err(AppendError::Failed("offsets are not consecutive".into()));
        }
        self.write(commit.changes)?;
        self.tail.extend(commit.records);
        Ok(self.bounds().position())
    }

    fn read(&self, after: Offset, max: Max) -> Result<Read, ReadError> {
        Ok(match self.tail.read(after, max) {
            Some(records) => Read::Records(records),
            None => {
                Read::Gap(Gap { from: after + 1, to: self.bounds().oldest - 1, reason: GapReason::Retention })
            }
        })
    }

    fn recent(&self, after: Offset, max: Max) -> Option<Vec<Arc<Record>>> {
        self.tail.read(after, max)
    }

    fn bounds(&self) -> Bounds {
        let newest = self.tail.newest();
        Bounds { epoch: self.epoch, oldest: self.tail.oldest().unwrap_or(newest + 1), newest }
    }

    fn tail(&self) -> watch::Receiver<Offset> {
        self.tail.subscribe()
    }
}

impl Tables for MemoryLog {
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        let tables = self.tables.lock();
        Ok(rows(&tables, table)?.get(key).cloned())
    }

    fn rows(&self, table: Table, after: &[u8], limit: usize) -> Result<Vec<Row>, ReadError> {
        let tables = self.tables.lock();
        let behind = rows(&tables, table)?.range::<[u8], _>((Bound::Excluded(after), Bound::Unbounded));
        Ok(behind.take(limit).map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn table(&self, table: Table) -> Result<Vec<Row>, ReadError> {
        let tables = self.tables.lock();
        Ok(rows(&tables, table)?.clone().into_iter().collect())
    }

    fn write(&self, changes: Vec<(Table, Change)>) -> Result<(), AppendError> {
        let mut tables = self.tables.lock();
        if let Some((table, _)) = changes.iter().find(|(table, _)| !tables.contains_key(table)) {
            return Err(AppendError::Failed(table.missing()));
        }
        for (table, change) in changes {
            let rows = tables.entry(table).or_default();
            match change.value {
                Some(value) => rows.insert(change.key, value),
                None => rows.remove(&change.key),
            };
        }
        Ok(())
    }
}

fn rows<'a>(tables: &'a MutexGuard<'_, HashMap<Table, Rows>>, table: Table) -> Result<&'a Rows, ReadError> {
    tables.get(&table).ok_or_else(|| ReadError(table.missing()))
}

/// There is little to keep up: the tail drops the oldest by itself, and memory has room or the process is gone.
impl Upkeep for MemoryLog {
    fn maintain(&self, _now_ms: i64) -> Result<(), AppendError> {
        Ok(())
    }

    fn former(&self, _epoch: Epoch) -> Option<Offset> {
        None
    }

    fn room(&self) -> Room {
        Room::Enough
    }

    fn condition(&self) -> Condition {
        Condition::default()
    }

    fn export(&self, _sink: &mut dyn FnMut(Vec<u8>) -> bool) -> Result<(), ReadError> {
        Err(ReadError("a log in memory can't be copied".into()))
    }

    fn acknowledge(&self) -> Result<(), AppendError> {
        Ok(())
    }
}
