use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::tail::Tail;
use super::{
    AppendError, Bounds, Commit, EventLog, Gap, GapReason, Max, Read, ReadError, Record, Row, Table,
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
    /// An empty log that keeps about the newest `max_bytes`.
    pub fn new(epoch: Epoch, max_bytes: usize) -> Self {
        Self { epoch, tail: Tail::new(max_bytes, 0), tables: Mutex::default() }
    }
}

impl EventLog for MemoryLog {
    fn append(&self, commit: Commit) -> Result<Position, AppendError> {
        let expected = self.tail.newest() + 1;
        if commit.records.iter().zip(expected..).any(|(record, offset)| record.offset != offset) {
            return Err(AppendError::Failed("offsets are not consecutive".into()));
        }
        let mut tables = self.tables.lock();
        for (table, change) in commit.changes {
            let rows = tables.entry(table).or_default();
            match change.value {
                Some(value) => rows.insert(change.key, value),
                None => rows.remove(&change.key),
            };
        }
        drop(tables);
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

    fn recent(&self, after: Offset, max: Max) -> Option<Vec<std::sync::Arc<Record>>> {
        self.tail.read(after, max)
    }

    fn bounds(&self) -> Bounds {
        let newest = self.tail.newest();
        Bounds { epoch: self.epoch, oldest: self.tail.oldest().unwrap_or(newest + 1), newest }
    }

    fn tail(&self) -> watch::Receiver<Offset> {
        self.tail.subscribe()
    }

    fn table(&self, table: Table) -> Result<Vec<Row>, ReadError> {
        let tables = self.tables.lock();
        Ok(tables.get(&table).map(|rows| rows.clone().into_iter().collect()).unwrap_or_default())
    }

    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        let tables = self.tables.lock();
        Ok(tables.get(&table).and_then(|rows| rows.get(key)).cloned())
    }

    fn rows(&self, table: Table, after: &[u8], limit: usize) -> Result<Vec<Row>, ReadError> {
        let tables = self.tables.lock();
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        let rows = tables.get(&table).map(|rows| rows.range::<[u8], _>(behind).take(limit));
        let owned = rows.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone()));
        Ok(owned.collect())
    }

    fn maintain(&self, _now_ms: i64) -> Result<(), AppendError> {
        Ok(())
    }
}
