//! What happens to the log between commits: new segments, retention, marks, and the book of damage.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::meta::{self, Removal};
use super::segment::{Segment, segment_keyspace};
use super::{DiskLog, OnDamage, Upkeep};
use crate::event::Offset;
use crate::log::{AppendError, EventLog as _, Gap, GapReason, ReadError, Row, Table};

impl DiskLog {
    /// Follows a full segment with a new one.
    pub(super) fn roll(&self, upkeep: &mut Upkeep, next: Offset) -> Result<(), AppendError> {
        let full = upkeep.meta.segments.last().is_some_and(|s| s.bytes >= self.options.segment_bytes);
        if !full {
            return Ok(());
        }
        upkeep.meta.start_segment(next);
        meta::store(&self.db, &self.meta_rows, &upkeep.meta)?;
        let keyspace = segment_keyspace(&self.db, next)?;
        let mut segments = self.segments.write();
        if let Some(sealed) = segments.last() {
            // Out of memory and journal: nothing will be added to it.
            sealed.keyspace.rotate_memtable()?;
        }
        segments.push(Segment { first: next, keyspace });
        Ok(())
    }

    /// Drops the oldest segments that are too old or too many. What goes is recorded before it does.
    fn trim(&self, upkeep: &mut Upkeep, now_ms: i64) -> Result<(), AppendError> {
        let max_age = i64::try_from(self.options.max_age.as_millis()).unwrap_or(i64::MAX);
        while let Some(reason) =
            upkeep.meta.oldest_is_over(now_ms.saturating_sub(max_age), self.options.max_bytes)
        {
            let removed = upkeep.meta.segments.remove(0);
            let to = upkeep.meta.segments.first().map_or(removed.first, |next| next.first - 1);
            upkeep.meta.note_removal(Removal { from: removed.first, to, reason: reason.into(), at: now_ms });
            meta::store(&self.db, &self.meta_rows, &upkeep.meta)?;
            let dropped = self.segments.write().remove(0);
            tracing::info!(from = dropped.first, to, reason, "events removed by retention");
            self.db.delete_keyspace(dropped.keyspace)?;
        }
        Ok(())
    }

    pub(super) fn keep_up(&self, now_ms: i64) -> Result<(), AppendError> {
        let mut upkeep = self.upkeep();
        if upkeep.failed {
            return Ok(());
        }
        self.space.look();
        self.space.keep_reserve();
        self.trim(&mut upkeep, now_ms)?;
        self.record_damage(&mut upkeep)?;
        let newest = self.bounds().position();
        // Without a new mark the old one holds: it detects less, and loses nothing.
        if let Err(error) = upkeep.high_water.raise(newest) {
            tracing::warn!(%error, "the high-water mark can't be written");
        }
        Ok(())
    }

    /// Takes down what a read found. It is made durable by the next upkeep.
    pub(super) fn note_damage(&self, gap: Gap) {
        let mut condition = self.condition.write();
        if condition.note(gap) {
            let segment = self.segments_from(gap.from).first().map_or(0, |s| s.first);
            tracing::error!(from = gap.from, to = gap.to, segment, "damaged events in the log");
        }
    }

    fn record_damage(&self, upkeep: &mut Upkeep) -> Result<(), AppendError> {
        let mut condition = self.condition.write();
        condition.forget_below(upkeep.meta.segments.first().map_or(1, |s| s.first));
        let damaged: Vec<_> = condition.damaged.iter().map(|gap| (gap.from, gap.to)).collect();
        drop(condition);
        if damaged == upkeep.meta.damaged {
            return Ok(());
        }
        let first = damaged.first().copied();
        upkeep.meta.damaged = damaged;
        meta::store(&self.db, &self.meta_rows, &upkeep.meta)?;
        match (self.options.on_damage, first) {
            (OnDamage::Refuse, Some((from, to))) => {
                upkeep.failed = true;
                Err(AppendError::Failed(format!("events {from} to {to} are damaged")))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn forget_damage(&self) -> Result<(), AppendError> {
        let mut upkeep = self.upkeep();
        let mut condition = self.condition.write();
        condition.damaged.clear();
        (condition.truncated, condition.tables) = (None, false);
        upkeep.meta.damaged.clear();
        upkeep.meta.truncated = None;
        meta::store(&self.db, &self.meta_rows, &upkeep.meta)?;
        Ok(())
    }

    /// All rows of a table; where some can't be read, those before and behind them, and the condition says so.
    pub(super) fn all_rows(&self, table: Table) -> Result<Vec<Row>, ReadError> {
        let keyspace = self.table_rows(table);
        let mut rows = Vec::new();
        let Some(error) = gather(keyspace.iter(), &mut rows) else { return Ok(rows) };
        tracing::error!(%error, ?table, "damaged rows in a table: they are left out");
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
