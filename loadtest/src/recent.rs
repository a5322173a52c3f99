//! Batches seen just now: connections with one filter get the same bytes, which only the first needs to search.
//!
//! A reader that was exactly where the first one was, and gets the same bytes, is exactly where that one got to. So
//! nothing is checked less than by searching each time, and a delivery costs one comparison of memory.

use crate::due::Window;
use crate::message::{Events, Mark};
use crate::verify::Tally;

/// Batches that are kept. Connections are not further apart than this, else they are searched again.
const SLOTS: usize = 1024;
/// Larger ones are not kept.
const LARGEST: usize = 128 << 10;

/// A batch, and what a reader has seen after it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    envelope: Vec<u8>,
    before: Tally,
    /// Everything, this batch included.
    pub after: Tally,
    /// The batch's events that have a mark.
    pub marks: Vec<Mark>,
    /// When the batch was due, where there is a window.
    pub due: Option<u64>,
}

/// The batches, by how many events came before them.
#[derive(Debug)]
pub struct Recent {
    events: Events,
    window: Window,
    slots: Vec<Batch>,
    /// For batches that are not kept.
    spare: Batch,
}

impl Recent {
    /// Nothing seen yet, by readers with this window.
    pub fn new(window: Window) -> Self {
        let slots = vec![Batch::default(); SLOTS];
        Self { events: Events::default(), window, slots, spare: Batch::default() }
    }

    /// This batch, to a reader who had seen that.
    #[inline]
    pub fn see(&mut self, before: Tally, envelope: &[u8]) -> &Batch {
        let index = usize::try_from(before.count).unwrap_or(0) % SLOTS;
        let slot = &self.slots[index];
        if slot.before == before && slot.envelope == envelope {
            return &self.slots[index];
        }
        let slot = if envelope.len() <= LARGEST { &mut self.slots[index] } else { &mut self.spare };
        slot.search(&self.events, self.window, before, envelope);
        slot
    }
}

impl Batch {
    fn search(&mut self, events: &Events, window: Window, before: Tally, envelope: &[u8]) {
        let Self { after, marks, .. } = self;
        (*after, self.before) = (before, before);
        marks.clear();
        events.each(envelope, |id, mark| {
            after.see(id);
            if let Some(mark) = mark {
                after.see_number(mark.number);
                marks.push(mark);
            }
        });
        self.due = window.due(marks.iter().map(|mark| mark.sent));
        self.envelope.clear();
        self.envelope.extend_from_slice(envelope);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event_id::EventId;

    fn envelope(ids: &[u64]) -> Vec<u8> {
        let events: Vec<_> = ids
            .iter()
            .map(|&id| {
                let (name, tag) = (EventId(u128::from(id)), Mark { number: id, sent: id * 10 }.tag());
                format!("{{\"event_id\":\"{name}\",\"tag\":\"{tag}\"}}")
            })
            .collect();
        format!("{{\"messages\":[{}]}}", events.join(",")).into_bytes()
    }

    proptest! {
        /// Whatever came before, and from whom: the outcome is that of a search.
        #[test]
        fn memory_makes_no_difference(
            batches in prop::collection::vec((0usize..3, prop::collection::vec(0u64..6, 1..4)), 1..60),
        ) {
            let window = Window { size: 2, cutoff: 5 };
            let mut recent = Recent::new(window);
            let mut seen = [Tally::default(); 3];
            for (reader, ids) in batches {
                let envelope = envelope(&ids);
                let mut fresh = Recent::new(window);
                let expected = fresh.see(seen[reader], &envelope);
                let got = recent.see(seen[reader], &envelope);
                prop_assert_eq!(got, expected);
                seen[reader] = got.after;
            }
        }
    }

    #[test]
    fn a_large_batch_is_seen_too() {
        let ids: Vec<u64> = (1..3_000).collect();
        let mut recent = Recent::new(Window { size: 5_000, cutoff: 0 });
        let Batch { after, marks, .. } = recent.see(Tally::default(), &envelope(&ids));
        assert_eq!((after.count, after.disordered, marks.len()), (2_999, 0, 2_999));
    }
}
