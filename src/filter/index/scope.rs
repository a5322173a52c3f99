//! The filters of one cloud, and those of none: nothing that one cloud asks for costs another.

use super::key::Kind;

/// Filters that only events of one cloud can pass; or those that may pass events of any.
pub(super) struct Scope {
    /// Mixed into every key.
    pub(super) seed: u64,
    /// The kinds of key in use: an event is looked up by these alone.
    pub(super) kinds: Vec<InUse>,
    /// Filters that run for every event.
    pub(super) always: Vec<u32>,
    /// Those that no index can serve, whether they wait under their types or run always.
    pub(super) broad: usize,
    /// All filters.
    pub(super) filters: usize,
}

/// A kind of key, and how many keys of it there are.
pub(super) struct InUse {
    pub(super) kind: Kind,
    pub(super) salt: u64,
    count: usize,
}

impl Scope {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, kinds: Vec::new(), always: Vec::new(), broad: 0, filters: 0 }
    }

    /// One more key of this kind.
    pub(super) fn using(&mut self, kind: Kind) {
        match self.kinds.iter_mut().find(|known| known.kind == kind) {
            Some(known) => known.count += 1,
            None => self.kinds.push(InUse { kind, salt: kind.salt(self.seed), count: 1 }),
        }
    }

    /// One key of this kind less.
    pub(super) fn used(&mut self, kind: Kind) {
        let Some(place) = self.kinds.iter().position(|known| known.kind == kind) else { return };
        self.kinds[place].count -= 1;
        if self.kinds[place].count == 0 {
            self.kinds.swap_remove(place);
        }
        if self.kinds.is_empty() {
            self.kinds = Vec::new();
        }
    }

    /// Lets a filter run for every event, and tells its place among those.
    pub(super) fn always(&mut self, filter: u32) -> u32 {
        self.always.push(filter);
        u32::try_from(self.always.len() - 1).unwrap_or(u32::MAX)
    }

    /// Takes a filter away from there, and tells which one stands in its place now.
    pub(super) fn not_always(&mut self, place: u32) -> Option<u32> {
        let place = place as usize;
        self.always.swap_remove(place);
        if self.always.is_empty() {
            self.always = Vec::new();
        }
        self.always.get(place).copied()
    }
}
