use fjall::{Database, Keyspace, PersistMode};
use serde::{Deserialize, Serialize};

use crate::event::{Epoch, Offset};

/// Version of the stored form of the whole log; a newer one is refused.
pub(super) const VERSION: u32 = 1;
pub(super) const KEY: &str = "log";

/// What is known of the log as a whole. Written seldom, so it is plain JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Meta {
    pub(super) version: u32,
    pub(super) epoch: Epoch,
    /// Oldest first, never empty.
    pub(super) segments: Vec<SegmentMeta>,
    /// First and last offset of what is known to be damaged and still within the log, by offset.
    #[serde(default)]
    pub(super) damaged: Vec<(Offset, Offset)>,
    /// Behind this offset a new epoch began because storage lost what it had confirmed; until an operator
    /// acknowledges it.
    #[serde(default)]
    pub(super) truncated: Option<Offset>,
    /// What retention took last, the newest at the end.
    #[serde(default)]
    pub(super) removals: Vec<Removal>,
    /// Lives that this one goes on from: up to the offset their events are this one's.
    #[serde(default)]
    pub(super) former: Vec<(Epoch, Offset)>,
    /// Set in a backup: whoever opens it begins a new epoch.
    #[serde(default)]
    pub(super) restored: bool,
}

/// Events that retention took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Removal {
    pub(super) from: Offset,
    pub(super) to: Offset,
    /// `age` or `size`.
    pub(super) reason: String,
    /// Unix milliseconds.
    pub(super) at: i64,
}

/// Removals kept.
const REMOVALS: usize = 256;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SegmentMeta {
    pub(super) first: Offset,
    /// Stored bytes of its records. Of the last segment the file may know less than memory does.
    pub(super) bytes: u64,
    /// When its newest record was accepted, Unix milliseconds.
    pub(super) newest_at: i64,
}

impl SegmentMeta {
    pub(super) fn new(first: Offset) -> Self {
        Self { first, bytes: 0, newest_at: i64::MIN }
    }
}

impl Meta {
    pub(super) fn new(epoch: Epoch, first: Offset) -> Self {
        Self {
            version: VERSION,
            epoch,
            segments: vec![SegmentMeta::new(first)],
            damaged: Vec::new(),
            truncated: None,
            removals: Vec::new(),
            former: Vec::new(),
            restored: false,
        }
    }

    /// Begins a new life, which has the old one's events up to `until`.
    pub(super) fn begin(&mut self, epoch: Epoch, until: Offset) {
        for (_, end) in &mut self.former {
            *end = until.min(*end);
        }
        self.former.push((self.epoch, until));
        self.epoch = epoch;
    }

    /// The log of the segments that begin at these offsets.
    pub(super) fn of_segments(epoch: Epoch, firsts: &[Offset]) -> Self {
        let mut meta = Self::new(epoch, 1);
        if !firsts.is_empty() {
            meta.segments = firsts.iter().copied().map(SegmentMeta::new).collect();
        }
        meta
    }

    /// Takes down what retention is about to remove.
    pub(super) fn note_removal(&mut self, removal: Removal) {
        if self.removals.len() >= REMOVALS {
            self.removals.remove(0);
        }
        self.removals.push(removal);
    }

    pub(super) fn start_segment(&mut self, first: Offset) {
        self.segments.push(SegmentMeta::new(first));
    }

    /// Segments that nothing is known of count as new from now on, so that age does not take them at once.
    pub(super) fn date_undated(&mut self, now_ms: i64) {
        let sealed = self.segments.len().saturating_sub(1);
        for segment in self.segments[..sealed].iter_mut().filter(|s| s.newest_at == i64::MIN) {
            segment.newest_at = now_ms;
        }
    }

    /// Counts a record into the last segment.
    pub(super) fn added(&mut self, bytes: usize, accepted_at: i64) {
        if let Some(active) = self.segments.last_mut() {
            active.bytes += bytes as u64;
            active.newest_at = accepted_at;
        }
    }

    /// Why the oldest segment should go, if it should. The one that is written to never does.
    pub(super) fn oldest_is_over(&self, oldest_time_ms: i64, max_bytes: u64) -> Option<&'static str> {
        let [oldest, _, ..] = self.segments.as_slice() else { return None };
        if oldest.newest_at < oldest_time_ms {
            return Some("age");
        }
        (self.segments.iter().map(|s| s.bytes).sum::<u64>() > max_bytes).then_some("size")
    }
}

/// Reads it; `None` in a new database.
pub(super) fn load(rows: &Keyspace) -> Result<Option<Meta>, String> {
    let stored = rows.get(KEY).map_err(|error| error.to_string())?;
    stored.map(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string())).transpose()
}

/// Writes it, synced.
pub(super) fn store(db: &Database, rows: &Keyspace, meta: &Meta) -> fjall::Result<()> {
    let mut batch = db.batch().durability(Some(PersistMode::SyncData));
    batch.insert(rows, KEY, serde_json::to_vec(meta).unwrap_or_default());
    batch.commit()
}
