//! A window gathers matching events until a bound closes it into a batch.
//!
//! It is pure: the time is an argument, and a window says when it wants to be asked again. Its bounds are a number of items,
//! a weight (bytes of the encoded envelope), and the time since the first item. A first item always fits, however heavy.

use std::time::{Duration, Instant};

/// Bounds of a window; the first that is reached closes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Items, at least 1.
    pub count: usize,
    /// Sum of the items' weights; a heavier item travels alone.
    pub weight: usize,
    /// Time since the first item.
    pub age: Duration,
}

/// The items of a closed window; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<T> {
    /// The items, in the order in which they came.
    pub items: Vec<T>,
    /// Sum of their weights.
    pub weight: usize,
    /// When the first of them came.
    pub opened: Instant,
}

/// Items that wait for their batch.
#[derive(Debug)]
pub(crate) struct Window<T> {
    bounds: Bounds,
    /// What has come since it last closed.
    open: Option<Batch<T>>,
}

impl<T> Window<T> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, open: None }
    }

    /// Adds an item and yields the batches that this closes: the one before it, if the item would
    /// make that too heavy, and then the one with it, if that is full.
    pub(crate) fn add(
        &mut self,
        item: T,
        weight: usize,
        now: Instant,
    ) -> impl Iterator<Item = Batch<T>> + use<T> {
        let before = self.open.take_if(|open| open.weight + weight > self.bounds.weight);
        let open = self.open.get_or_insert_with(|| Batch { items: Vec::new(), weight: 0, opened: now });
        open.items.push(item);
        open.weight += weight;
        let Bounds { count, weight, .. } = self.bounds;
        let with = self.open.take_if(|open| open.items.len() >= count || open.weight >= weight);
        before.into_iter().chain(with)
    }

    /// When the window closes by age; `None` while it is empty.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| open.opened + self.bounds.age)
    }

    /// The batch, if its time has come.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Batch<T>> {
        if self.deadline()? <= now { self.close() } else { None }
    }

    /// The batch as far as it has come, if there is one.
    pub(crate) fn close(&mut self) -> Option<Batch<T>> {
        self.open.take()
    }

    /// The oldest item.
    pub(crate) fn first(&self) -> Option<&T> {
        self.open.as_ref()?.items.first()
    }

    /// Whether no item waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_none()
    }
}

#[cfg(test)]
mod tests;
