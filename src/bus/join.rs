use std::sync::Arc;

use super::delivery::{Batch, weight};
use super::engine::{Engine, now};
use super::{Content, Delivery, Offer, Spec, Subscription};
use crate::event::Offset;
use crate::log::{Max, Record};
use crate::window::Window;

/// A subscription this close to its group is brought there by the engine itself, so that it arrives
/// however fast the group moves.
const LAST_STEP: usize = 256;

/// What the engine says to a subscription that wants to go live.
pub(super) enum Join {
    /// It gets what its group gets from now on.
    Live,
    /// It has everything up to here, which is not far enough: read on.
    Behind(Offset),
    /// It was ended.
    Ended,
}

/// How the last step to a group went.
enum Step {
    /// Everything up to here was sent.
    Reached(Offset),
    /// It is too far for the engine.
    Far,
    /// The filter searches more than may be; nothing behind this was sent.
    Stopped(Offset),
}

impl Engine {
    /// Makes a subscription live, if it stands where its group stands or close behind.
    pub(super) fn join(&mut self, subscription: Arc<Subscription>, mut position: Offset) -> Join {
        if subscription.ended() {
            return Join::Ended;
        }
        let group = self.groups.by_spec(&subscription.spec);
        let flushed = group.map_or(self.cursor, |group| group.flushed(self.cursor));
        if position < flushed {
            match self.last_step(&subscription, position, flushed) {
                Step::Reached(reached) => position = reached,
                Step::Far => return Join::Behind(position),
                Step::Stopped(reached) => {
                    self.stop_subscription(&subscription, reached);
                    return Join::Ended;
                }
            }
            if position < flushed {
                return Join::Behind(position);
            }
        }
        match self.groups.add(subscription, position, self.cursor, now()) {
            Ok(()) => Join::Live,
            Err(error) => {
                // Broad filters are counted before they come here, so there is room for this one.
                tracing::error!(%error, "a filter that was let in is refused");
                Join::Ended
            }
        }
    }

    /// Sends what lies between `position` and `flushed`, if that is little and in memory.
    fn last_step(&self, subscription: &Subscription, position: Offset, flushed: Offset) -> Step {
        let max = Max { records: LAST_STEP, bytes: usize::MAX };
        let Some(mut records) = self.bus.reader.recent(position, max) else { return Step::Far };
        records.truncate(records.partition_point(|r| r.offset <= flushed));
        if records.last().is_none_or(|last| last.offset < flushed) {
            return Step::Far;
        }
        let Some(batches) = batches(subscription, &records, self.groups.events()) else {
            return Step::Stopped(position);
        };
        let mut reached = position;
        for batch in batches {
            let last = batch.items.last().map_or(reached, |record| record.offset);
            match subscription.offer(&Delivery::new(&subscription.spec, Content::Batches(vec![batch]))) {
                Offer::Taken => reached = last,
                Offer::Full | Offer::Gone => return Step::Reached(reached),
            }
        }
        Step::Reached(flushed)
    }

    fn stop_subscription(&self, subscription: &Subscription, reached: Offset) {
        subscription.stop(self.bus.reader.bounds().at(reached));
        self.metrics.filters_stopped.inc();
    }
}

/// What matches of `records`, in batches as a window of the subscription would have closed; `None` if its filter searches
/// more in them than may be. `event`: the number of the newest one.
fn batches(subscription: &Subscription, records: &[Arc<Record>], event: u64) -> Option<Vec<Batch>> {
    let Spec { filter, window, .. } = &*subscription.spec;
    let mut window = Window::new(*window);
    let mut batches = Vec::new();
    for record in records {
        let passes = match &subscription.payer {
            Some(payer) => filter.matches_on(&record.attributes, payer.account(), event)?,
            None => filter.matches(&record.attributes),
        };
        if passes {
            batches.extend(window.add(Arc::clone(record), weight(record), now()));
        }
    }
    batches.extend(window.close());
    Some(batches)
}
