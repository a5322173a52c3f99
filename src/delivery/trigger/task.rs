//! The task that runs one trigger: from its subscription to its target.

mod attempt;
mod batch;
mod delivery;
mod inbox;
mod sender;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::Context;
use super::definition::FormerSecret;
use super::entry::Trigger;
use super::progress::{Checkpoint, DisableReason, Progress, Sync};
use super::row_writer::{Changes, RowWriterGone};
use crate::bus::{Form, GapNotice, Spec, Subscriber, Subscription, resolve};
use crate::delivery::window;
use crate::event::{Position, Timestamp};
use crate::protocol::{OnGap, Start};
use crate::trigger::{Definition, QualifiedName, Target, TargetFormat};

pub(super) use attempt::{Attempt, Parcel};
pub(super) use sender::{FormerKey, Sender};

use batch::{Batch, recover};
use inbox::{Inbox, Item};

/// What the task is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Go on.
    Run,
    /// Finish the attempt that is on its way, and end.
    Finish,
    /// End.
    Halt,
}

/// Ends the task of a trigger; nothing where it has none.
pub(super) struct TaskHandle {
    phase: watch::Sender<Phase>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// One running trigger.
struct Task {
    shared: Arc<Context>,
    definition: Arc<Definition>,
    progress: Arc<Progress>,
    sender: Sender,
    phase: watch::Receiver<Phase>,
}

/// The task ends: it was told to, its trigger is disabled, or nothing can be stored.
struct End;

impl TaskHandle {
    /// Starts a trigger's task; nothing where it does not run, or calls no endpoint.
    pub(super) fn start(shared: &Arc<Context>, trigger: &Trigger, progress: &Arc<Progress>) -> Self {
        let runs = progress.checkpoint().runs();
        let definition = trigger.definition.as_ref().ok().filter(|_| runs);
        let Some((definition, Target::Http(target))) = definition.map(|it| (it, &it.target)) else {
            return Self { phase: watch::Sender::new(Phase::Run), task: Mutex::new(None) };
        };
        let former = trigger.former.as_ref().and_then(FormerSecret::key);
        let (phase, told) = watch::channel(Phase::Run);
        let task = Task {
            shared: Arc::clone(shared),
            definition: Arc::clone(definition),
            progress: Arc::clone(progress),
            sender: Sender::new(shared, &definition.id(), target, former),
            phase: told,
        };
        Self { phase, task: Mutex::new(Some(tokio::spawn(task.run()))) }
    }

    /// Asks the task to end when the attempt that is on its way is over.
    pub(super) fn finish(&self) {
        self.phase.send_replace(Phase::Finish);
    }

    /// Waits for that until `deadline`, and ends the task then.
    pub(super) async fn finished(&self, deadline: Instant) {
        let Some(mut task) = self.task.lock().take() else { return };
        if timeout_at(deadline, &mut task).await.is_err() {
            self.phase.send_replace(Phase::Halt);
            let _ = task.await;
        }
    }

    /// Ends the task.
    pub(super) async fn halt(&self) {
        self.finished(Instant::now()).await;
    }
}

fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

impl Task {
    async fn run(mut self) {
        if self.finish_pending().await.is_err() {
            return;
        }
        let inbox = Arc::new(Inbox::default());
        let Ok((subscription, position)) = self.subscription(&inbox).await else { return };
        let bus = self.shared.bus.clone();
        bus.subscribe(Arc::clone(&subscription), position.offset).await;
        while self.next(&inbox).await.is_ok() {}
        inbox.close();
        bus.unsubscribe(&subscription).await;
    }

    fn id(&self) -> &QualifiedName {
        self.progress.id()
    }

    /// Delivers what was formed before this task began.
    async fn finish_pending(&mut self) -> Result<(), End> {
        let pending = self.progress.checkpoint().pending.clone();
        let mut batches = VecDeque::new();
        for pending in pending.into_iter().filter(|batch| batch.revision == self.definition.revision) {
            batches.extend(recover(&self.shared, &self.definition, pending).await);
        }
        // What can't be had again as it was is formed anew, from the position.
        self.progress.checkpoint().pending = batches.iter().map(|batch| batch.pending.clone()).collect();
        self.work_off(batches).await
    }

    async fn subscription(&mut self, inbox: &Arc<Inbox>) -> Result<(Arc<Subscription>, Position), End> {
        let definition = Arc::clone(&self.definition);
        let admission = match self.shared.bus.admit(
            &definition.filter,
            &self.shared.allowance(&definition.cloud),
            None,
        ) {
            Ok(admission) => admission,
            Err(error) => return Err(self.disable(DisableReason::Filter(error.to_string())).await),
        };
        let spec = Spec {
            filter: definition.filter.clone(),
            window: window(definition.batching, None),
            id: None,
            on_gap: OnGap::Notify,
        };
        let position = self.progress.checkpoint().position;
        let start = position.map_or(Start::Now, Start::After);
        let started = loop {
            match resolve(start, OnGap::Notify, self.shared.bus.reader()).await {
                Ok(started) => break started,
                Err(error) => {
                    let (trigger, cloud) = (&self.id().name, &self.id().cloud);
                    tracing::error!(trigger, cloud, %error, "a trigger can't find its place");
                    self.wait(Duration::from_secs(1)).await?;
                }
            }
        };
        if let Some(gap) = started.gap {
            self.tell_gap(&gap).await?;
        }
        let subscriber = Arc::clone(inbox) as Arc<dyn Subscriber>;
        Ok((Subscription::new(spec, Form::VALUES, admission, subscriber), started.position))
    }

    /// Waits, unless the task is told to end.
    async fn wait(&mut self, time: Duration) -> Result<(), End> {
        tokio::select! {
            () = tokio::time::sleep(time) => Ok(()),
            _ = self.phase.wait_for(|phase| *phase != Phase::Run) => Err(End),
        }
    }

    /// Does what is next.
    async fn next(&mut self, inbox: &Inbox) -> Result<(), End> {
        let item = tokio::select! {
            biased;
            _ = self.phase.wait_for(|phase| *phase != Phase::Run) => return Err(End),
            item = inbox.next() => item,
        };
        match item {
            Item::Batch(batch) => match Batch::new(&batch, self.definition.revision, now_ms()) {
                Some(batch) => self.begin(batch, Changes::new()).await,
                None => Ok(()),
            },
            Item::Gap(gap) => self.tell_gap(&gap).await,
            Item::Stopped(position) => {
                let moved = |checkpoint: &mut Checkpoint| checkpoint.position = Some(position);
                self.advance(Sync::Soon, Changes::new(), moved).await?;
                Err(self.disable(DisableReason::FilterStopped).await)
            }
            Item::Position(position) => {
                let moved = |checkpoint: &mut Checkpoint| checkpoint.position = Some(position);
                self.advance(Sync::Soon, Changes::new(), moved).await
            }
        }
    }

    /// See [`Progress::advance`].
    async fn advance(
        &self,
        sync: Sync,
        changes: Changes,
        step: impl FnOnce(&mut Checkpoint),
    ) -> Result<(), End> {
        self.progress.advance(sync, changes, step).await.map_err(|RowWriterGone| End)
    }

    /// Stores a batch, with its id, and delivers it.
    async fn begin(&mut self, batch: Batch, changes: Changes) -> Result<(), End> {
        let pending = vec![batch.pending.clone()];
        self.advance(Sync::Now, changes, |checkpoint| checkpoint.pending = pending).await?;
        self.work_off([batch].into()).await
    }

    /// Events are missing: that is kept among the dead letters, and the target is told.
    async fn tell_gap(&mut self, gap: &GapNotice) -> Result<(), End> {
        let batch = Batch::of_gap(gap, self.definition.revision, now_ms());
        tracing::warn!(
            trigger = self.id().name,
            cloud = self.id().cloud,
            from = %gap.from,
            to = %gap.to,
            why = gap.reason.as_str(),
            "a gap"
        );
        let letter = batch.parcel(TargetFormat::Tagcast).filter(|_| self.definition.dead_letter);
        let changes = letter.map(|parcel| self.letter(&batch, &parcel, &Attempt::of_gap()));
        self.begin(batch, changes.unwrap_or_default()).await
    }

    async fn disable(&self, why: DisableReason) -> End {
        tracing::warn!(trigger = self.id().name, cloud = self.id().cloud, %why, "a trigger is disabled");
        // If that can't be stored, it will be found out again.
        let _ = self.advance(Sync::Now, Changes::new(), |checkpoint| checkpoint.disabled = Some(why)).await;
        End
    }
}
