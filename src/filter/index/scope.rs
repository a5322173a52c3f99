//! The filters of one cloud, or of no cloud: the filters of one cloud cost the events of others nothing.

use super::key::Kind;

/// Filters that only events of one cloud can pass, or those that events of any cloud can.
pub(super) struct Scope {
    /// A part of every key.
    pub(super) seed: u64,
    /// The kinds of key in use: an event gets keys of these kinds alone.
    pub(super) kinds: Vec<KindUse>,
    /// Filters that run for every event.
    pub(super) always: Vec<u32>,
    /// How many of them no index can serve, whether they have their types as keys or always run.
    pub(super) broad: usize,
    /// How many filters it has.
    pub(super) filters: usize,
}

/// A kind of key, and how many keys of it there are.
pub(super) struct KindUse {
    pub(super) kind: Kind,
    pub(super) salt: u64,
    count: usize,
}

impl Scope {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, kinds: Vec::new(), always: Vec::new(), broad: 0, filters: 0 }
    }

    /// One more key of this kind.
    pub(super) fn add_key(&mut self, kind: Kind) {
        match self.kinds.iter_mut().find(|known| known.kind == kind) {
            Some(known) => known.count += 1,
            None => self.kinds.push(KindUse { kind, salt: kind.salt(self.seed), count: 1 }),
        }
    }

    /// One key of this kind less.
    pub(super) fn remove_key(&mut self, kind: Kind) {
        let Some(place) = self.kinds.iter().position(|known| known.kind == kind) else { return };
        self.kinds[place].count -= 1;
        if self.kinds[place].count == 0 {
            self.kinds.swap_remove(place);
        }
        if self.kinds.is_empty() {
            self.kinds = Vec::new();
        }
    }

    /// Lets a filter run for every event; its index in the list.
    pub(super) fn add_always(&mut self, filter: u32) -> u32 {
        self.always.push(filter);
        u32::try_from(self.always.len() - 1).unwrap_or(u32::MAX)
    }

    /// Removes it from that list; the filter that has its index now.
    pub(super) fn remove_always(&mut self, index: u32) -> Option<u32> {
        let index = index as usize;
        self.always.swap_remove(index);
        if self.always.is_empty() {
            self.always = Vec::new();
        }
        self.always.get(index).copied()
    }
}
