//! A subscription that reads the log on its own, until it may join its group.
//!
//! The order that makes the hand-over exact: everything up to `position` has
//! been offered before the engine is asked; the engine lets it join only where
//! its group stands or ahead of that, and the group then leaves out what lies
//! up to `position`. If its subscriber has no room, it waits; the log keeps the rest.

use std::sync::Arc;
use std::time::Duration;

use super::delivery::{Batch, last, weight};
use super::join::Join;
use super::{Bus, Content, Delivery, GapNotice, Offer, Subscription};
use crate::event::Offset;
use crate::limits::seldom;
use crate::log::{Max, Read, Record};
use crate::window::Window;

/// A subscription whose filter seldom matches is sent its position after so many events.
const POSITION_EVERY: Offset = 10_000;
/// After a read that storage could not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// The subscriber is gone, or the subscription was ended.
struct Over;

pub(super) async fn run(bus: Bus, subscription: Arc<Subscription>, position: Offset) {
    let window = Window::new(subscription.spec.window);
    subscription.set_replayed(Some(position));
    let mut replay = Replay { bus, subscription, position, sent: position, window };
    while let Ok(()) = replay.catch_up().await {
        match replay.bus.join(&replay.subscription, replay.position).await {
            Join::Behind(position) => replay.position = position,
            Join::Live | Join::Ended => return replay.subscription.set_replayed(None),
        }
    }
}

struct Replay {
    bus: Bus,
    subscription: Arc<Subscription>,
    /// Everything up to here was offered, or waits in the window.
    position: Offset,
    /// Up to where its subscriber last got a batch or a position.
    sent: Offset,
    window: Window<Arc<Record>>,
}

impl Replay {
    /// Reads until the log ends, and offers all that matches.
    async fn catch_up(&mut self) -> Result<(), Over> {
        loop {
            if self.subscription.ended() {
                return Err(Over);
            }
            match self.page().await? {
                Read::Records(records) if records.is_empty() => return self.flush().await,
                Read::Records(records) => self.take(&records).await?,
                Read::Gap(gap) => {
                    self.flush().await?;
                    let notice = GapNotice::new(gap, self.bus.reader.bounds());
                    self.send(Content::Gap(notice)).await?;
                    if self.subscription.spec.ends_at_gap() {
                        self.subscription.end_at_gap();
                        return Err(Over);
                    }
                    (self.position, self.sent) = (gap.to, gap.to);
                }
            }
        }
    }

    /// The next page. Where storage can't answer, it is asked again: the client was promised every event.
    async fn page(&self) -> Result<Read, Over> {
        loop {
            let turn = self.bus.reads.acquire().await.map_err(|_| Over)?;
            let read = self.bus.reader.read(self.position, Max::PAGE).await;
            drop(turn);
            match read {
                Ok(read) => return Ok(read),
                Err(_) if self.subscription.ended() => return Err(Over),
                Err(error) => {
                    seldom!(error, %error, after = self.position, "a replay can't read the log");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn take(&mut self, records: &[Arc<Record>]) -> Result<(), Over> {
        let now = tokio::time::Instant::now().into_std();
        for record in records {
            if self.subscription.spec.filter.matches(&record.attributes) {
                for batch in self.window.add(Arc::clone(record), weight(record), now) {
                    self.send_batch(batch).await?;
                }
            }
            self.position = record.offset;
        }
        if let Some(batch) = self.window.take_due(now) {
            self.send_batch(batch).await?;
        }
        if self.window.is_empty() && self.position - self.sent >= POSITION_EVERY {
            let position = self.bus.reader.bounds().at(self.position);
            self.send(Content::Position(position)).await?;
            self.sent = self.position;
        }
        self.subscription.set_replayed(Some(self.position));
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Over> {
        match self.window.close() {
            Some(batch) => self.send_batch(batch).await,
            None => Ok(()),
        }
    }

    async fn send_batch(&mut self, batch: Batch) -> Result<(), Over> {
        let batches = vec![batch];
        self.sent = last(&batches);
        self.send(Content::Batches(batches)).await
    }

    async fn send(&self, content: Content) -> Result<(), Over> {
        let delivery = Delivery::new(&self.subscription.spec, content);
        loop {
            match self.subscription.offer_replayed(&delivery) {
                Offer::Taken => return Ok(()),
                Offer::Full => self.subscription.room().await,
                Offer::Gone => return Err(Over),
            }
        }
    }
}
