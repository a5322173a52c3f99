//! A hash table from a 64-bit key to the numbers under it.
//!
//! Keys are hashes under a secret seed, so their bits are as good as random. The high bits choose a part of the table, the
//! low ones the first slot to look at. Each part grows by itself, so an insert moves at most one part.

use crate::collections::Slab;

/// Parts. At a million keys the longest insert moves a few thousand.
const PARTS: usize = 1 << PART_BITS;
const PART_BITS: u32 = 8;
const SMALLEST_PART: usize = 4;

/// A key and its numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    key: u64,
    /// How many numbers it has; 0 if the slot is empty.
    count: u32,
    /// The only number, or the number of their list.
    value: u32,
}

impl Slot {
    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// The numbers under one key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Numbers<'t> {
    One(u32),
    Many(&'t [u32]),
}

pub(super) struct Table {
    parts: Vec<Part>,
    /// How many keys there are.
    used: usize,
    lists: Slab<Vec<u32>>,
}

#[derive(Default)]
struct Part {
    /// A power of two of them, or none.
    slots: Vec<Slot>,
    used: usize,
}

impl Table {
    pub(super) const fn new() -> Self {
        Self { parts: Vec::new(), used: 0, lists: Slab::new() }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// How many numbers stand under `key`.
    pub(super) fn count(&self, key: u64) -> u32 {
        self.find(key, self.first(key)).map_or(0, |slot| slot.count)
    }

    /// The slot where `key` is looked for first. Reading it brings it near, for [`Table::find`].
    pub(super) fn first(&self, key: u64) -> Slot {
        let Some(part) = self.parts.get(part_of(key)) else { return Slot::default() };
        part.slots.get(part.home(key)).copied().unwrap_or_default()
    }

    /// The slot of `key`; `first` is what [`Table::first`] said.
    pub(super) fn find(&self, key: u64, first: Slot) -> Option<Slot> {
        if first.count == 0 || first.key == key {
            return (first.count != 0).then_some(first);
        }
        let part = &self.parts[part_of(key)];
        part.place(key).ok().map(|place| part.slots[place])
    }

    /// What a slot leads to.
    pub(super) fn resolve(&self, slot: Slot) -> Numbers<'_> {
        match slot.count {
            1 => Numbers::One(slot.value),
            _ => Numbers::Many(self.lists.get(slot.value).map_or(&[], Vec::as_slice)),
        }
    }

    /// What stands under `key`.
    pub(super) fn get(&self, key: u64) -> Numbers<'_> {
        match self.find(key, self.first(key)) {
            Some(slot) => self.resolve(slot),
            None => Numbers::Many(&[]),
        }
    }

    /// Puts a number under a key, and tells its place in the key's list.
    pub(super) fn insert(&mut self, key: u64, number: u32) -> u32 {
        if self.parts.is_empty() {
            self.parts.resize_with(PARTS, Part::default);
        }
        let part = &mut self.parts[part_of(key)];
        part.make_room();
        match part.place(key) {
            Err(empty) => {
                part.slots[empty] = Slot { key, count: 1, value: number };
                part.used += 1;
                self.used += 1;
                0
            }
            Ok(place) => {
                let slot = &mut part.slots[place];
                if slot.count == 1 {
                    slot.value = self.lists.insert(vec![slot.value, number]);
                } else if let Some(list) = self.lists.get_mut(slot.value) {
                    list.push(number);
                }
                slot.count += 1;
                slot.count - 1
            }
        }
    }

    /// Takes away what stands at `place` under `key`, and tells what stands there now instead.
    pub(super) fn remove(&mut self, key: u64, place: u32) -> Option<u32> {
        let part = self.parts.get_mut(part_of(key))?;
        let at = part.place(key).ok()?;
        let slot = &mut part.slots[at];
        if slot.count == 1 {
            part.take_out(at);
            self.used -= 1;
            if self.used == 0 {
                *self = Self::new();
            }
            return None;
        }
        let list = self.lists.get_mut(slot.value)?;
        let place = place as usize;
        list.swap_remove(place);
        let moved = list.get(place).copied();
        slot.count -= 1;
        if let [last] = list[..] {
            self.lists.remove(slot.value);
            slot.value = last;
        } else if list.len() * 4 < list.capacity() {
            list.shrink_to(list.len() * 2);
        }
        moved
    }
}

impl Numbers<'_> {
    /// The number that is the right one, and its place.
    pub(super) fn position(self, mut right: impl FnMut(u32) -> bool) -> Option<(u32, u32)> {
        match self {
            Self::One(number) => right(number).then_some((number, 0)),
            Self::Many(numbers) => (0..).zip(numbers).map(|(place, n)| (*n, place)).find(|(n, _)| right(*n)),
        }
    }
}

const fn part_of(key: u64) -> usize {
    (key >> (64 - PART_BITS)) as usize
}

impl Part {
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are wanted")]
    fn home(&self, key: u64) -> usize {
        key as usize & self.slots.len().wrapping_sub(1)
    }

    /// Where the key is, or where it could stand. There is room.
    fn place(&self, key: u64) -> Result<usize, usize> {
        let mut at = self.home(key);
        loop {
            match self.slots.get(at) {
                Some(slot) if slot.count == 0 => return Err(at),
                Some(slot) if slot.key == key => return Ok(at),
                Some(_) => at = (at + 1) & (self.slots.len() - 1),
                None => return Err(0),
            }
        }
    }

    fn make_room(&mut self) {
        // At most half full: most lookups find nothing, and nothing is found soonest where there is room.
        if (self.used + 1) * 2 > self.slots.len() {
            self.resize((self.slots.len() * 2).max(SMALLEST_PART));
        }
    }

    fn resize(&mut self, len: usize) {
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); len]);
        for slot in old.into_iter().filter(|slot| slot.count != 0) {
            if let Err(empty) = self.place(slot.key) {
                self.slots[empty] = slot;
            }
        }
    }

    /// Empties a slot and moves those behind it up, so that every key is found without gaps.
    fn take_out(&mut self, mut hole: usize) {
        let mask = self.slots.len() - 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let slot = self.slots[at];
            if slot.count == 0 {
                break;
            }
            // It may move if its home does not lie between the hole and where it stands.
            if at.wrapping_sub(self.home(slot.key)) & mask >= at.wrapping_sub(hole) & mask {
                self.slots[hole] = slot;
                hole = at;
            }
        }
        self.slots[hole] = Slot::default();
        self.used -= 1;
        if self.used == 0 {
            self.slots = Vec::new();
        } else if self.used * 8 < self.slots.len() && self.slots.len() > SMALLEST_PART {
            self.resize(self.slots.len() / 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few parts and few low bits, so that keys crowd.
        #[test]
        fn says_what_a_map_of_lists_says(steps in prop::collection::vec((0_u64..40, 0_u64..2, any::<bool>()), 0..400)) {
            let mut table = Table::new();
            let mut map: HashMap<u64, Vec<u32>> = HashMap::new();
            for (number, (low, high, add)) in (0..).zip(steps) {
                let key = (high << 63) | (low % 7) | ((low / 7) << 20);
                let list = map.entry(key).or_default();
                if add {
                    prop_assert_eq!(table.insert(key, number) as usize, list.len());
                    list.push(number);
                } else if !list.is_empty() {
                    let place = number as usize % list.len();
                    list.swap_remove(place);
                    prop_assert_eq!(table.remove(key, small(place)), list.get(place).copied());
                }
                for (key, list) in &map {
                    prop_assert_eq!(table.count(*key) as usize, list.len());
                    let found = match table.get(*key) {
                        Numbers::One(number) => vec![number],
                        Numbers::Many(numbers) => numbers.to_vec(),
                    };
                    prop_assert_eq!(&found, list);
                }
            }
            prop_assert_eq!(table.is_empty(), map.values().all(Vec::is_empty));
        }
    }

    fn small(place: usize) -> u32 {
        u32::try_from(place).unwrap()
    }
}
