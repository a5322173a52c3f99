//! Regular expressions that filters share. Each runs at most once for a field of an event.

use super::key::hash;
use super::table::Table;
use crate::collections::Slab;
use crate::filter::pattern::Pattern;

pub(super) struct Patterns {
    seed: u64,
    patterns: Slab<SharedPattern>,
    by_text: Table,
}

struct SharedPattern {
    pattern: Pattern,
    uses: u32,
    /// The last event that it ran on; a bit for each field of that event that it was tested on, and that it matched.
    stamp: u64,
    tested: u16,
    matched: u16,
}

impl Patterns {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, patterns: Slab::new(), by_text: Table::new() }
    }

    pub(super) const fn len(&self) -> usize {
        self.patterns.len()
    }

    fn find(&self, pattern: &Pattern) -> (u64, Option<(u32, u32)>) {
        let key = hash(pattern.text().as_bytes(), self.seed);
        let same = |number| self.patterns.get(number).is_some_and(|shared| shared.pattern == *pattern);
        (key, self.by_text.get(key).position(same))
    }

    /// The number of a pattern, if it is here.
    pub(super) fn number(&self, pattern: &Pattern) -> Option<u32> {
        self.find(pattern).1.map(|(number, _)| number)
    }

    /// Keeps a pattern, or counts one use more.
    pub(super) fn keep(&mut self, pattern: &Pattern) -> u32 {
        let (key, known) = self.find(pattern);
        if let Some((number, _)) = known {
            if let Some(shared) = self.patterns.get_mut(number) {
                shared.uses += 1;
            }
            return number;
        }
        let number = self.patterns.insert(SharedPattern {
            pattern: pattern.clone(),
            uses: 1,
            stamp: 0,
            tested: 0,
            matched: 0,
        });
        self.by_text.insert(key, number);
        number
    }

    /// One use less.
    pub(super) fn release(&mut self, number: u32) {
        let Some(shared) = self.patterns.get_mut(number) else { return };
        shared.uses -= 1;
        if shared.uses > 0 {
            return;
        }
        let pattern = shared.pattern.clone();
        let (key, known) = self.find(&pattern);
        if let Some((_, place)) = known {
            self.by_text.remove(key, place);
        }
        self.patterns.remove(number);
    }

    /// Whether a pattern is found in the value of a field of the event with this stamp, and what that costs: nothing where
    /// it is known.
    pub(super) fn search(&mut self, number: u32, field: u8, value: &str, stamp: u64) -> (bool, u64) {
        let Some(shared) = self.patterns.get_mut(number) else { return (false, 0) };
        if shared.stamp != stamp {
            (shared.stamp, shared.tested, shared.matched) = (stamp, 0, 0);
        }
        let bit = 1 << (field & 15);
        let mut cost = 0;
        if shared.tested & bit == 0 {
            let found;
            (found, cost) = shared.pattern.search(value);
            shared.tested |= bit;
            shared.matched |= if found { bit } else { 0 };
        }
        (shared.matched & bit != 0, cost)
    }
}
