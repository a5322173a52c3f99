//! What happens to the log between commits: new segments, retention, marks, and the book of damage.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use super::meta::{self, Meta, Removal, SegmentMeta};
use super::segment::{Segment, segment_keyspace};
use super::{Books, DiskLog, OnDamage};
use crate::event::Offset;
use crate::log::{AppendError, EventLog as _, Gap, GapReason, ReadError, Room, Row, Table};

impl DiskLog {
    /// The log as a whole, as it is to be stored.
    pub(super) fn meta(&self, books: &Books) -> Meta {
        let condition = self.condition.read();
        Meta {
            version: meta::VERSION,
            epoch: self.epoch,
            segments: self.segments.read().iter().map(|segment| segment.meta.clone()).collect(),
            damaged: condition.damaged.iter().map(|gap| (gap.from, gap.to)).collect(),
            truncated: condition.truncated,
            removals: books.removals.clone(),
            former: self.former.clone(),
            restored: false,
        }
    }

    /// Follows a full segment with a new one.
    pub(super) fn roll(&self, books: &Books, next: Offset) -> Result<(), AppendError> {
        let full = |active: &Segment| active.meta.bytes >= self.options.segment_bytes;
        if !self.segments.read().last().is_some_and(full) {
            return Ok(());
        }
        let mut meta = self.meta(books);
        meta.start_segment(next);
        meta.store(&self.db, &self.meta_rows)?;
        let keyspace = segment_keyspace(&self.db, next)?;
        let mut segments = self.segments.write();
        if let Some(sealed) = segments.last() {
            // Out of memory and journal: nothing will be added to it.
            sealed.keyspace.rotate_memtable()?;
        }
        segments.push(Segment { meta: SegmentMeta::new(next), keyspace });
        Ok(())
    }

    /// Why the oldest segment should go, if it should. The one that is written to never does.
    fn oldest_is_over(&self, now_ms: i64) -> Option<&'static str> {
        let max_age = i64::try_from(self.options.max_age.as_millis()).unwrap_or(i64::MAX);
        let segments = self.segments.read();
        let [oldest, _, ..] = segments.as_slice() else { return None };
        if oldest.meta.newest_at < now_ms.saturating_sub(max_age) {
            return Some("age");
        }
        let bytes: u64 = segments.iter().map(|segment| segment.meta.bytes).sum();
        (bytes > self.options.max_bytes).then_some("size")
    }

    /// Drops the oldest segments that are too old or too many. What goes is recorded before it does.
    fn trim(&self, books: &mut Books, now_ms: i64) -> Result<(), AppendError> {
        while let Some(reason) = self.oldest_is_over(now_ms) {
            let mut meta = self.meta(books);
            let removed = meta.segments.remove(0);
            let to = meta.segments.first().map_or(removed.first, |next| next.first - 1);
            meta.note_removal(Removal { from: removed.first, to, reason: reason.into(), at: now_ms });
            meta.store(&self.db, &self.meta_rows)?;
            books.removals = meta.removals;
            let dropped = self.segments.write().remove(0);
            tracing::info!(from = removed.first, to, reason, "events removed by retention");
            self.db.delete_keyspace(dropped.keyspace)?;
        }
        Ok(())
    }

    pub(super) fn keep_up(&self, now_ms: i64) -> Result<(), AppendError> {
        let mut books = self.books.lock();
        if books.failed {
            return Ok(());
        }
        self.space.look();
        self.space.keep_reserve();
        self.trim(&mut books, now_ms)?;
        self.record_damage(&mut books)?;
        let newest = self.bounds().position();
        // Without a new mark the old one holds: it detects less, and loses nothing.
        if let Err(error) = books.high_water.raise(newest) {
            tracing::warn!(%error, "the high-water mark can't be written");
        }
        Ok(())
    }

    /// Takes down what a read found. It is made durable by the next upkeep.
    pub(super) fn note_damage(&self, gap: Gap) {
        let mut condition = self.condition.write();
        if condition.note(gap) {
            self.is_news.store(true, Ordering::Release);
            let segment = self.segments_from(gap.from).first().map_or(0, Segment::first);
            tracing::error!(from = gap.from, to = gap.to, segment, "damaged events in the log");
        }
    }

    fn record_damage(&self, books: &mut Books) -> Result<(), AppendError> {
        let gone = self.condition.write().forget_below(self.oldest());
        if !self.is_news.swap(false, Ordering::AcqRel) && !gone {
            return Ok(());
        }
        self.meta(books).store(&self.db, &self.meta_rows)?;
        match (self.options.on_damage, self.condition.read().damaged.first()) {
            (OnDamage::Refuse, Some(gap)) => {
                books.failed = true;
                Err(AppendError::Failed(format!("events {} to {} are damaged", gap.from, gap.to)))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn forget_damage(&self) -> Result<(), AppendError> {
        if self.space.look() == Room::None {
            return Err(AppendError::NoSpace);
        }
        let books = self.books.lock();
        let mut condition = self.condition.write();
        condition.damaged.clear();
        (condition.truncated, condition.tables) = (None, false);
        drop(condition);
        self.meta(&books).store(&self.db, &self.meta_rows)?;
        Ok(())
    }

    /// All rows of a table; where some can't be read, those before and behind them, and the condition says so.
    pub(super) fn all_rows(&self, table: Table) -> Result<Vec<Row>, ReadError> {
        let keyspace = self.keyspace(table).ok_or_else(|| ReadError(table.missing()))?;
        let mut rows = Vec::new();
        let Some(error) = gather(keyspace.iter(), &mut rows) else { return Ok(rows) };
        tracing::error!(%error, table = table.name(), "damaged rows in a table: they are left out");
        if self.options.on_damage == OnDamage::Refuse {
            return Err(ReadError(error));
        }
        let mut behind = Vec::new();
        let _ = gather(keyspace.iter().rev(), &mut behind);
        let last = rows.last().map(|(key, _)| key.clone());
        rows.extend(behind.into_iter().rev().filter(|(key, _)| Some(key) > last.as_ref()));
        self.condition.write().tables = true;
        Ok(rows)
    }
}

/// Takes rows until one can't be read; why, then. The engine may panic over bytes that it can't make sense of.
fn gather(iter: impl Iterator<Item = fjall::Guard>, rows: &mut Vec<Row>) -> Option<String> {
    let walk = AssertUnwindSafe(|| {
        for row in iter {
            match row.into_inner() {
                Ok((key, value)) => rows.push((key.to_vec(), value.to_vec())),
                Err(error) => return Some(error.to_string()),
            }
        }
        None
    });
    catch_unwind(walk).unwrap_or_else(|_| Some("the engine can't make sense of it".into()))
}

/// A range of damage, as it is kept, as a gap.
pub(super) fn gap_of((from, to): (Offset, Offset)) -> Gap {
    Gap { from, to, reason: GapReason::Damaged }
}
