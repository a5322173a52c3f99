use fjall::{Database, Keyspace, PersistMode};
use serde::{Deserialize, Serialize};

use super::damage::Damage;
use crate::event::{Epoch, Offset};

/// Version of the stored form of the whole log; a newer one is refused.
pub(super) const VERSION: u32 = 1;
pub(super) const KEY: &str = "log";

/// The log as a whole, as it is stored: the book of its segments, what is wrong with it, its lives. Written seldom,
/// so it is plain JSON. While the log is open each of these facts lives in one list of [`super::DiskLog`].
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

    /// Counts records into it: their stored bytes, and when the last of them was accepted.
    pub(super) fn add(&mut self, bytes: usize, accepted_at: i64) {
        self.bytes += bytes as u64;
        self.newest_at = accepted_at;
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

    /// Adds a segment to be written to, unless the last one is as good as new.
    pub(super) fn start_segment(&mut self, first: Offset) {
        if self.segments.last().is_none_or(|last| last.first != first) {
            self.segments.push(SegmentMeta::new(first));
        }
    }

    /// Segments that nothing is known of count as new from now on, so that age does not take them at once.
    pub(super) fn date_undated(&mut self, now_ms: i64) {
        let sealed = self.segments.len().saturating_sub(1);
        for segment in self.segments[..sealed].iter_mut().filter(|s| s.newest_at == i64::MIN) {
            segment.newest_at = now_ms;
        }
    }

    /// Reads it; `None` in a new database.
    pub(super) fn load(rows: &Keyspace) -> Result<Option<Self>, Damage> {
        let stored = rows.get(KEY).map_err(Damage::of)?;
        stored.map(|bytes| serde_json::from_slice(&bytes).map_err(Damage::of)).transpose()
    }

    /// Writes it, synced.
    pub(super) fn store(&self, db: &Database, rows: &Keyspace) -> fjall::Result<()> {
        let mut batch = db.batch().durability(Some(PersistMode::SyncData));
        batch.insert(rows, KEY, self.stored());
        batch.commit()
    }

    /// The stored form.
    pub(super) fn stored(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}
