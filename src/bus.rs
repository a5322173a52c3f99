//! The one door out: from the log through filters and windows to subscribers.
//!
//! Subscriptions that ask for the same (filter, window, name) form a group: one
//! window, one delivery for all of them. A subscription stands somewhere in the
//! log. "Live" means that it stands where its group stands and takes what the
//! group sends; one that resumes, or whose subscriber had no room, reads the log
//! on its own (in `replay.rs`) until it stands there (again). The log is the only
//! buffer, so nothing that waits here grows.
//!
//! A delivery is a value: batches of records, a position, or a gap. What it is in
//! bytes is the wire's business, which keeps that beside the value.
//!
//! Starts one task, the engine, which owns all groups and ends when told to
//! stop; and a task per replay, which ends when the replay has joined its group.

mod admission;
mod delivery;
mod engine;
mod form;
mod group;
mod groups;
mod join;
mod newest;
mod page;
mod reminder;
mod replay;
mod round;
mod search;
mod start;
mod subscriber;
mod subscription;

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, oneshot};

pub(crate) use admission::Admission;
pub(crate) use delivery::{Batch, GapNotice};
pub use delivery::{Content, Delivery};
pub use form::{Form, Forms};
pub(crate) use page::Page;
pub(crate) use search::Search;
pub(crate) use start::{StartError, StartPoint, resolve, resolve_back};
pub use subscriber::{Offer, Subscriber, Wire};
pub use subscription::{Spec, Subscription};

use admission::Admissions;
use join::Join;

use crate::event::Offset;
use crate::limits::{Allowance, Allowances, Busy, Customer, Load, Turn};
use crate::log::LogHandle;
use crate::metrics::Metrics;
use crate::vital::Vital;

/// Replays that read from the disk at the same time; the others wait for their turn.
const CONCURRENT_READS: usize = 64;
/// Commands that wait for the engine; who asks for more waits.
const WAITING_COMMANDS: usize = 1_024;

/// A handle on the bus; cheap to clone.
#[derive(Clone)]
pub struct Bus {
    reader: LogHandle,
    commands: mpsc::Sender<Command>,
    reads: Arc<Semaphore>,
    admissions: Arc<Admissions>,
    allowances: Arc<Allowances>,
    load: Arc<Load>,
    engine: Vital,
}

enum Command {
    Join { subscription: Arc<Subscription>, position: Offset, reply: oneshot::Sender<Join> },
    Leave { subscription: Arc<Subscription>, reply: oneshot::Sender<()> },
    Remind { subscriptions: Vec<Arc<Subscription>> },
    Stop { reply: oneshot::Sender<()> },
}

impl Bus {
    /// Starts the engine at the log's end. `wire`: what makes bytes of deliveries.
    pub fn start(
        reader: LogHandle,
        wire: Arc<dyn Wire>,
        load: Arc<Load>,
        allowances: Arc<Allowances>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (commands, inbox) = mpsc::channel(WAITING_COMMANDS);
        let reads = Arc::new(Semaphore::new(CONCURRENT_READS));
        let admissions = Arc::new(Admissions::new(Arc::clone(&metrics)));
        let (engine, pulse) = Vital::new("the bus");
        let bus = Self { reader, commands, reads, admissions, allowances, load, engine };
        pulse.spawn(engine::run(bus.clone(), wire, inbox, metrics));
        bus
    }

    /// What it lives for.
    pub(crate) fn vitals(&self) -> Vec<Vital> {
        vec![self.engine.clone()]
    }

    /// How much waits for the disk, which says who is turned away.
    pub fn load(&self) -> &Load {
        &self.load
    }

    /// What `who` may command.
    pub fn allowance(&self, who: Customer) -> Arc<Allowance> {
        self.allowances.of(who)
    }

    /// Waits for a turn of one who commands work.
    ///
    /// # Errors
    ///
    /// [`Busy`] if none is to be had in time; it is counted.
    pub(crate) async fn turn(&self, allowance: &Allowance) -> Result<Turn, Busy> {
        let turn = allowance.turn().await;
        turn.inspect_err(|_| self.admissions.count_busy())
    }

    /// The log behind the bus.
    pub fn reader(&self) -> &LogHandle {
        &self.reader
    }

    /// Sends `subscription` every matching event behind `position`, each once and in order.
    pub async fn subscribe(&self, subscription: Arc<Subscription>, position: Offset) {
        if let Join::Behind(position) = self.join(&subscription, position).await {
            self.replay(subscription, position);
        }
    }

    /// Ends a subscription. When this returns, nothing more of it will be offered.
    pub async fn unsubscribe(&self, subscription: &Arc<Subscription>) {
        subscription.end();
        let (reply, done) = oneshot::channel();
        if self.commands.send(Command::Leave { subscription: Arc::clone(subscription), reply }).await.is_ok()
        {
            let _ = done.await;
        }
        subscription.release();
    }

    /// Has each subscription told where it stands, unless the engine is busy: then it is asked for again.
    pub(crate) fn remind(&self, subscriptions: &[Arc<Subscription>]) {
        for some in subscriptions.chunks(reminder::TOGETHER) {
            let _ = self.commands.try_send(Command::Remind { subscriptions: some.to_vec() });
        }
    }

    /// Closes every window, sends what is in it and where its members stand. Nothing is sent afterwards.
    pub async fn stop(&self) {
        let (reply, done) = oneshot::channel();
        if self.commands.send(Command::Stop { reply }).await.is_ok() {
            let _ = done.await;
        }
    }

    fn replay(&self, subscription: Arc<Subscription>, position: Offset) {
        tokio::spawn(replay::run(self.clone(), subscription, position));
    }

    async fn join(&self, subscription: &Arc<Subscription>, position: Offset) -> Join {
        let (reply, answer) = oneshot::channel();
        let command = Command::Join { subscription: Arc::clone(subscription), position, reply };
        match self.commands.send(command).await {
            Ok(()) => answer.await.unwrap_or(Join::Ended),
            Err(_) => Join::Ended,
        }
    }
}

#[cfg(test)]
mod tests;
