use std::collections::VecDeque;
use std::time::Duration;

use super::{Attempt, Batch, End, Parcel, Phase, Task, now_ms};
use crate::delivery::trigger::access_log::{DeliveryOutcome, DeliveryRow};
use crate::delivery::trigger::keys::{self, RowKey};
use crate::delivery::trigger::letters::DeadLetter;
use crate::delivery::trigger::progress::{Checkpoint, DisableReason, Fingerprint, Sync};
use crate::delivery::trigger::row_writer::Changes;
use crate::event::{Position, Timestamp};
use crate::log::{Max, Read};
use crate::trigger::{Next, Verdict};

impl Task {
    /// Delivers batches, one after the other.
    pub(super) async fn work_off(&mut self, mut batches: VecDeque<Batch>) -> Result<(), End> {
        while let Some(mut batch) = batches.pop_front() {
            let Some(parcel) = batch.parcel(self.sender.target.format) else {
                // Nothing that this target can be told.
                let pass = |checkpoint: &mut Checkpoint| checkpoint.pass(&batch.pending);
                self.advance(Sync::Soon, Changes::new(), pass).await?;
                continue;
            };
            if let Some([left, right]) = self.deliver(&mut batch, &parcel).await? {
                batches.push_front(right);
                batches.push_front(left);
                let pending = batches.iter().map(|batch| batch.pending.clone()).collect();
                let split = |checkpoint: &mut Checkpoint| checkpoint.pending = pending;
                self.advance(Sync::Now, Changes::new(), split).await?;
            }
        }
        Ok(())
    }

    /// Tries until the batch is there, given up, or found too large as a whole; then its halves are returned.
    async fn deliver(&mut self, batch: &mut Batch, parcel: &Parcel) -> Result<Option<[Batch; 2]>, End> {
        loop {
            let until = self.progress.checkpoint().next_at - now_ms();
            self.wait(Duration::from_millis(u64::try_from(until).unwrap_or(0))).await?;
            let attempt = self.attempt(parcel).await?;
            let next = match attempt.verdict {
                Verdict::Delivered => return self.arrived(batch, &attempt).await.map(|()| None),
                Verdict::TooLarge => match batch.split() {
                    Some(halves) => return Ok(Some(halves)),
                    None => Next::GiveUp(Duration::ZERO),
                },
                Verdict::Refused => Next::GiveUp(Duration::ZERO),
                Verdict::Gone => Next::Disable,
                Verdict::Failed(asked) => self.after_failure(batch, asked).await,
            };
            match next {
                Next::Again(wait) => self.failed(batch, &attempt, wait).await?,
                Next::GiveUp(wait) => {
                    return self.give_up(batch, parcel, &attempt, wait).await.map(|()| None);
                }
                Next::Disable => {
                    self.failed(batch, &attempt, Duration::ZERO).await?;
                    let gone = attempt.verdict == Verdict::Gone;
                    let why = if gone { DisableReason::TargetGone } else { DisableReason::NoSuccess };
                    return Err(self.disable(why).await);
                }
            }
        }
    }

    async fn attempt(&mut self, parcel: &Parcel) -> Result<Attempt, End> {
        let url = Fingerprint::of(&self.sender.target.url.to_string());
        let must_agree = self.sender.target.format.shakes_hands() && self.progress.checkpoint().agreed != url;
        let Self { shared, progress, sender, phase, .. } = self;
        let attempt = async {
            if must_agree {
                if let Err(refused) = sender.ask_consent(shared).await {
                    return refused;
                }
                progress.checkpoint().agreed = url;
            }
            sender.attempt(shared, parcel).await
        };
        tokio::select! {
            attempt = attempt => Ok(attempt),
            _ = phase.wait_for(|phase| *phase == Phase::Halt) => Err(End),
        }
    }

    /// What comes after a failed attempt, by the age of the batch's oldest event.
    async fn after_failure(&self, batch: &mut Batch, asked: Option<Duration>) -> Next {
        if batch.pending.oldest == 0 {
            batch.pending.oldest = self.accepted_at(batch.pending.first).await.unwrap_or_else(now_ms);
        }
        let (times, attempts) = ((batch.pending.oldest, now_ms()), batch.pending.attempts + 1);
        let failures = &mut self.progress.checkpoint().failures;
        self.definition.retry.next(failures, attempts, times, asked, rand::random())
    }

    async fn accepted_at(&self, event: Position) -> Option<i64> {
        let one = Max { records: 1, bytes: 0 };
        match self.shared.bus.reader().read(event.offset.checked_sub(1)?, one).await {
            Ok(Read::Records(records)) => Some(records.first()?.accepted_at),
            _ => None,
        }
    }

    async fn arrived(&self, batch: &mut Batch, attempt: &Attempt) -> Result<(), End> {
        let mut changes = self.row(batch, attempt, DeliveryOutcome::Delivered);
        if batch.pending.attempts > 0 {
            changes.push(self.events_of(batch).remove());
        }
        let arrived = |checkpoint: &mut Checkpoint| {
            checkpoint.delivered += 1;
            checkpoint.forget_failures();
            checkpoint.pass(&batch.pending);
        };
        self.advance(Sync::Soon, changes, arrived).await
    }

    /// Notes a failed attempt; the next one may be made after `wait`.
    async fn failed(&self, batch: &mut Batch, attempt: &Attempt, wait: Duration) -> Result<(), End> {
        let mut changes = self.row(batch, attempt, DeliveryOutcome::Retrying);
        if batch.pending.attempts == 0 && batch.pending.gap.is_none() {
            changes.push(self.events_of(batch).put(batch.frame()));
        }
        batch.pending.attempts += 1;
        let failed = |checkpoint: &mut Checkpoint| {
            checkpoint.next_at = now_ms() + millis(wait);
            if let Some(pending) = checkpoint.pending.first_mut() {
                pending.clone_from(&batch.pending);
            }
        };
        self.advance(Sync::Soon, changes, failed).await
    }

    async fn give_up(
        &self,
        batch: &mut Batch,
        parcel: &Parcel,
        attempt: &Attempt,
        wait: Duration,
    ) -> Result<(), End> {
        let keeps = self.definition.dead_letter && batch.pending.gap.is_none();
        let outcome = if keeps { DeliveryOutcome::DeadLetter } else { DeliveryOutcome::Dropped };
        let mut changes = self.row(batch, attempt, outcome);
        if keeps {
            changes.extend(self.letter(batch, parcel, attempt));
        }
        changes.push(self.events_of(batch).remove());
        let given_up = |checkpoint: &mut Checkpoint| {
            checkpoint.given_up += 1;
            checkpoint.next_at = now_ms() + millis(wait);
            checkpoint.pass(&batch.pending);
        };
        self.advance(Sync::Now, changes, given_up).await
    }

    /// Where its events are stored while the target fails.
    fn events_of(&self, batch: &Batch) -> RowKey {
        keys::events(self.id(), batch.pending.id.as_str())
    }

    pub(super) fn letter(&self, batch: &Batch, parcel: &Parcel, attempt: &Attempt) -> Changes {
        let url = self.sender.target.url.shown();
        let letter = DeadLetter::new(self.id(), &url, &batch.pending, parcel, attempt, Timestamp::now());
        self.shared.letters.add(&letter, &parcel.payload.body)
    }

    /// The batch's row in the access log, the same one for each of its attempts.
    fn row(&self, batch: &mut Batch, attempt: &Attempt, outcome: DeliveryOutcome) -> Changes {
        let number = *batch.row.get_or_insert_with(|| {
            let next = &mut self.progress.checkpoint().next_row;
            *next += 1;
            *next - 1
        });
        let row = DeliveryRow::new(&batch.pending, attempt, outcome);
        row.write(self.id(), number, self.shared.options.rows)
    }
}

fn millis(wait: Duration) -> i64 {
    i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
}
