//! What an authenticated sender sent and nobody could read: kept within bounds, until it can be read or nobody
//! wants it any more.

mod record;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::event::Timestamp;
use crate::log::{Change, Row, Table};

pub(crate) use record::QuarantineRecord;
pub(super) use record::{Kept, kept_headers};

/// What an authenticated sender sent and nobody could read: all about it but the body.
pub(super) const QUARANTINE: Table = Table::named("quarantine");
/// The bodies in quarantine.
pub(super) const BODIES: Table = Table::named("bodies");

/// How much of the unreadable is kept.
#[derive(Clone, Copy, Debug)]
pub struct QuarantineLimits {
    /// Bytes of all records; the oldest go first.
    pub bytes: usize,
    /// Milliseconds that a record is kept.
    pub age_ms: i64,
}

impl Default for QuarantineLimits {
    fn default() -> Self {
        Self { bytes: 256 << 20, age_ms: 7 * 24 * 3_600_000 }
    }
}

/// A record's id: milliseconds, then a number that tells records of one millisecond apart, so ids sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuarantineId(u128);

impl QuarantineId {
    /// The id of a key in the log's table.
    pub fn of_key(key: &[u8]) -> Option<Self> {
        Some(Self(u128::from_be_bytes(key.try_into().ok()?)))
    }

    /// The id that this text spells.
    pub fn parse(text: &str) -> Option<Self> {
        let is_spelt = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        is_spelt.then(|| u128::from_str_radix(text, 16).ok().map(Self))?
    }

    /// Its key in the log's tables.
    pub fn key(self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }

    fn time_ms(self) -> i64 {
        i64::try_from(self.0 >> 64).unwrap_or(i64::MAX)
    }
}

impl std::fmt::Display for QuarantineId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Records kept of each source, for whoever asks.
pub(super) type Counts = Arc<Mutex<BTreeMap<Arc<str>, usize>>>;

/// Which records are kept, so that the oldest can go.
pub(super) struct Quarantine {
    limits: QuarantineLimits,
    kept: BTreeMap<QuarantineId, Entry>,
    bytes: usize,
    changes: Vec<(Table, Change)>,
    /// What the changes since the last commit did, to undo them.
    before: Vec<Step>,
    counts: Counts,
}

#[derive(Clone)]
struct Entry {
    source: Arc<str>,
    size: usize,
}

enum Step {
    Added(QuarantineId),
    Dropped(QuarantineId, Entry),
}

impl Quarantine {
    pub(super) fn load(limits: QuarantineLimits, rows: &[Row], counts: Counts) -> Self {
        let mut quarantine =
            Self { limits, kept: BTreeMap::new(), bytes: 0, changes: Vec::new(), before: Vec::new(), counts };
        for (key, value) in rows {
            let record = serde_json::from_slice::<QuarantineRecord>(value);
            if let (Some(id), Ok(record)) = (QuarantineId::of_key(key), record) {
                let size = record.size + value.len();
                quarantine.insert(id, Entry { source: record.source.into(), size });
            }
        }
        quarantine.before.clear();
        quarantine.publish();
        quarantine
    }

    /// Keeps a record.
    pub(super) fn add(&mut self, record: &QuarantineRecord, body: &[u8], now: Timestamp) {
        let id = self.next_id(now);
        let value = serde_json::to_vec(record).unwrap_or_default();
        self.insert(id, Entry { source: record.source.as_str().into(), size: value.len() + body.len() });
        self.change(QUARANTINE, id, Some(value));
        self.change(BODIES, id, Some(body.to_vec()));
    }

    /// Says anew what is wrong with a record, if it is still there.
    pub(super) fn amend(&mut self, id: QuarantineId, record: &QuarantineRecord) {
        if self.kept.contains_key(&id) {
            self.change(QUARANTINE, id, Some(serde_json::to_vec(record).unwrap_or_default()));
        }
    }

    /// Drops what is too old or too much; tells how many.
    pub(super) fn trim(&mut self, now: Timestamp) -> u64 {
        let mut dropped = 0;
        while let Some((&id, _)) = self.kept.first_key_value() {
            let expired = id.time_ms() < now.as_millisecond() - self.limits.age_ms;
            if !expired && self.bytes <= self.limits.bytes {
                break;
            }
            dropped += u64::from(self.remove(id));
        }
        dropped
    }

    /// Drops a record; tells whether it was there.
    pub(super) fn remove(&mut self, id: QuarantineId) -> bool {
        let Some(entry) = self.kept.remove(&id) else { return false };
        self.bytes -= entry.size;
        self.before.push(Step::Dropped(id, entry));
        self.change(QUARANTINE, id, None);
        self.change(BODIES, id, None);
        true
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn changes(&mut self) -> Vec<(Table, Change)> {
        std::mem::take(&mut self.changes)
    }

    pub(super) fn settle(&mut self) {
        if !self.before.is_empty() {
            self.before.clear();
            self.publish();
        }
    }

    pub(super) fn undo(&mut self) {
        self.changes.clear();
        while let Some(step) = self.before.pop() {
            match step {
                Step::Added(id) => {
                    self.bytes -= self.kept.remove(&id).map_or(0, |entry| entry.size);
                }
                Step::Dropped(id, entry) => {
                    self.bytes += entry.size;
                    self.kept.insert(id, entry);
                }
            }
        }
    }

    fn insert(&mut self, id: QuarantineId, entry: Entry) {
        self.bytes += entry.size;
        self.kept.insert(id, entry);
        self.before.push(Step::Added(id));
    }

    fn change(&mut self, table: Table, id: QuarantineId, value: Option<Vec<u8>>) {
        self.changes.push((table, Change { key: id.key(), value }));
    }

    fn publish(&self) {
        let mut counts = BTreeMap::new();
        for entry in self.kept.values() {
            *counts.entry(Arc::clone(&entry.source)).or_default() += 1;
        }
        *self.counts.lock() = counts;
    }

    fn next_id(&self, now: Timestamp) -> QuarantineId {
        let first_of_now = u128::from(u64::try_from(now.as_millisecond()).unwrap_or(0)) << 64;
        let last = self.kept.last_key_value().map(|(id, _)| id.0 + 1);
        QuarantineId(last.map_or(first_of_now, |next| first_of_now.max(next)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Unreadable;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn record(source: &str) -> QuarantineRecord {
        let why = Unreadable { code: "malformed_event", message: "no JSON".into() };
        QuarantineRecord::new(source, "default", at(0), &[(0, why)], Kept::default(), 500)
    }

    fn quarantine() -> Quarantine {
        let one = serde_json::to_vec(&record("s")).unwrap().len() + 500;
        let limits = QuarantineLimits { bytes: 2 * one, age_ms: 1_000 };
        Quarantine::load(limits, &[], Counts::default())
    }

    fn keys(changes: &[(Table, Change)]) -> Vec<Vec<u8>> {
        let heads = changes.iter().filter(|(table, c)| *table == QUARANTINE && c.value.is_some());
        heads.map(|(_, change)| change.key.clone()).collect()
    }

    #[test]
    fn keeps_the_newest_within_its_bytes() {
        let mut quarantine = quarantine();
        for ms in [1, 1, 2] {
            quarantine.add(&record("s"), &[b'x'; 500], at(ms));
        }
        assert_eq!(quarantine.trim(at(2)), 1);
        let changes = quarantine.changes();
        assert_eq!(changes.len(), 8, "each has a head and a body");
        let keys = keys(&changes);
        assert!(keys.is_sorted() && keys[0] != keys[1]);
        assert_eq!(quarantine.trim(at(2_000)), 2, "and none for longer than their time");
        assert_eq!(quarantine.bytes(), 0);
    }

    #[test]
    fn an_undone_commit_leaves_no_trace() {
        let mut quarantine = quarantine();
        quarantine.add(&record("s"), &[b'x'; 500], at(1));
        quarantine.add(&record("t"), &[b'x'; 500], at(1));
        let first = QuarantineId::of_key(&keys(&quarantine.changes())[0]).unwrap();
        quarantine.settle();
        let bytes = quarantine.bytes();
        quarantine.add(&record("s"), &[b'y'; 500], at(2));
        assert!(quarantine.remove(first) && !quarantine.remove(first));
        quarantine.undo();
        assert_eq!((quarantine.bytes(), quarantine.kept.len()), (bytes, 2));
        assert!(quarantine.changes().is_empty());
        assert_eq!(quarantine.counts.lock().values().sum::<usize>(), 2);
    }

    #[test]
    fn ids_are_spelt_in_one_way() {
        let id = QuarantineId((17 << 64) + 3);
        assert_eq!(QuarantineId::parse(&id.to_string()), Some(id));
        assert_eq!(QuarantineId::of_key(&id.key()), Some(id));
        for bad in ["", "1", "+0000000000000000000000000000001", &"F".repeat(32)] {
            assert_eq!(QuarantineId::parse(bad), None, "{bad}");
        }
    }
}
