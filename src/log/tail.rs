use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::watch;

use super::{Max, Record};
use crate::event::Offset;

/// The newest events, in memory, bounded in bytes; and the signal that there are more.
#[derive(Debug)]
pub(super) struct Tail {
    max_bytes: usize,
    kept: RwLock<Records>,
    newest: watch::Sender<Offset>,
}

#[derive(Debug, Default)]
struct Records {
    /// Consecutive.
    records: VecDeque<Arc<Record>>,
    bytes: usize,
}

impl Tail {
    /// An empty tail of a log whose newest event is `newest`.
    pub(super) fn new(max_bytes: usize, newest: Offset) -> Self {
        Self { max_bytes, kept: RwLock::default(), newest: watch::Sender::new(newest) }
    }

    /// Shows durable records to readers, and lets go of the oldest over the bound.
    pub(super) fn extend(&self, records: Vec<Arc<Record>>) {
        let Some(newest) = records.last().map(|r| r.offset) else { return };
        let mut kept = self.kept.write();
        kept.bytes += records.iter().map(|r| r.weight()).sum::<usize>();
        kept.records.extend(records);
        while kept.bytes > self.max_bytes && kept.records.len() > 1 {
            let oldest = kept.records.pop_front();
            kept.bytes -= oldest.map_or(0, |r| r.weight());
        }
        drop(kept);
        self.newest.send_replace(newest);
    }

    /// The records behind `after`; `None` if the first of them is no longer here.
    pub(super) fn read(&self, after: Offset, max: Max) -> Option<Vec<Arc<Record>>> {
        if after >= self.newest() {
            return Some(Vec::new());
        }
        let kept = self.kept.read();
        let first = kept.records.front()?.offset;
        let skip = usize::try_from((after + 1).checked_sub(first)?).ok()?;
        let mut bytes = 0;
        let within = |record: &&Arc<Record>| {
            let fits = bytes == 0 || bytes + record.message.len() <= max.bytes;
            bytes += record.message.len();
            fits
        };
        Some(kept.records.iter().skip(skip).take(max.records).take_while(within).cloned().collect())
    }

    /// The oldest event here; `None` if it holds none.
    pub(super) fn oldest(&self) -> Option<Offset> {
        let kept = self.kept.read();
        kept.records.front().map(|r| r.offset)
    }

    pub(super) fn newest(&self) -> Offset {
        *self.newest.borrow()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Offset> {
        self.newest.subscribe()
    }
}
