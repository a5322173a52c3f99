use std::sync::Arc;
use std::time::{Duration, Instant};

use super::delivery::{Batch, before, last, weight};
use super::round::Round;
use super::{Content, Delivery, Form, Forms, GapNotice, Offer, Spec, Subscription};
use crate::event::{Offset, Position};
use crate::filter::FilterId;
use crate::limits::Allowance;
use crate::log::Record;
use crate::window::Window;

/// Weight of the batches that go out as one delivery, at most: each write of a socket costs what thousands of bytes cost.
const TOGETHER: usize = 128 << 10;

/// Subscriptions that ask for the same: one window, one delivery for all.
pub(super) struct Group {
    pub(super) spec: Arc<Spec>,
    /// The index's id of its filter.
    pub(super) filter: FilterId,
    /// Its slot among the groups of that filter.
    pub(super) slot: usize,
    window: Window<Arc<Record>>,
    /// Batches that closed and were not sent, in their order.
    closed: Vec<Batch>,
    members: Vec<Member>,
    /// The forms of its members; also of those who left since it last sent something.
    forms: Forms,
    /// Whether the engine has noted a deadline of this group.
    pub(super) scheduled: bool,
    /// Up to where its members last got a batch or a position, and when.
    sent: (Offset, Instant),
}

/// A live subscription. It has everything up to `start`; what its group sends behind that is its.
struct Member {
    subscription: Arc<Subscription>,
    start: Offset,
    /// Its subscription's, kept beside what a walk reads anyway.
    form: Form,
    /// It could not take a delivery: until the engine takes it out, it must get no later one.
    out: bool,
}

impl Member {
    fn offer(&self, delivery: &Delivery) -> Offer {
        self.subscription.subscriber.offer(delivery, self.form)
    }
}

impl Group {
    pub(super) fn new(spec: Arc<Spec>, filter: FilterId, cursor: Offset, now: Instant) -> Self {
        Self {
            window: Window::new(spec.window),
            spec,
            filter,
            slot: 0,
            closed: Vec::new(),
            members: Vec::new(),
            forms: Forms::default(),
            scheduled: false,
            sent: (cursor, now),
        }
    }

    /// Lets a subscription in that has everything up to `start`; its slot among the members.
    pub(super) fn join(&mut self, subscription: Arc<Subscription>, start: Offset) -> usize {
        let form = subscription.form;
        self.forms.insert(form);
        self.members.push(Member { subscription, start, form, out: false });
        self.members.len() - 1
    }

    /// Takes the member in `slot` out; the serial of the one that has its slot from now on.
    pub(super) fn leave(&mut self, slot: usize) -> Option<u64> {
        self.members.swap_remove(slot);
        self.members.get(slot).map(|moved| moved.subscription.serial)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Who pays for what its filter searches; nobody where it searches nothing.
    pub(super) fn payer(&self) -> Option<&Arc<Allowance>> {
        self.members.first()?.subscription.payer.as_ref()
    }

    /// Its filter searches more than who pays for it may, and was matched up to `position`: their subscriptions end there.
    /// Others go on by themselves, and one of them pays.
    pub(super) fn stop(&mut self, position: Position, round: &mut Round) {
        self.close(round);
        let payer = self.payer().cloned();
        for member in self.members.iter_mut().filter(|member| !member.out) {
            let subscription = &member.subscription;
            member.out = true;
            if payer.as_ref().zip(subscription.payer.as_ref()).is_some_and(|(a, b)| Arc::ptr_eq(a, b)) {
                subscription.stop(position);
                round.stopped += 1;
                round.gone.push(subscription.serial);
            } else {
                round.behind.push((Arc::clone(subscription), member.start.max(position.offset)));
            }
        }
    }

    /// Up to where everything that matches has been sent. `cursor`: up to where events have been matched.
    pub(super) fn flushed(&self, cursor: Offset) -> Offset {
        self.window.first().map_or(cursor, |first| first.offset - 1)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.window.deadline()
    }

    /// Takes an event that matches; true if a batch waits to be sent now, and none did before.
    pub(super) fn add(&mut self, record: &Arc<Record>, now: Instant) -> bool {
        let waited = !self.closed.is_empty();
        self.closed.extend(self.window.add(Arc::clone(record), weight(record), now));
        !waited && !self.closed.is_empty()
    }

    /// Sends the window's batch if its time has come.
    pub(super) fn close_due(&mut self, round: &mut Round) {
        self.closed.extend(self.window.take_due(round.now));
        self.send(round);
    }

    /// Sends the window's batch as far as it has come.
    pub(super) fn close(&mut self, round: &mut Round) {
        self.closed.extend(self.window.close());
        self.send(round);
    }

    /// Sends what was closed, as many batches together as fit.
    pub(super) fn send(&mut self, round: &mut Round) {
        let mut closed = std::mem::take(&mut self.closed);
        while !closed.is_empty() {
            let mut sum = 0;
            let fits = closed.iter().take_while(|batch| {
                sum += batch.weight;
                sum <= TOGETHER
            });
            let later = closed.split_off(fits.count().max(1));
            self.send_together(closed, round);
            closed = later;
        }
    }

    fn send_together(&mut self, batches: Vec<Batch>, round: &mut Round) {
        let (before, last) = (before(&batches), last(&batches));
        self.sent = (last, round.now);
        let delivery = Delivery::new(&self.spec, Content::Batches(batches));
        self.offer(&delivery, (before, last), round);
        if let Content::Batches(batches) = &delivery.content {
            for batch in batches {
                round.time(batch);
            }
        }
    }

    /// Tells the members where they stand, if nothing matched for long, or on the way over many events.
    pub(super) fn send_position_if_due(
        &mut self,
        position: Position,
        every: (Offset, Duration),
        round: &Round,
    ) {
        let (offset, at) = self.sent;
        let moved = self.flushed(position.offset).saturating_sub(offset);
        if self.window.is_empty() && moved > 0 && (moved >= every.0 || round.now - at >= every.1) {
            self.send_position(position, round);
        }
    }

    /// Tells the members where they stand. It only helps: who has no room resumes from its last batch.
    pub(super) fn send_position(&mut self, position: Position, round: &Round) {
        self.sent = (position.offset, round.now);
        let delivery = Delivery::new(&self.spec, Content::Position(position));
        round.wire.prepare(&delivery, self.forms);
        for member in self.members.iter().filter(|member| !member.out) {
            let _ = member.offer(&delivery);
        }
    }

    /// Up to where the member in `slot` has everything. `cursor`: up to where events have been matched.
    pub(super) fn reached(&self, slot: usize, cursor: Offset) -> Option<Offset> {
        let member = self.members.get(slot).filter(|member| !member.out)?;
        Some(member.start.max(self.flushed(cursor)))
    }

    /// Tells the members which events are missing. Who has no room for that resumes before the gap.
    pub(super) fn send_gap(&mut self, gap: GapNotice, round: &mut Round) {
        let delivery = Delivery::new(&self.spec, Content::Gap(gap));
        self.offer(&delivery, (gap.from.offset - 1, Offset::MAX), round);
        if self.spec.ends_at_gap() {
            for member in self.members.iter_mut().filter(|member| !member.out) {
                member.subscription.end_at_gap();
                member.out = true;
                round.gone.push(member.subscription.serial);
            }
        }
    }

    /// Offers a delivery to every member that has not reached `last`. A member that joined in the middle of a window
    /// has its beginning already and gets the rest; one that can't take it has everything up to `before`.
    fn offer(&mut self, delivery: &Delivery, (before, last): (Offset, Offset), round: &mut Round) {
        round.wire.prepare(delivery, self.forms);
        self.forms = Forms::default();
        for member in self.members.iter_mut().filter(|member| !member.out) {
            self.forms.insert(member.form);
            if member.start >= last {
                continue;
            }
            let rest = delivery.after(member.start);
            let delivery = rest.as_ref().unwrap_or(delivery);
            match member.offer(delivery) {
                Offer::Taken => {
                    round.count += delivery.count();
                    continue;
                }
                Offer::Full => {
                    round.behind.push((Arc::clone(&member.subscription), member.start.max(before)));
                }
                Offer::Gone => round.gone.push(member.subscription.serial),
            }
            member.out = true;
        }
    }
}
