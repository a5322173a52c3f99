//! What an authenticated sender sent and nobody could read: kept within bounds, until it can be read or nobody
//! wants it any more.

mod record;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::collections::{AgeLimits, AgeTable, Aging, Ledger};
use crate::event::Timestamp;
use crate::log::{Change, Row, Table};

pub(crate) use record::QuarantineRecord;
pub(super) use record::{RequestHead, kept_headers};

/// What an authenticated sender sent and nobody could read: all about it but the body.
pub(super) const QUARANTINE: Table = Table::named("quarantine");
/// The bodies in quarantine.
pub(super) const BODIES: Table = Table::named("bodies");

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

/// Which records there are, so that the oldest can go: those of the source that has the most.
type Records = AgeTable<QuarantineId, Arc<str>>;

/// What the writer knows of the quarantine. Records and bodies are on disk.
pub(super) struct Quarantine {
    records: Ledger<Records>,
    changes: Vec<(Table, Change)>,
    counts: Counts,
}

impl Quarantine {
    pub(super) fn load(limits: AgeLimits, rows: &[Row], counts: Counts) -> Self {
        let mut records = Records::new(limits);
        for (key, value) in rows {
            let record = serde_json::from_slice::<QuarantineRecord>(value);
            if let (Some(id), Ok(record)) = (QuarantineId::of_key(key), record) {
                records.set(id, Some(aging(id, &record.source, record.size + value.len())));
            }
        }
        let quarantine = Self { records: Ledger::new(records), changes: Vec::new(), counts };
        quarantine.publish();
        quarantine
    }

    /// Keeps a record.
    pub(super) fn add(&mut self, record: &QuarantineRecord, body: &[u8], now: Timestamp) {
        let id = self.next_id(now);
        let value = serde_json::to_vec(record).unwrap_or_default();
        self.records.apply((id, Some(aging(id, &record.source, value.len() + body.len()))));
        self.changes.push((QUARANTINE, Change::put(id.key(), value)));
        self.changes.push((BODIES, Change::put(id.key(), body)));
    }

    /// Says anew what is wrong with a record, if it is still there.
    pub(super) fn amend(&mut self, id: QuarantineId, record: &QuarantineRecord) {
        if self.records.entries().contains_key(&id) {
            let value = serde_json::to_vec(record).unwrap_or_default();
            self.changes.push((QUARANTINE, Change::put(id.key(), value)));
        }
    }

    /// Drops what is too old or too much; tells of each whose it was.
    pub(super) fn trim(&mut self, now: Timestamp) -> Vec<Arc<str>> {
        let mut dropped = Vec::new();
        while let Some(id) = self.records.overdue(now.as_millisecond()).copied() {
            dropped.extend(self.records.entries().get(&id).map(|record| Arc::clone(&record.owner)));
            self.remove(id);
        }
        dropped
    }

    /// Drops a record; tells whether it was there.
    pub(super) fn remove(&mut self, id: QuarantineId) -> bool {
        if !self.records.entries().contains_key(&id) {
            return false;
        }
        self.records.apply((id, None));
        self.changes.push((QUARANTINE, Change::remove(id.key())));
        self.changes.push((BODIES, Change::remove(id.key())));
        true
    }

    pub(super) fn bytes(&self) -> u64 {
        self.records.bytes()
    }

    pub(super) fn changes(&mut self) -> Vec<(Table, Change)> {
        std::mem::take(&mut self.changes)
    }

    pub(super) fn settle(&mut self) {
        if !self.records.pending().is_empty() {
            self.records.settle();
            self.publish();
        }
    }

    pub(super) fn undo(&mut self) {
        self.changes.clear();
        self.records.undo();
    }

    fn publish(&self) {
        let mut counts = BTreeMap::new();
        for record in self.records.entries().values() {
            *counts.entry(Arc::clone(&record.owner)).or_default() += 1;
        }
        *self.counts.lock() = counts;
    }

    fn next_id(&self, now: Timestamp) -> QuarantineId {
        let first_of_now = u128::from(u64::try_from(now.as_millisecond()).unwrap_or(0)) << 64;
        let last = self.records.entries().last_key_value().map(|(id, _)| id.0 + 1);
        QuarantineId(last.map_or(first_of_now, |next| first_of_now.max(next)))
    }
}

fn aging(id: QuarantineId, source: &str, bytes: usize) -> Aging<Arc<str>> {
    Aging { at_ms: id.time_ms(), bytes: bytes as u64, owner: source.into() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::source::Unreadable;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn record(source: &str) -> QuarantineRecord {
        let why = Unreadable { code: "malformed_event", message: "no JSON".into() };
        QuarantineRecord::new(source, "default", at(0), &[(0, why)], RequestHead::default(), 500)
    }

    fn quarantine() -> Quarantine {
        let one = serde_json::to_vec(&record("s")).unwrap().len() + 500;
        let limits = AgeLimits { bytes: 2 * one as u64, age: Duration::from_secs(1) };
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
        assert_eq!(quarantine.trim(at(2)), [Arc::from("s")]);
        let changes = quarantine.changes();
        assert_eq!(changes.len(), 8, "each has a head and a body");
        let keys = keys(&changes);
        assert!(keys.is_sorted() && keys[0] != keys[1]);
        assert_eq!(quarantine.trim(at(2_000)).len(), 2, "and none for longer than their time");
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
        assert_eq!((quarantine.bytes(), quarantine.records.entries().len()), (bytes, 2));
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
