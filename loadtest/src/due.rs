//! When a batch was due: what of an event's time is the window that its reader asked for, and what is the rest.
//!
//! From outside it is known when each event was to be sent, how many came together, and what the reader asked for. A
//! batch of `size` events was full with its last one; any other waited for the cutoff, counted from its first one. So
//! the window closed at that event's intended time, or the cutoff after it; a batch is late by what is beyond. On the
//! way in nothing is told apart: the time from intended send to the log counts as the rest. A batch that the bound in
//! bytes closed is taken for one that waited, and so looks earlier than it was: ask for few events, or small ones.

use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::clock::nanos;
use crate::handshake::Batches;

/// What the protocol gives to a reader that asks for nothing.
const SIZE: u32 = 100;
const CUTOFF: &str = "100ms";

/// The window that a reader asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Events in a batch at most.
    pub size: usize,
    /// Nanoseconds since a batch's first event; 0: no event waits.
    pub cutoff: u64,
}

impl Window {
    /// What is asked for, as numbers.
    ///
    /// # Errors
    ///
    /// If its cutoff is no time.
    pub fn of(batches: &Batches) -> anyhow::Result<Self> {
        let size = usize::try_from(batches.batch_size.unwrap_or(SIZE))?;
        Ok(Self { size, cutoff: time(batches.cutoff.as_deref().unwrap_or(CUTOFF))? })
    }

    /// When a batch of events that were to be sent at these times was due; `None`: each at its own time.
    pub fn due(self, sent: impl Iterator<Item = u64> + Clone) -> Option<u64> {
        if self.cutoff == 0 {
            return None;
        }
        let (first, last) = (sent.clone().min()?, sent.clone().max()?);
        // What is due at the cutoff is due no later, also when it was full at the same time.
        let cutoff = first.saturating_add(self.cutoff);
        Some(if sent.count() >= self.size { last.min(cutoff) } else { cutoff })
    }
}

/// Reads a time as the protocol writes it: a number of seconds, or one with `ms`, `s` or `m`.
fn time(text: &str) -> anyhow::Result<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        _ => anyhow::bail!("'{text}' is no time: 250ms, 1s"),
    };
    let seconds = digits.parse::<f64>().ok().map(|number| number * unit);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Ok(nanos(duration.with_context(|| format!("'{text}' is no time: 250ms, 1s"))?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn full_batches_are_due_with_their_last_event_and_others_at_the_cutoff() {
        let window = Window { size: 3, cutoff: 100 };
        let due = |sent: &[u64]| window.due(sent.iter().copied());
        assert_eq!(due(&[10, 30, 20]), Some(30));
        assert_eq!(due(&[10, 30]), Some(110));
        assert_eq!(due(&[10]), Some(110));
        assert_eq!(due(&[]), None);
        assert_eq!(Window { size: 3, cutoff: 0 }.due([1, 2].into_iter()), None);
    }

    #[test]
    fn reads_times_of_the_protocol() {
        for (text, expected) in
            [("0", 0), ("250ms", 250_000_000), ("1.5", 1_500_000_000), ("2m", 120_000_000_000)]
        {
            assert_eq!(time(text).unwrap(), expected, "{text}");
        }
        for wrong in ["", "ms", "-1s", "1h", "x"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        /// No event waits longer than the cutoff, and no batch is due before its first event.
        #[test]
        fn the_wait_has_its_bounds(
            sent in prop::collection::vec(0u64..1_000, 1..10), size in 1usize..10, cutoff in 1u64..500,
        ) {
            let first = *sent.iter().min().unwrap();
            let due = Window { size, cutoff }.due(sent.iter().copied()).unwrap();
            prop_assert!(first <= due && due <= first + cutoff);
        }
    }
}
