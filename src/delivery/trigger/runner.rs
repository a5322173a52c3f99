use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use super::Shared;
use super::attempt::{Parcel, Sender, Tried};
use super::batch::{Batch, recover};
use super::dead_letters::DeadLetter;
use super::inbox::{Inbox, Item};
use super::keys;
use super::rows::DeliveryRow;
use super::state::{State, fingerprint};
use super::store::{Changes, put, remove};
use super::stored;
use crate::bus::{Form, GapNotice, Spec, Subscriber, Subscription, resolve};
use crate::delivery;
use crate::event::{Position, Timestamp};
use crate::log::{Max, Read};
use crate::protocol::{OnGap, Start};
use crate::trigger::{Definition, Failure, Next, Verdict};

/// What a trigger's task is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Go on.
    Run,
    /// Finish the attempt that is on its way, and end.
    Finish,
    /// End.
    Halt,
}

/// The task ends: it was told to, its trigger is disabled, or nothing can be stored.
struct End;

/// One running trigger.
pub(super) struct Runner {
    pub(super) shared: Arc<Shared>,
    pub(super) definition: Arc<Definition>,
    pub(super) state: Arc<Mutex<State>>,
    pub(super) sender: Sender,
    pub(super) phase: watch::Receiver<Phase>,
}

fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

impl Runner {
    pub(super) async fn run(mut self) {
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn name(&self) -> &str {
        &self.definition.name
    }

    /// Delivers what was formed before this task began.
    async fn finish_pending(&mut self) -> Result<(), End> {
        let pending = self.state().pending.clone();
        let mut batches = VecDeque::new();
        for pending in pending {
            let same = pending.revision == self.definition.revision;
            let filter = &self.definition.filter;
            let batch = if same { recover(&self.shared, self.name(), filter, pending).await } else { None };
            batches.extend(batch);
        }
        let known = batches.iter().map(|batch| batch.pending.clone()).collect();
        // What can't be had again as it was is formed anew, from the position.
        self.state().pending = known;
        self.work_off(batches).await
    }

    async fn subscription(&mut self, inbox: &Arc<Inbox>) -> Result<(Arc<Subscription>, Position), End> {
        let definition = Arc::clone(&self.definition);
        let admission = match self.shared.bus.admit(&definition.filter) {
            Ok(admission) => admission,
            Err(error) => return Err(self.disable(&error.to_string()).await),
        };
        let spec = Spec {
            filter: definition.filter.clone(),
            window: delivery::window(definition.batching, None),
            id: None,
            on_gap: OnGap::Notify,
        };
        let start = self.state().position().map_or(Start::Now, Start::After);
        let started = loop {
            match resolve(start, OnGap::Notify, self.shared.bus.reader()).await {
                Ok(started) => break started,
                Err(error) => {
                    tracing::error!(trigger = self.name(), %error, "a trigger can't find its place");
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
            Item::Batch(batch) => {
                let Some(batch) = Batch::new(&batch, self.definition.revision, now_ms()) else {
                    return Ok(());
                };
                self.begin(batch).await
            }
            Item::Gap(gap) => self.tell_gap(&gap).await,
            Item::Position(position) => {
                let changes = {
                    let mut state = self.state();
                    state.position = position.to_string();
                    vec![stored::state(self.name(), &state)]
                };
                self.shared.store.note(changes).await.map_err(|_| End)
            }
        }
    }

    /// Stores a batch, with its id, and delivers it.
    async fn begin(&mut self, batch: Batch) -> Result<(), End> {
        let changes = {
            let mut state = self.state();
            state.pending = vec![batch.pending.clone()];
            vec![stored::state(self.name(), &state)]
        };
        self.shared.store.save(changes).await.map_err(|_| End)?;
        self.work_off([batch].into()).await
    }

    /// Events are missing: that is kept among the dead letters, and the target is told.
    async fn tell_gap(&mut self, gap: &GapNotice) -> Result<(), End> {
        let batch = Batch::of_gap(gap, self.definition.revision, now_ms());
        let pending = &batch.pending;
        tracing::warn!(
            trigger = self.name(),
            from = pending.first,
            to = pending.last,
            why = pending.gap,
            "a gap"
        );
        if self.definition.written.dead_letter {
            let told = Tried {
                verdict: Verdict::Refused,
                status: None,
                failure: Some(("gap", String::new())),
                took: Duration::ZERO,
                answer: String::new(),
            };
            let parcel = batch.parcel(crate::trigger::TargetFormat::Tagcast);
            let changes = parcel.map(|parcel| self.letter(&batch, &parcel, &told)).unwrap_or_default();
            self.shared.store.note(changes).await.map_err(|_| End)?;
        }
        self.begin(batch).await
    }

    /// Delivers batches, one after the other.
    async fn work_off(&mut self, mut batches: VecDeque<Batch>) -> Result<(), End> {
        while let Some(batch) = batches.pop_front() {
            let Some(parcel) = batch.parcel(self.sender.target.format) else {
                self.pass(&batch).await?;
                continue;
            };
            if let Some([left, right]) = self.deliver(batch, &parcel).await? {
                batches.push_front(right);
                batches.push_front(left);
                let changes = {
                    let mut state = self.state();
                    state.pending = batches.iter().map(|batch| batch.pending.clone()).collect();
                    vec![stored::state(self.name(), &state)]
                };
                self.shared.store.save(changes).await.map_err(|_| End)?;
            }
        }
        Ok(())
    }

    /// Tries until the batch is there, given up, or found too large as a whole; then its halves are returned.
    async fn deliver(&mut self, mut batch: Batch, parcel: &Parcel) -> Result<Option<[Batch; 2]>, End> {
        loop {
            let until = self.state().next_at - now_ms();
            self.wait(Duration::from_millis(u64::try_from(until).unwrap_or(0))).await?;
            let tried = self.attempt(parcel).await?;
            match tried.verdict {
                Verdict::Delivered => return self.arrived(&mut batch, &tried).await.map(|()| None),
                Verdict::TooLarge => match batch.split() {
                    Some(halves) => return Ok(Some(halves)),
                    None => return self.give_up(&mut batch, parcel, &tried, 0).await.map(|()| None),
                },
                Verdict::Refused => return self.give_up(&mut batch, parcel, &tried, 0).await.map(|()| None),
                Verdict::Gone => {
                    self.failed(&mut batch, &tried, 0).await?;
                    return Err(self.disable("the target is gone (410)").await);
                }
                Verdict::Failed(asked) => match self.after_failure(&mut batch, asked).await {
                    Next::Again(wait) => self.failed(&mut batch, &tried, millis(wait)).await?,
                    Next::GiveUp(wait) => {
                        return self.give_up(&mut batch, parcel, &tried, millis(wait)).await.map(|()| None);
                    }
                    Next::Disable => {
                        self.failed(&mut batch, &tried, 0).await?;
                        return Err(self.disable("no success for five days").await);
                    }
                },
            }
        }
    }

    async fn attempt(&mut self, parcel: &Parcel) -> Result<Tried, End> {
        let url = fingerprint(&self.sender.target.place.url());
        let must_agree = self.sender.target.format.shakes_hands() && self.state().agreed != url;
        let Self { shared, sender, phase, .. } = self;
        let attempt = async {
            if must_agree && let Err(refused) = sender.ask_consent(shared).await {
                return refused;
            }
            sender.attempt(shared, parcel).await
        };
        let tried = tokio::select! {
            tried = attempt => tried,
            _ = phase.wait_for(|phase| *phase == Phase::Halt) => return Err(End),
        };
        let declined =
            matches!(&tried.failure, Some((code, _)) if *code == Failure::Handshake(String::new()).code());
        if must_agree && !declined {
            self.state().agreed = url;
        }
        Ok(tried)
    }

    /// What comes after a failed attempt, by the age of the batch's oldest event.
    async fn after_failure(&mut self, batch: &mut Batch, asked: Option<Duration>) -> Next {
        if batch.pending.oldest == 0 {
            batch.pending.oldest = self.accepted_at(&batch.pending.first).await.unwrap_or_else(now_ms);
        }
        let mut state = self.state();
        let (mut failures, attempts) = (state.failures(), batch.pending.attempts + 1);
        let times = (batch.pending.oldest, now_ms());
        let next = self.definition.retry.next(&mut failures, attempts, times, asked, rand::random());
        state.set_failures(failures);
        next
    }

    async fn accepted_at(&self, id: &str) -> Option<i64> {
        let position: Position = id.parse().ok()?;
        let read = self.shared.bus.reader().read(position.offset - 1, Max { records: 1, bytes: 0 }).await;
        match read {
            Ok(Read::Records(records)) => Some(records.first()?.accepted_at),
            _ => None,
        }
    }

    async fn arrived(&mut self, batch: &mut Batch, tried: &Tried) -> Result<(), End> {
        let mut changes = self.row(batch, tried, "delivered");
        if batch.pending.attempts > 0 {
            changes.push(remove(keys::DELIVERIES, keys::events(self.name(), &batch.pending.id)));
        }
        {
            let mut state = self.state();
            state.delivered += 1;
            (state.failures, state.next_at) = ((0, 0), 0);
            leave_behind(&mut state, batch);
            changes.push(stored::state(&self.definition.name, &state));
        }
        self.shared.store.note(changes).await.map_err(|_| End)
    }

    /// Goes on behind a batch that this target can't be told.
    async fn pass(&mut self, batch: &Batch) -> Result<(), End> {
        let changes = {
            let mut state = self.state();
            leave_behind(&mut state, batch);
            vec![stored::state(&self.definition.name, &state)]
        };
        self.shared.store.note(changes).await.map_err(|_| End)
    }

    /// Notes a failed attempt; the next one is `wait` milliseconds away.
    async fn failed(&mut self, batch: &mut Batch, tried: &Tried, wait: i64) -> Result<(), End> {
        let mut changes = self.row(batch, tried, "retrying");
        if batch.pending.attempts == 0 && batch.pending.gap.is_empty() {
            let key = keys::events(self.name(), &batch.pending.id);
            changes.push(put(keys::DELIVERIES, key, batch.frame()));
        }
        batch.pending.attempts += 1;
        {
            let mut state = self.state();
            state.next_at = now_ms() + wait;
            if let Some(pending) = state.pending.first_mut() {
                pending.clone_from(&batch.pending);
            }
            changes.push(stored::state(&self.definition.name, &state));
        }
        self.shared.store.note(changes).await.map_err(|_| End)
    }

    async fn give_up(
        &mut self,
        batch: &mut Batch,
        parcel: &Parcel,
        tried: &Tried,
        wait: i64,
    ) -> Result<(), End> {
        let keeps = self.definition.written.dead_letter && batch.pending.gap.is_empty();
        let mut changes = self.row(batch, tried, if keeps { "dead_letter" } else { "dropped" });
        if keeps {
            changes.extend(self.letter(batch, parcel, tried));
        }
        changes.push(remove(keys::DELIVERIES, keys::events(self.name(), &batch.pending.id)));
        {
            let mut state = self.state();
            state.given_up += 1;
            state.next_at = now_ms() + wait;
            leave_behind(&mut state, batch);
            changes.push(stored::state(&self.definition.name, &state));
        }
        self.shared.store.save(changes).await.map_err(|_| End)
    }

    fn letter(&self, batch: &Batch, parcel: &Parcel, tried: &Tried) -> Changes {
        let url = self.sender.target.place.shown();
        let letter = DeadLetter::new(self.name(), &url, &batch.pending, parcel, tried);
        let changes = self.shared.letters.add(&letter, &parcel.encoded.body);
        self.shared.count_letters();
        changes
    }

    fn row(&self, batch: &mut Batch, tried: &Tried, outcome: &str) -> Changes {
        let number = *batch.row.get_or_insert_with(|| {
            let mut state = self.state();
            state.next_row += 1;
            state.next_row - 1
        });
        let row = DeliveryRow::new(&batch.pending, tried, outcome);
        row.write(self.name(), number, self.shared.options.rows)
    }

    async fn disable(&mut self, why: &str) -> End {
        tracing::warn!(trigger = self.name(), why, "a trigger is disabled");
        let changes = {
            let mut state = self.state();
            why.clone_into(&mut state.disabled);
            vec![stored::state(&self.definition.name, &state)]
        };
        // If that can't be stored, it will be found out again.
        let _ = self.shared.store.save(changes).await;
        End
    }
}

fn leave_behind(state: &mut State, batch: &Batch) {
    state.position.clone_from(&batch.pending.last);
    state.pending.retain(|pending| pending.id != batch.pending.id);
}

fn millis(wait: Duration) -> i64 {
    i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
}
