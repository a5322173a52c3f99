use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::subscription::{Offer, Spec, Subscription, weight};
use crate::event::{Offset, Position};
use crate::filter::FilterId;
use crate::log::Record;
use crate::metrics::Tally;
use crate::protocol::SharedFrame;
use crate::window::Window;

/// Subscriptions that ask for the same: one window, one frame for all.
pub(super) struct Group {
    pub(super) spec: Arc<Spec>,
    /// The index's id of its filter.
    pub(super) filter: FilterId,
    /// Its place among the groups of that filter.
    pub(super) place: usize,
    window: Window<Arc<Record>>,
    pub(super) members: Vec<Member>,
    /// Whether the engine has noted a deadline of this group.
    pub(super) scheduled: bool,
    /// Up to where its members were last told, by a batch or a position, and when.
    told: (Offset, Instant),
}

/// A live subscription. It has everything up to `start`; what its group sends behind that is its.
pub(super) struct Member {
    subscription: Arc<Subscription>,
    start: Offset,
    /// It could not take a frame: until the engine takes it out, it must get no later one.
    out: bool,
}

impl Member {
    pub(super) fn new(subscription: Arc<Subscription>, start: Offset) -> Self {
        Self { subscription, start, out: false }
    }

    pub(super) fn serial(&self) -> u64 {
        self.subscription.serial
    }
}

/// What a delivery did to the group: who could not take it, and where they stand.
#[derive(Default)]
pub(super) struct Delivered {
    pub(super) frames: u64,
    pub(super) behind: Vec<(Arc<Subscription>, Offset)>,
    pub(super) gone: Vec<u64>,
    /// How long each batch took from its first event's acceptance, and how long of that it was to wait.
    pub(super) lags: Tally,
    pub(super) waits: Tally,
}

impl Delivered {
    fn time(&mut self, first: &Record, waited: Duration) {
        let accepted = UNIX_EPOCH + Duration::from_millis(u64::try_from(first.accepted_at).unwrap_or(0));
        // The wall clock may have been set back.
        let age = SystemTime::now().duration_since(accepted).unwrap_or_default();
        self.waits.add(waited);
        self.lags.add(age.saturating_sub(waited));
    }
}

impl Group {
    pub(super) fn new(spec: Arc<Spec>, filter: FilterId, cursor: Offset, now: Instant) -> Self {
        let window = Window::new(spec.bounds());
        Self { spec, filter, place: 0, window, members: Vec::new(), scheduled: false, told: (cursor, now) }
    }

    /// Up to where everything that matches has been sent. `cursor`: up to where events have been matched.
    pub(super) fn flushed(&self, cursor: Offset) -> Offset {
        self.window.first().map_or(cursor, |first| first.offset - 1)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.window.deadline()
    }

    /// Takes an event that matches, and sends the batches that it closes.
    pub(super) fn add(&mut self, record: &Arc<Record>, now: Instant, delivered: &mut Delivered) {
        let mut opened = self.window.opened().unwrap_or(now);
        for batch in self.window.add(Arc::clone(record), weight(record), now) {
            self.deliver(&batch, opened, now, delivered);
            // A second one has this event alone.
            opened = now;
        }
    }

    pub(super) fn close_due(&mut self, now: Instant, delivered: &mut Delivered) {
        let opened = self.window.opened().unwrap_or(now);
        if let Some(batch) = self.window.take_due(now) {
            self.deliver(&batch, opened, now, delivered);
        }
    }

    pub(super) fn close(&mut self, now: Instant, delivered: &mut Delivered) {
        let opened = self.window.opened().unwrap_or(now);
        if let Some(batch) = self.window.close() {
            self.deliver(&batch, opened, now, delivered);
        }
    }

    /// Offers one frame to all. A member that joined in the middle of the window has the batch's
    /// beginning already and gets a frame of its own.
    fn deliver(&mut self, batch: &[Arc<Record>], opened: Instant, now: Instant, delivered: &mut Delivered) {
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return };
        let (before, last) = (first.offset - 1, last.offset);
        let frame = self.spec.batch_frame(batch);
        self.told = (last, now);
        let own = |spec: &Spec, start| {
            let rest = || batch.partition_point(|record| record.offset <= start);
            (start > before).then(|| spec.batch_frame(&batch[rest()..]))
        };
        self.offer(&frame, (before, last), delivered, own);
        delivered.time(first, now.saturating_duration_since(opened));
    }

    /// Tells the members that nothing matched for long, or on the way over many events.
    pub(super) fn tell_position(
        &mut self,
        position: Position,
        every: (Offset, std::time::Duration),
        now: Instant,
    ) {
        let (offset, at) = self.told;
        let moved = self.flushed(position.offset).saturating_sub(offset);
        if self.window.is_empty() && moved > 0 && (moved >= every.0 || now - at >= every.1) {
            self.tell(position, now);
        }
    }

    pub(super) fn tell(&mut self, position: Position, now: Instant) {
        self.told = (position.offset, now);
        let frame = self.spec.position_frame(position);
        for member in self.members.iter().filter(|member| !member.out) {
            // Only a help: who has no room resumes from its last batch.
            let _ = member.subscription.subscriber.offer(&frame);
        }
    }

    /// Tells the members that events are missing. Whoever has no room for that resumes before the gap.
    pub(super) fn tell_gap(&mut self, frame: &SharedFrame, from: Offset, delivered: &mut Delivered) {
        self.offer(frame, (from - 1, Offset::MAX), delivered, |_, _| None);
        if self.spec.ends_at_gap() {
            for member in self.members.iter_mut().filter(|member| !member.out) {
                member.subscription.end_at_gap();
                member.out = true;
                delivered.gone.push(member.serial());
            }
        }
    }

    /// Offers `frame` to every member that has not reached `last`, or what `own` makes for one that must not
    /// have all of it, given its start. Who can't take it stands at `before`.
    fn offer(
        &mut self,
        frame: &SharedFrame,
        (before, last): (Offset, Offset),
        delivered: &mut Delivered,
        own: impl Fn(&Spec, Offset) -> Option<SharedFrame>,
    ) {
        let spec = &self.spec;
        for member in self.members.iter_mut().filter(|member| !member.out && member.start < last) {
            let subscription = &member.subscription;
            let own = own(spec, member.start);
            match subscription.subscriber.offer(own.as_ref().unwrap_or(frame)) {
                Offer::Taken => {
                    delivered.frames += 1;
                    continue;
                }
                Offer::Full => delivered.behind.push((Arc::clone(subscription), member.start.max(before))),
                Offer::Gone => delivered.gone.push(subscription.serial),
            }
            member.out = true;
        }
    }
}
