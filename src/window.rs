//! Matching events gathered until a bound closes them into a batch.
//!
//! Pure: the time is an argument, and a window says when it wants to be asked
//! again. Bounds: a number of items, a weight (bytes of the encoded envelope),
//! and the time since the first item. A first item always fits, however heavy.

use std::time::{Duration, Instant};

/// What closes a window, whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bounds {
    /// Items, at least 1.
    pub count: usize,
    /// Sum of the items' weights; a heavier item travels alone.
    pub weight: usize,
    /// Time since the first item.
    pub age: Duration,
}

/// An open window. It closes into a batch, a non-empty `Vec<T>`, and is empty again.
#[derive(Debug)]
pub(crate) struct Window<T> {
    bounds: Bounds,
    items: Vec<T>,
    weight: usize,
    /// When the first item came.
    opened: Option<Instant>,
}

impl<T> Window<T> {
    /// An empty window.
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, items: Vec::new(), weight: 0, opened: None }
    }

    /// Adds an item and yields the batches that this closes: the one before it, if the item would
    /// make that too heavy, and then the one with it, if that is full.
    pub(crate) fn add(
        &mut self,
        item: T,
        weight: usize,
        now: Instant,
    ) -> impl Iterator<Item = Vec<T>> + use<T> {
        let before = if self.weight + weight > self.bounds.weight { self.close() } else { None };
        self.items.push(item);
        self.weight += weight;
        self.opened.get_or_insert(now);
        let full = self.items.len() >= self.bounds.count || self.weight >= self.bounds.weight;
        let with = if full { self.close() } else { None };
        before.into_iter().chain(with)
    }

    /// When the window closes by age; `None` while it is empty.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.opened.map(|opened| opened + self.bounds.age)
    }

    /// When its first item came; `None` while it is empty.
    pub(crate) fn opened(&self) -> Option<Instant> {
        self.opened
    }

    /// The batch, if its time has come.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Vec<T>> {
        if self.deadline()? <= now { self.close() } else { None }
    }

    /// The batch as far as it has come, if there is one.
    pub(crate) fn close(&mut self) -> Option<Vec<T>> {
        self.opened = None;
        self.weight = 0;
        let items = std::mem::take(&mut self.items);
        (!items.is_empty()).then_some(items)
    }

    /// The oldest item.
    pub(crate) fn first(&self) -> Option<&T> {
        self.items.first()
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests;
