use std::sync::Arc;
use std::time::Duration;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::delivery::Batch;
use super::{Subscription, Wire};
use crate::event::Offset;
use crate::metrics::Tally;

/// One round of the engine over groups: its time, and what came of it.
pub(super) struct Round {
    pub(super) now: Instant,
    pub(super) wire: Arc<dyn Wire>,
    /// Deliveries that were taken, each batch of each member.
    pub(super) count: u64,
    /// Members that had no room, and up to where they have everything.
    pub(super) behind: Vec<(Arc<Subscription>, Offset)>,
    /// Serials of members that are no more.
    pub(super) gone: Vec<u64>,
    /// Subscriptions that were ended because of what their filters search.
    pub(super) stopped: u64,
    /// How long each batch took from its first event's acceptance to here, its wait in the window left out.
    pub(super) lags: Tally,
    /// How long the first event of each batch waited in the window.
    pub(super) waits: Tally,
}

impl Round {
    pub(super) fn new(now: Instant, wire: Arc<dyn Wire>) -> Self {
        let (behind, gone) = (Vec::new(), Vec::new());
        Self {
            now,
            wire,
            count: 0,
            behind,
            gone,
            stopped: 0,
            lags: Tally::default(),
            waits: Tally::default(),
        }
    }

    /// Counts the times of a batch that was handed out.
    pub(super) fn time(&mut self, batch: &Batch) {
        let Some(first) = batch.items.first() else { return };
        let waited = self.now.saturating_duration_since(batch.opened);
        let accepted = UNIX_EPOCH + Duration::from_millis(u64::try_from(first.accepted_at).unwrap_or(0));
        // The wall clock may have been set back.
        let age = SystemTime::now().duration_since(accepted).unwrap_or_default();
        self.waits.add(waited);
        self.lags.add(age.saturating_sub(waited));
    }
}
