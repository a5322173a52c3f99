use bytes::Bytes;

use super::Parcel;
use crate::bus::{self, GapNotice, Search};
use crate::delivery::trigger::Context;
use crate::delivery::trigger::keys::{self, RowKey};
use crate::delivery::trigger::progress::{BatchId, PendingBatch};
use crate::log::{Max, Read};
use crate::protocol::event_id;
use crate::trigger::{Definition, TargetFormat};

/// A batch with its events.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) pending: PendingBatch,
    pub(super) events: Vec<Bytes>,
    /// Its row in the access log, once it was tried.
    pub(super) row: Option<u64>,
}

impl Batch {
    /// Forms a batch of what the bus brought: this is the moment in which it gets its id.
    pub(super) fn new(batch: &bus::Batch, revision: u64, now: i64) -> Option<Self> {
        Self::of_events(batch.items.iter().map(|record| record.message.clone()).collect(), revision, now)
    }

    fn of_events(events: Vec<Bytes>, revision: u64, now: i64) -> Option<Self> {
        let position = |event: &Bytes| event_id(event)?.parse().ok();
        let pending = PendingBatch {
            id: BatchId::new(now),
            first: position(events.first()?)?,
            last: position(events.last()?)?,
            count: events.len(),
            revision,
            attempts: 0,
            oldest: 0,
            split: false,
            gap: None,
        };
        Some(Self { pending, events, row: None })
    }

    /// One that says which events are missing.
    pub(super) fn of_gap(gap: &GapNotice, revision: u64, now: i64) -> Self {
        let pending = PendingBatch {
            id: BatchId::new(now),
            first: gap.from,
            last: gap.to,
            count: 0,
            revision,
            attempts: 0,
            oldest: now,
            split: false,
            gap: Some(gap.reason),
        };
        Self { pending, events: Vec::new(), row: None }
    }

    /// As it is sent; `None` where the form has no place for it.
    pub(super) fn parcel(&self, format: TargetFormat) -> Option<Parcel> {
        let PendingBatch { id, first, last, gap, .. } = &self.pending;
        let gap = gap.map(|reason| format!("{first}-{last} {reason}"));
        Some(Parcel { id: id.clone(), last: *last, gap, payload: format.encode(&self.events)? })
    }

    /// Two halves, each with an id of its own that follows from the whole's. Once: a half is not split again.
    pub(super) fn split(&self) -> Option<[Self; 2]> {
        if self.events.len() < 2 || self.pending.split {
            return None;
        }
        let (left, right) = self.events.split_at(self.events.len() / 2);
        let half = |events: &[Bytes], suffix: &str| {
            let mut half = Self::of_events(events.to_vec(), self.pending.revision, 0)?;
            half.pending.id = self.pending.id.half(suffix);
            half.pending.split = true;
            Some(half)
        };
        Some([half(left, "a")?, half(right, "b")?])
    }

    /// The events as they are stored while the target fails.
    pub(super) fn frame(&self) -> Vec<u8> {
        self.events.join(b"\n".as_slice())
    }
}

/// The batch that was formed before a crash or a pause, as it was: from what was stored of it, or else from the log.
pub(super) async fn recover(
    shared: &Context,
    definition: &Definition,
    pending: PendingBatch,
) -> Option<Batch> {
    if pending.gap.is_some() {
        return Some(Batch { pending, events: Vec::new(), row: None });
    }
    let reader = shared.bus.reader();
    let RowKey { table, key } = keys::events(&definition.id(), pending.id.as_str());
    let events = if let Ok(Some(frame)) = reader.row(table, key).await {
        lines(&Bytes::from(frame))
    } else {
        let search = Search::of_replay(&definition.filter, &shared.allowance(&definition.cloud));
        from_log(shared, search, &pending).await?
    };
    (events.len() == pending.count).then_some(Batch { pending, events, row: None })
}

async fn from_log(shared: &Context, mut search: Search, pending: &PendingBatch) -> Option<Vec<Bytes>> {
    let reader = shared.bus.reader();
    let PendingBatch { first, last, .. } = *pending;
    if first.epoch != reader.bounds().epoch
        && reader.former(first.epoch).is_none_or(|until| last.offset > until)
    {
        return None;
    }
    let (mut after, mut events) = (first.offset - 1, Vec::new());
    while after < last.offset {
        let Ok(Read::Records(records)) = reader.read(after, Max::PAGE).await else { return None };
        after = records.last()?.offset;
        let asked = &records[..records.partition_point(|record| record.offset <= last.offset)];
        let found = search.matches(asked).await.ok().filter(|found| !found.is_over)?;
        let wanted = asked.iter().zip(found.wanted).filter(|(_, wanted)| *wanted);
        events.extend(wanted.map(|(record, _)| record.message.clone()));
    }
    Some(events)
}

/// The events of a stored frame, which share its bytes.
fn lines(frame: &Bytes) -> Vec<Bytes> {
    let lines = frame.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| frame.slice_ref(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Position;

    fn event(n: u64) -> Bytes {
        let id = Position { epoch: 1, offset: n };
        format!("{{\"event_metadata\":{{\"event_id\":\"{id}\"}}}}").into()
    }

    #[test]
    fn a_batch_is_split_once_and_in_order() {
        let batch = Batch::of_events((1..=5).map(event).collect(), 7, 1_000).unwrap();
        let [left, right] = batch.split().unwrap();
        assert_eq!((left.events.len(), right.events.len()), (2, 3));
        assert_eq!((&left.pending.first, &right.pending.last), (&batch.pending.first, &batch.pending.last));
        assert_eq!(left.pending.id, batch.pending.id.half("a"));
        assert!(left.split().is_none() && right.split().is_none());
        assert!(Batch::of_events(vec![event(1)], 7, 1_000).unwrap().split().is_none());
        assert_eq!(lines(&Bytes::from(batch.frame())), batch.events);
    }

    #[test]
    fn ids_sort_by_time() {
        let (early, late) = (BatchId::new(1_000), BatchId::new(2_000));
        assert!(early.as_str() < late.as_str() && early.as_str().len() == 36, "{early}");
    }
}
