//! A subscription that reads the log on its own, until it may join its group.
//!
//! The order that makes the hand-over exact: everything up to `position` has
//! been offered before the engine is asked; the engine lets it join only where
//! its group stands or ahead of that, and the group then leaves out what lies
//! up to `position`.
//!
//! It holds as little as it can, since a client may have many and read none of
//! them. It waits for room before it reads, reads about what there is room for,
//! and lets go of what finds none: the log keeps that. Those of one subscriber
//! take turns.

use std::sync::Arc;
use std::time::Duration;

use super::delivery::{Batch, before, last, weight};
use super::join::Join;
use super::search::Matches;
use super::{Bus, Content, Delivery, GapNotice, Offer, Search, Subscription};
use crate::event::Offset;
use crate::limits::seldom;
use crate::log::{Gap, Max, Read, Record};
use crate::window::{Bounds, Window};

/// A subscription whose filter seldom matches is sent its position after so many events.
const POSITION_EVERY: Offset = 10_000;
/// After a read that storage could not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// Bytes of a read: the fewest, at first, and the most. It doubles while there is room for what matches, and halves
/// where there is none.
const READS: [usize; 3] = [4 << 10, 64 << 10, Max::PAGE.bytes];
/// Bytes of a batch, however large a window was asked for: one may wait for each client that does not read.
const BATCH: usize = 256 << 10;
/// Bytes that one reads before another of the same subscriber has its turn.
const TURN: usize = 4 << 20;

/// The subscriber is gone, or the subscription was ended.
struct Over;

/// How far a turn came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reached {
    /// The log's end.
    End,
    /// Somewhere, and others may have waited long enough.
    Turn,
}

/// What became of something that was offered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    Taken,
    /// There was no room for it: it is read again.
    Left,
}

pub(super) async fn run(bus: Bus, subscription: Arc<Subscription>, position: Offset) {
    subscription.begin_replay(position);
    let mut replay = Replay::new(bus, Arc::clone(&subscription), position);
    loop {
        let _turn = subscription.turn().await;
        match replay.catch_up().await {
            Ok(Reached::End) => {}
            Ok(Reached::Turn) => continue,
            Err(Over) => return,
        }
        match replay.bus.join(&subscription, replay.position).await {
            Join::Behind(position) => replay.position = position,
            Join::Live | Join::Ended => return subscription.set_replayed(None),
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
    /// Bytes of the next read.
    read: usize,
    /// Where its filter searches, which costs.
    search: Option<Search>,
}

impl Replay {
    fn new(bus: Bus, subscription: Arc<Subscription>, position: Offset) -> Self {
        let window = window(&subscription);
        let payer = subscription.payer.as_ref();
        let search = payer.map(|payer| Search::of_replay(&subscription.spec.filter, payer));
        Self { bus, subscription, position, sent: position, window, read: READS[1], search }
    }

    /// Reads until the log or its turn ends, and offers all that matches.
    async fn catch_up(&mut self) -> Result<Reached, Over> {
        let mut read = 0;
        loop {
            // Whoever has room and reads from memory would never wait.
            tokio::task::yield_now().await;
            let room = self.subscription.room().await;
            if self.subscription.ended() {
                return Err(Over);
            }
            match self.page().await? {
                Read::Records(records) if records.is_empty() => {
                    if self.flush()? == Sent::Taken {
                        return Ok(Reached::End);
                    }
                }
                Read::Records(records) => {
                    read += records.iter().map(|record| weight(record)).sum::<usize>();
                    self.take(&records, room).await?;
                    if read >= TURN && self.flush()? == Sent::Taken {
                        return Ok(Reached::Turn);
                    }
                }
                Read::Gap(gap) => self.pass(gap)?,
            }
        }
    }

    /// The next page. Where storage can't answer, it is asked again: the client was promised every event.
    async fn page(&self) -> Result<Read, Over> {
        let max = Max { bytes: self.read, ..Max::PAGE };
        loop {
            let turn = self.bus.reads.acquire().await.map_err(|_| Over)?;
            let read = self.bus.reader.read(self.position, max).await;
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

    /// Offers what matches, as far as there is room.
    async fn take(&mut self, records: &[Arc<Record>], room: usize) -> Result<(), Over> {
        let Matches { wanted, is_over } = self.matches(records).await?;
        let now = tokio::time::Instant::now().into_std();
        let mut offered = 0;
        for (record, wanted) in records.iter().zip(wanted) {
            if wanted {
                for batch in self.window.add(Arc::clone(record), weight(record), now) {
                    offered += batch.weight;
                    if self.send_batch(batch)? == Sent::Left {
                        return Ok(());
                    }
                }
            }
            self.position = record.offset;
            if offered >= room {
                self.slow_down();
                break;
            }
        }
        if offered < room {
            self.read = (2 * self.read).min(READS[2]);
            if is_over {
                return self.stop();
            }
        }
        if let Some(batch) = self.window.take_due(now) {
            self.send_batch(batch)?;
        }
        if self.window.is_empty() && self.position - self.sent >= POSITION_EVERY {
            let position = self.bus.reader.bounds().at(self.position);
            if self.send(Content::Position(position), self.position)? == Sent::Taken {
                self.sent = self.position;
            }
        }
        self.subscription.set_replayed(Some(self.position));
        Ok(())
    }

    /// The filter has searched as much as it may.
    fn stop(&mut self) -> Result<(), Over> {
        if self.flush()? == Sent::Left {
            return Ok(());
        }
        self.subscription.stop(self.bus.reader.bounds().at(self.position));
        self.bus.admissions.count_stopped();
        Err(Over)
    }

    async fn matches(&mut self, records: &[Arc<Record>]) -> Result<Matches, Over> {
        if let Some(search) = &mut self.search {
            return search.matches(records).await.map_err(|_| Over);
        }
        let filter = &self.subscription.spec.filter;
        let wanted = records.iter().map(|record| filter.matches(&record.attributes)).collect();
        Ok(Matches { wanted, is_over: false })
    }

    /// Tells of a gap, and goes on behind it.
    fn pass(&mut self, gap: Gap) -> Result<(), Over> {
        let notice = GapNotice::new(gap, self.bus.reader.bounds());
        if self.flush()? == Sent::Left || self.send(Content::Gap(notice), gap.to)? == Sent::Left {
            return Ok(());
        }
        if self.subscription.spec.ends_at_gap() {
            self.subscription.end_at_gap();
            return Err(Over);
        }
        (self.position, self.sent) = (gap.to, gap.to);
        Ok(())
    }

    fn flush(&mut self) -> Result<Sent, Over> {
        match self.window.close() {
            Some(batch) => self.send_batch(batch),
            None => Ok(Sent::Taken),
        }
    }

    /// Offers a batch. One that is left is read again, and all behind it.
    fn send_batch(&mut self, batch: Batch) -> Result<Sent, Over> {
        let batches = vec![batch];
        let (before, last) = (before(&batches), last(&batches));
        let sent = self.send(Content::Batches(batches), last)?;
        match sent {
            Sent::Taken => self.sent = last,
            Sent::Left => {
                self.window = window(&self.subscription);
                self.position = before;
                self.slow_down();
            }
        }
        Ok(sent)
    }

    fn send(&self, content: Content, last: Offset) -> Result<Sent, Over> {
        let delivery = Delivery::new(&self.subscription.spec, content);
        match self.subscription.offer_replayed(&delivery, last) {
            Offer::Taken => Ok(Sent::Taken),
            Offer::Full => Ok(Sent::Left),
            Offer::Gone => Err(Over),
        }
    }

    fn slow_down(&mut self) {
        self.read = (self.read / 2).max(READS[0]);
    }
}

fn window(subscription: &Subscription) -> Window<Arc<Record>> {
    let bounds = subscription.spec.window;
    Window::new(Bounds { weight: bounds.weight.min(BATCH), ..bounds })
}
