use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;
use crate::log::Change;
use crate::source::Unreadable;

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

/// One request of an authenticated sender that nobody could read, or not all of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct QuarantineRecord {
    pub(super) source: String,
    pub(super) received_at: String,
    /// Which notifications of the body, and why.
    pub(super) faults: Vec<Fault>,
    /// Base64 of the whole body, byte for byte.
    pub(super) body: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Fault {
    pub(super) index: usize,
    pub(super) code: String,
    pub(super) message: String,
}

impl QuarantineRecord {
    pub(super) fn new(source: &str, now: Timestamp, unreadable: &[(usize, Unreadable)], body: &[u8]) -> Self {
        let fault = |(index, why): &(usize, Unreadable)| Fault {
            index: *index,
            code: why.code.to_owned(),
            message: why.message.clone(),
        };
        Self {
            source: source.to_owned(),
            received_at: now.to_string(),
            faults: unreadable.iter().map(fault).collect(),
            body: data_encoding::BASE64.encode(body),
        }
    }
}

/// Which records are kept, so that the oldest can go. Keys sort by time.
pub(super) struct Quarantine {
    limits: QuarantineLimits,
    kept: VecDeque<(Vec<u8>, usize)>,
    bytes: usize,
    changes: Vec<Change>,
    /// What the changes since the last commit did, to undo them.
    before: Vec<Step>,
}

enum Step {
    Added(usize),
    Dropped((Vec<u8>, usize)),
}

impl Quarantine {
    pub(super) fn load(limits: QuarantineLimits, rows: &[(Vec<u8>, Vec<u8>)]) -> Self {
        let kept: VecDeque<_> = rows.iter().map(|(key, value)| (key.clone(), value.len())).collect();
        let bytes = kept.iter().map(|(_, len)| len).sum();
        Self { limits, kept, bytes, changes: Vec::new(), before: Vec::new() }
    }

    /// Keeps a record.
    pub(super) fn add(&mut self, record: &QuarantineRecord, now: Timestamp) {
        let value = serde_json::to_vec(record).unwrap_or_default();
        let key = self.key(now);
        self.bytes += value.len();
        self.before.push(Step::Added(value.len()));
        self.kept.push_back((key.clone(), value.len()));
        self.changes.push(Change { key, value: Some(value) });
    }

    /// Drops what is too old or too much; tells how many.
    pub(super) fn trim(&mut self, now: Timestamp) -> u64 {
        let mut dropped = 0;
        while let Some((key, _)) = self.kept.front() {
            let expired = time_of(key) < now.as_millisecond() - self.limits.age_ms;
            if !expired && self.bytes <= self.limits.bytes {
                break;
            }
            if let Some((key, len)) = self.kept.pop_front() {
                dropped += 1;
                self.bytes -= len;
                self.changes.push(Change { key: key.clone(), value: None });
                self.before.push(Step::Dropped((key, len)));
            }
        }
        dropped
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    pub(super) fn settle(&mut self) {
        self.before.clear();
    }

    pub(super) fn undo(&mut self) {
        self.changes.clear();
        while let Some(step) = self.before.pop() {
            match step {
                Step::Added(len) => {
                    self.kept.pop_back();
                    self.bytes -= len;
                }
                Step::Dropped((key, len)) => {
                    self.kept.push_front((key, len));
                    self.bytes += len;
                }
            }
        }
    }

    /// Milliseconds, then a number that tells records of one millisecond apart; big-endian, so they sort.
    fn key(&self, now: Timestamp) -> Vec<u8> {
        let time = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let last =
            self.kept.back().and_then(|(key, _)| Some(u128::from_be_bytes(key.as_slice().try_into().ok()?)));
        let first_of_now = u128::from(time) << 64;
        let key = last.map_or(first_of_now, |last| first_of_now.max(last + 1));
        key.to_be_bytes().to_vec()
    }
}

fn time_of(key: &[u8]) -> i64 {
    let time = key.first_chunk().map_or(0, |time| u64::from_be_bytes(*time));
    i64::try_from(time).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn record(body: &[u8]) -> QuarantineRecord {
        let why = Unreadable { code: "malformed_event", message: "no JSON".into() };
        QuarantineRecord::new("s", at(0), &[(0, why)], body)
    }

    #[test]
    fn keeps_the_newest_within_its_bytes() {
        let limits = QuarantineLimits { bytes: 500, age_ms: 1_000 };
        let mut quarantine = Quarantine::load(limits, &[]);
        for ms in [1, 1, 2] {
            quarantine.add(&record(&[b'x'; 100]), at(ms));
        }
        assert_eq!(quarantine.trim(at(2)), 2);
        let changes = quarantine.changes();
        assert_eq!(changes.len(), 5);
        let keys: Vec<_> = changes[..3].iter().map(|c| c.key.clone()).collect();
        assert!(keys.is_sorted() && keys[0] != keys[1]);
        assert_eq!(quarantine.trim(at(2_000)), 1, "and none for longer than their time");
        assert_eq!(quarantine.bytes(), 0);
    }

    #[test]
    fn an_undone_commit_leaves_no_trace() {
        let mut quarantine = Quarantine::load(QuarantineLimits { bytes: 500, age_ms: 1_000 }, &[]);
        quarantine.add(&record(&[b'x'; 100]), at(1));
        let _ = quarantine.changes();
        quarantine.settle();
        let (kept, bytes) = (quarantine.kept.clone(), quarantine.bytes);
        quarantine.add(&record(&[b'x'; 300]), at(2));
        quarantine.trim(at(3));
        quarantine.undo();
        assert_eq!((quarantine.kept.clone(), quarantine.bytes), (kept, bytes));
        assert!(quarantine.changes().is_empty());
    }
}
