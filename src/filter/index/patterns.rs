//! Regular expressions that filters share: each is kept once, and runs at most once per event and field.

use super::key::hash;
use super::slab::Slab;
use super::table::Table;
use crate::filter::pattern::Pattern;

pub(super) struct Patterns {
    seed: u64,
    kept: Slab<Kept>,
    by_text: Table,
}

struct Kept {
    pattern: Pattern,
    uses: u32,
    /// The event that it last ran on; of that, which fields it was asked about and what it said.
    stamp: u64,
    asked: u16,
    said: u16,
}

impl Patterns {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, kept: Slab::new(), by_text: Table::new() }
    }

    pub(super) const fn len(&self) -> usize {
        self.kept.len()
    }

    fn find(&self, pattern: &Pattern) -> (u64, Option<(u32, u32)>) {
        let key = hash(pattern.text().as_bytes(), self.seed);
        let same = |number| self.kept.get(number).is_some_and(|kept| kept.pattern == *pattern);
        (key, self.by_text.get(key).position(same))
    }

    /// The number of a pattern that is kept.
    pub(super) fn number(&self, pattern: &Pattern) -> Option<u32> {
        self.find(pattern).1.map(|(number, _)| number)
    }

    /// Keeps a pattern, or counts one use more.
    pub(super) fn keep(&mut self, pattern: &Pattern) -> u32 {
        let (key, known) = self.find(pattern);
        if let Some((number, _)) = known {
            if let Some(kept) = self.kept.get_mut(number) {
                kept.uses += 1;
            }
            return number;
        }
        let number =
            self.kept.insert(Kept { pattern: pattern.clone(), uses: 1, stamp: 0, asked: 0, said: 0 });
        self.by_text.insert(key, number);
        number
    }

    /// One use less.
    pub(super) fn release(&mut self, number: u32) {
        let Some(kept) = self.kept.get_mut(number) else { return };
        kept.uses -= 1;
        if kept.uses > 0 {
            return;
        }
        let pattern = kept.pattern.clone();
        let (key, known) = self.find(&pattern);
        if let Some((_, place)) = known {
            self.by_text.remove(key, place);
        }
        self.kept.remove(number);
    }

    /// Whether a pattern is found in the value of a field of the event with this stamp.
    pub(super) fn is_match(&mut self, number: u32, field: u8, value: &str, stamp: u64) -> bool {
        let Some(kept) = self.kept.get_mut(number) else { return false };
        if kept.stamp != stamp {
            (kept.stamp, kept.asked, kept.said) = (stamp, 0, 0);
        }
        let bit = 1 << (field & 15);
        if kept.asked & bit == 0 {
            kept.asked |= bit;
            kept.said |= if kept.pattern.is_match(value) { bit } else { 0 };
        }
        kept.said & bit != 0
    }
}
