use fjall::{Database, Keyspace, PersistMode};
use serde::{Deserialize, Serialize};

use crate::event::{Epoch, Offset};

/// Version of the stored form of the whole log; a newer one is refused.
pub(super) const VERSION: u32 = 1;
const KEY: &str = "log";

/// What is known of the log as a whole. Written seldom, so it is plain JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Meta {
    pub(super) version: u32,
    pub(super) epoch: Epoch,
    /// Oldest first, never empty.
    pub(super) segments: Vec<SegmentMeta>,
}

#[derive(Debug, Serialize, Deserialize)]
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
        Self { version: VERSION, epoch, segments: vec![SegmentMeta::new(first)] }
    }

    pub(super) fn start_segment(&mut self, first: Offset) {
        self.segments.push(SegmentMeta::new(first));
    }

    /// Counts a record into the last segment.
    pub(super) fn added(&mut self, bytes: usize, accepted_at: i64) {
        if let Some(active) = self.segments.last_mut() {
            active.bytes += bytes as u64;
            active.newest_at = accepted_at;
        }
    }

    /// Whether the oldest segment should go. The one that is written to never does.
    pub(super) fn oldest_is_over(&self, oldest_time_ms: i64, max_bytes: u64) -> bool {
        let [oldest, _, ..] = self.segments.as_slice() else { return false };
        oldest.newest_at < oldest_time_ms || self.segments.iter().map(|s| s.bytes).sum::<u64>() > max_bytes
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
