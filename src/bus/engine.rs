//! The loop from the log to the groups. It alone touches them, so "between two events" is exact.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use super::groups::Groups;
use super::round::Round;
use super::{Bus, Command, GapNotice, Wire};
use crate::event::{Attributes, Offset, Position};
use crate::log::{Gap, Max, Read, Record};
use crate::metrics::Metrics;

/// Members are sent their position after so many events without a match, or after so long.
const POSITION_EVERY: (Offset, Duration) = (10_000, Duration::from_secs(30));

pub(super) async fn run(
    bus: Bus,
    wire: Arc<dyn Wire>,
    mut inbox: mpsc::Receiver<Command>,
    metrics: Arc<Metrics>,
) {
    let mut tail = bus.reader.tail();
    let cursor = *tail.borrow_and_update();
    let mut engine = Engine {
        bus,
        wire,
        metrics,
        cursor,
        positions_at: cursor,
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
            _ = tick.tick() => engine.send_positions(),
        }
        engine.follow().await;
        engine.close_due();
    }
}

async fn more(tail: &mut watch::Receiver<Offset>) {
    // The sender lives in the log, which the engine holds.
    let _ = tail.changed().await;
}

pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

pub(super) struct Engine {
    pub(super) bus: Bus,
    wire: Arc<dyn Wire>,
    pub(super) metrics: Arc<Metrics>,
    /// Up to here every event has been matched.
    pub(super) cursor: Offset,
    /// Where the cursor was when members last were sent their positions.
    positions_at: Offset,
    pub(super) groups: Groups,
    /// At most one entry a group; it may be early, never late.
    deadlines: BinaryHeap<Reverse<(Instant, u32)>>,
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
            Command::Remind { subscriptions } => return self.remind(&subscriptions),
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

    fn round(&self) -> Round {
        Round::new(now(), Arc::clone(&self.wire))
    }

    /// The cursor as a position.
    fn position(&self) -> Position {
        self.bus.reader.bounds().at(self.cursor)
    }

    /// Matches every event between the cursor and the log's end.
    async fn follow(&mut self) {
        loop {
            match self.bus.reader.follow(self.cursor, Max::PAGE).await {
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
        let mut round = self.round();
        let events: Vec<&Attributes> = records.iter().map(|record| &record.attributes).collect();
        let deadlines = &mut self.deadlines;
        // What closes now goes out together, however many batches it is: a write costs more than its bytes.
        let mut closed = Vec::new();
        self.groups.wanting(&events, |event, id, group| {
            if group.add(&records[event], round.now) {
                closed.push(id);
            }
            if let Some(deadline) = group.deadline().filter(|_| !group.scheduled) {
                group.scheduled = true;
                deadlines.push(Reverse((deadline, id)));
            }
        });
        for id in closed {
            if let Some(group) = self.groups.get_mut(id) {
                group.send(&mut round);
            }
        }
        for (event, groups) in self.groups.take_stopped() {
            let position = self.bus.reader.bounds().at(records[event].offset - 1);
            for id in groups {
                if let Some(group) = self.groups.get_mut(id) {
                    group.stop(position, &mut round);
                }
            }
        }
        self.cursor = records.last().map_or(self.cursor, |r| r.offset);
        self.settle(round);
        if self.cursor - self.positions_at >= POSITION_EVERY.0 {
            self.send_positions();
        }
    }

    /// The log lost events before the bus had them: everyone live learns of it.
    fn pass(&mut self, gap: Gap) {
        let notice = GapNotice::new(gap, self.bus.reader.bounds());
        let mut round = self.round();
        for group in self.groups.iter_mut() {
            group.close(&mut round);
            group.send_gap(notice, &mut round);
        }
        self.cursor = gap.to;
        self.settle(round);
    }

    fn close_due(&mut self) {
        let mut round = self.round();
        while let Some(Reverse((at, id))) = self.deadlines.peek() {
            if *at > round.now {
                break;
            }
            let id = *id;
            self.deadlines.pop();
            let Some(group) = self.groups.get_mut(id) else { continue };
            group.close_due(&mut round);
            // Its window may have closed by size since the entry was made, and opened again.
            group.scheduled = group.deadline().is_some();
            if let Some(deadline) = group.deadline() {
                self.deadlines.push(Reverse((deadline, id)));
            }
        }
        self.settle(round);
    }

    /// Takes out who could not take a delivery: they read on by themselves, or are gone.
    fn settle(&mut self, round: Round) {
        self.metrics.frames.inc_by(round.count);
        self.metrics.filters_stopped.inc_by(round.stopped);
        self.metrics.delivery_seconds.merge(&round.lags);
        self.metrics.window_seconds.merge(&round.waits);
        if round.behind.is_empty() && round.gone.is_empty() {
            return;
        }
        for (subscription, position) in round.behind {
            self.metrics.fell_behind.inc();
            self.groups.remove(subscription.serial);
            self.bus.replay(subscription, position);
        }
        for serial in round.gone {
            self.groups.remove(serial);
        }
        self.count_groups();
    }

    fn send_positions(&mut self) {
        let (position, round) = (self.position(), self.round());
        self.positions_at = self.cursor;
        for group in self.groups.iter_mut() {
            group.send_position_if_due(position, POSITION_EVERY, &round);
        }
    }

    async fn stop(mut self, reply: oneshot::Sender<()>) {
        self.follow().await;
        let (position, mut round) = (self.position(), self.round());
        for group in self.groups.iter_mut() {
            group.close(&mut round);
            group.send_position(position, &round);
        }
        let _ = reply.send(());
    }
}
