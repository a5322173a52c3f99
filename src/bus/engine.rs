//! The loop from the log to the groups. It alone touches them, so "between two events" is exact.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use super::group::Delivered;
use super::groups::Groups;
use super::subscription::{Offer, Subscription, weight};
use super::{Bus, Command, Join};
use crate::event::{Attributes, Offset};
use crate::log::{Gap, Max, Read, Record};
use crate::metrics::Metrics;
use crate::window::Window;

/// A position is told after so many events without a match, or after so long.
const POSITION_EVERY: (Offset, Duration) = (10_000, Duration::from_secs(30));
/// A subscription this close to its group is brought there by the engine itself, so that it arrives
/// however fast the group moves.
const LAST_STEP: usize = 256;

pub(super) async fn run(bus: Bus, mut inbox: mpsc::Receiver<Command>, metrics: Arc<Metrics>) {
    let mut tail = bus.reader.log().tail();
    let cursor = *tail.borrow_and_update();
    let mut engine = Engine {
        bus,
        metrics,
        cursor,
        told: cursor,
        groups: Groups::new(rand::random()),
        deadlines: BinaryHeap::new(),
    };
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let deadline = engine.deadlines.peek().map(|Reverse((at, _))| (*at).into());
        tokio::select! {
            biased;
            command = inbox.recv() => match command {
                Some(Command::Stop { reply }) => return engine.stop(reply).await,
                Some(command) => engine.obey(command),
                None => return,
            },
            () = sleep_until(deadline.unwrap_or_else(tokio::time::Instant::now)), if deadline.is_some() => {}
            () = more(&mut tail) => {}
            _ = tick.tick() => engine.tell_positions(),
        }
        engine.follow().await;
        engine.close_due();
    }
}

async fn more(tail: &mut watch::Receiver<Offset>) {
    // The sender lives in the log, which the engine holds.
    let _ = tail.changed().await;
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

struct Engine {
    bus: Bus,
    metrics: Arc<Metrics>,
    /// Up to here every event has been matched.
    cursor: Offset,
    /// Where the cursor was when positions were last looked at.
    told: Offset,
    groups: Groups,
    /// At most one entry a group; it may be early, never late.
    deadlines: BinaryHeap<Reverse<(Instant, usize)>>,
}

impl Engine {
    fn obey(&mut self, command: Command) {
        match command {
            Command::Join { subscription, position, reply } => {
                let answer = self.join(subscription, position);
                let _ = reply.send(answer);
            }
            Command::Leave { subscription, reply } => {
                self.groups.remove(subscription.serial);
                let _ = reply.send(());
            }
            Command::Stop { .. } => {}
        }
        self.count_groups();
    }

    fn count_groups(&self) {
        let (groups, members) = self.groups.len();
        self.metrics.groups.set(i64::try_from(groups).unwrap_or(i64::MAX));
        self.metrics.filters.set(i64::try_from(self.groups.filters()).unwrap_or(i64::MAX));
        self.metrics.live_subscriptions.set(i64::try_from(members).unwrap_or(i64::MAX));
    }

    /// Makes a subscription live, if it stands where its group stands or close behind.
    fn join(&mut self, subscription: Arc<Subscription>, mut position: Offset) -> Join {
        if subscription.ended() {
            return Join::Ended;
        }
        let group = self.groups.by_spec(&subscription.spec);
        let flushed = group.map_or(self.cursor, |group| group.flushed(self.cursor));
        if position < flushed {
            match self.last_step(&subscription, position, flushed) {
                Some(reached) => position = reached,
                None => return Join::Behind(position),
            }
            if position < flushed {
                return Join::Behind(position);
            }
        }
        match self.groups.add(subscription, position, self.cursor, now()) {
            Ok(()) => Join::Joined,
            Err(error) => {
                // Broad filters are counted before they come here, so there is room for this one.
                tracing::error!(%error, "a filter that was let in is refused");
                Join::Ended
            }
        }
    }

    /// Sends what lies between `position` and `flushed`, if that is little and in memory, and tells how
    /// far that went.
    fn last_step(&self, subscription: &Subscription, position: Offset, flushed: Offset) -> Option<Offset> {
        let max = Max { records: LAST_STEP, bytes: usize::MAX };
        let mut records = self.bus.reader.log().recent(position, max)?;
        records.truncate(records.partition_point(|r| r.offset <= flushed));
        if records.last().is_none_or(|last| last.offset < flushed) {
            return None;
        }
        let mut window = Window::new(subscription.spec.bounds());
        let mut batches: Vec<Vec<Arc<Record>>> = Vec::new();
        for record in records.iter().filter(|r| subscription.spec.filter.matches(&r.attributes)) {
            batches.extend(window.add(Arc::clone(record), weight(record), now()));
        }
        batches.extend(window.close());
        let mut reached = position;
        for batch in batches {
            match subscription.subscriber.offer(&subscription.spec.batch_frame(&batch)) {
                Offer::Taken => reached = batch.last().map_or(reached, |r| r.offset),
                Offer::Full | Offer::Gone => return Some(reached),
            }
        }
        Some(flushed)
    }

    /// Matches every event between the cursor and the log's end.
    async fn follow(&mut self) {
        loop {
            match self.bus.reader.read(self.cursor, Max::PAGE).await {
                Ok(Read::Records(records)) if records.is_empty() => return,
                Ok(Read::Records(records)) => self.match_all(&records),
                Ok(Read::Gap(gap)) => self.pass(gap),
                Err(error) => {
                    tracing::error!(%error, after = self.cursor, "the bus can't read the log");
                    return tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            self.close_due();
            tokio::task::yield_now().await;
        }
    }

    fn match_all(&mut self, records: &[Arc<Record>]) {
        let now = now();
        let mut delivered = Delivered::default();
        let events: Vec<&Attributes> = records.iter().map(|record| &record.attributes).collect();
        let deadlines = &mut self.deadlines;
        self.groups.wanting(&events, |event, id, group| {
            group.add(&records[event], now, &mut delivered);
            if let Some(deadline) = group.deadline().filter(|_| !group.scheduled) {
                group.scheduled = true;
                deadlines.push(Reverse((deadline, id)));
            }
        });
        self.cursor = records.last().map_or(self.cursor, |r| r.offset);
        self.settle(delivered);
        if self.cursor - self.told >= POSITION_EVERY.0 {
            self.tell_positions();
        }
    }

    /// The log lost events before the bus had them: everyone live is told.
    fn pass(&mut self, gap: Gap) {
        let (bounds, now) = (self.bus.reader.log().bounds(), now());
        let mut delivered = Delivered::default();
        for (_, group) in self.groups.iter_mut() {
            group.close(now, &mut delivered);
            let frame = group.spec.gap_frame(bounds, &gap);
            group.tell_gap(&frame, gap.from, &mut delivered);
        }
        self.cursor = gap.to;
        self.settle(delivered);
    }

    fn close_due(&mut self) {
        let now = now();
        let mut delivered = Delivered::default();
        while let Some(Reverse((at, id))) = self.deadlines.peek() {
            if *at > now {
                break;
            }
            let id = *id;
            self.deadlines.pop();
            let Some(group) = self.groups.get_mut(id) else { continue };
            group.close_due(now, &mut delivered);
            // Its window may have closed by size since the entry was made, and opened again.
            group.scheduled = group.deadline().is_some();
            if let Some(deadline) = group.deadline() {
                self.deadlines.push(Reverse((deadline, id)));
            }
        }
        self.settle(delivered);
    }

    /// Takes out who could not take a frame: they read on by themselves, or are gone.
    fn settle(&mut self, delivered: Delivered) {
        self.metrics.frames.inc_by(delivered.frames);
        self.metrics.delivery_seconds.merge(&delivered.lags);
        self.metrics.window_seconds.merge(&delivered.waits);
        if delivered.behind.is_empty() && delivered.gone.is_empty() {
            return;
        }
        for (subscription, position) in delivered.behind {
            self.metrics.fell_behind.inc();
            self.groups.remove(subscription.serial);
            self.bus.replay(subscription, position);
        }
        for serial in delivered.gone {
            self.groups.remove(serial);
        }
        self.count_groups();
    }

    fn tell_positions(&mut self) {
        let position = self.bus.reader.log().bounds().at(self.cursor);
        let now = now();
        self.told = self.cursor;
        for (_, group) in self.groups.iter_mut() {
            group.tell_position(position, POSITION_EVERY, now);
        }
    }

    async fn stop(mut self, reply: oneshot::Sender<()>) {
        self.follow().await;
        let (position, now) = (self.bus.reader.log().bounds().at(self.cursor), now());
        let mut delivered = Delivered::default();
        for (_, group) in self.groups.iter_mut() {
            group.close(now, &mut delivered);
            group.tell(position, now);
        }
        let _ = reply.send(());
    }
}
