use std::any::Any;
use std::sync::{Arc, OnceLock};

use super::Spec;
use crate::event::{Offset, Position};
use crate::log::{Bounds, Gap, GapReason, Record};
use crate::window;

/// The events of a closed window, in the order of the log.
pub(crate) type Batch = window::Batch<Arc<Record>>;

/// What all members of a group get at once.
#[derive(Debug)]
pub struct Delivery {
    /// What they asked for.
    pub spec: Arc<Spec>,
    /// What they get.
    pub content: Content,
    /// What the wire made of it.
    rendering: OnceLock<Box<dyn Any + Send + Sync>>,
}

/// What a subscription brings.
#[derive(Debug)]
pub enum Content {
    /// Batches that closed together, in their order; at least one.
    Batches(Vec<Batch>),
    /// Nothing matched up to here: resume from it.
    Position(Position),
    /// Events are missing.
    Gap(GapNotice),
}

/// Events that a subscription asked for and can't have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GapNotice {
    /// The first one missing; of another epoch, the position that was asked for.
    pub from: Position,
    /// The last one missing; of another epoch, behind what it goes on.
    pub to: Position,
    /// Why.
    pub reason: GapReason,
}

impl GapNotice {
    pub(super) fn new(gap: Gap, bounds: Bounds) -> Self {
        Self { from: bounds.at(gap.from), to: bounds.at(gap.to), reason: gap.reason }
    }
}

impl Delivery {
    pub(super) fn new(spec: &Arc<Spec>, content: Content) -> Self {
        Self { spec: Arc::clone(spec), content, rendering: OnceLock::new() }
    }

    /// How many batches it is; anything else counts as one.
    pub(crate) fn count(&self) -> u64 {
        match &self.content {
            Content::Batches(batches) => batches.len() as u64,
            Content::Position(_) | Content::Gap(_) => 1,
        }
    }

    /// What the wire made of it, which is nothing until the wire first asks. All must ask for the same type.
    pub(crate) fn rendering<T: Default + Send + Sync + 'static>(&self) -> &T {
        let rendering = self.rendering.get_or_init(|| Box::<T>::default());
        rendering.downcast_ref().expect("one wire, one type")
    }

    /// The part for one that has everything up to `start`; `None` if that is all of it.
    pub(super) fn after(&self, start: Offset) -> Option<Self> {
        let Content::Batches(batches) = &self.content else { return None };
        if start <= before(batches) {
            return None;
        }
        let rest = batches.iter().filter_map(|batch| rest(batch, start)).collect();
        Some(Self::new(&self.spec, Content::Batches(rest)))
    }
}

#[cfg(test)]
impl Delivery {
    /// What a group without a name, for all events, would send.
    pub(crate) fn sample(content: Content) -> Self {
        let window = window::Bounds { count: 100, weight: 1 << 20, age: std::time::Duration::ZERO };
        let (filter, on_gap) = (crate::filter::Filter::all(), crate::protocol::OnGap::Notify);
        Self::new(&Arc::new(Spec { filter, window, id: None, on_gap }), content)
    }
}

/// Up to where whoever is to get these has everything.
pub(super) fn before(batches: &[Batch]) -> Offset {
    batches.first().and_then(|batch| batch.items.first()).map_or(0, |first| first.offset - 1)
}

/// Up to where whoever got these has everything.
pub(super) fn last(batches: &[Batch]) -> Offset {
    batches.last().and_then(|batch| batch.items.last()).map_or(0, |last| last.offset)
}

fn rest(batch: &Batch, start: Offset) -> Option<Batch> {
    let from = batch.items.partition_point(|record| record.offset <= start);
    let items = batch.items[from..].to_vec();
    let weight = items.iter().map(|record| weight(record)).sum();
    (!items.is_empty()).then_some(Batch { items, weight, opened: batch.opened })
}

/// What a record adds to an envelope: its message and a comma.
pub(super) fn weight(record: &Record) -> usize {
    record.message.len() + 1
}
