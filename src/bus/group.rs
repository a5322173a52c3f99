use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::subscription::{Offer, Spec, Subscription, weight};
use crate::event::{Offset, Position};
use crate::filter::FilterId;
use crate::log::Record;
use crate::metrics::Tally;
use crate::protocol::SharedFrames;
use crate::window::Window;

/// Bytes of frames that go out as one, about: each write of a socket costs what thousands of bytes cost.
const TOGETHER: usize = 128 << 10;

/// Subscriptions that ask for the same: one window, one frame for all.
pub(super) struct Group {
    pub(super) spec: Arc<Spec>,
    /// The index's id of its filter.
    pub(super) filter: FilterId,
    /// Its place among the groups of that filter.
    pub(super) place: usize,
    window: Window<Arc<Record>>,
    /// Batches that were closed and not sent, in their order.
    closed: Vec<Closed>,
    pub(super) members: Vec<Member>,
    /// Whether the engine has noted a deadline of this group.
    pub(super) scheduled: bool,
    /// Up to where its members were last told, by a batch or a position, and when.
    told: (Offset, Instant),
}

/// A batch, and the frame that all share who get it whole.
struct Closed {
    batch: Vec<Arc<Record>>,
    frame: Bytes,
    opened: Instant,
}

impl Closed {
    /// Up to where whoever gets it whole has everything.
    fn before(&self) -> Offset {
        self.batch.first().map_or(0, |first| first.offset - 1)
    }

    fn last(&self) -> Offset {
        self.batch.last().map_or(0, |last| last.offset)
    }

    /// The frame for one that has everything up to `start`.
    fn frame_after(&self, start: Offset, spec: &Spec) -> Bytes {
        if start <= self.before() {
            return self.frame.clone();
        }
        let rest = self.batch.partition_point(|record| record.offset <= start);
        spec.batch_frame(&self.batch[rest..])
    }
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
        let (closed, members) = (Vec::new(), Vec::new());
        Self { spec, filter, place: 0, window, closed, members, scheduled: false, told: (cursor, now) }
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
        let mut opened = self.window.opened().unwrap_or(now);
        for batch in self.window.add(Arc::clone(record), weight(record), now) {
            self.ready(batch, opened);
            // A second one has this event alone.
            opened = now;
        }
        !waited && !self.closed.is_empty()
    }

    pub(super) fn close_due(&mut self, now: Instant, delivered: &mut Delivered) {
        let opened = self.window.opened().unwrap_or(now);
        if let Some(batch) = self.window.take_due(now) {
            self.ready(batch, opened);
            self.send(now, delivered);
        }
    }

    pub(super) fn close(&mut self, now: Instant, delivered: &mut Delivered) {
        let opened = self.window.opened().unwrap_or(now);
        if let Some(batch) = self.window.close() {
            self.ready(batch, opened);
            self.send(now, delivered);
        }
    }

    fn ready(&mut self, batch: Vec<Arc<Record>>, opened: Instant) {
        let frame = self.spec.batch_frame(&batch);
        self.closed.push(Closed { batch, frame, opened });
    }

    /// Sends what was closed, as many batches in one write as fit.
    pub(super) fn send(&mut self, now: Instant, delivered: &mut Delivered) {
        let closed = std::mem::take(&mut self.closed);
        let mut rest = closed.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = rest.iter().take_while(|closed| {
                bytes += closed.frame.len();
                bytes <= TOGETHER
            });
            let (now_sent, later) = rest.split_at(fits.count().max(1));
            self.deliver(now_sent, now, delivered);
            rest = later;
        }
    }

    /// Offers the same bytes to all. A member that joined in the middle of a window has the batch's
    /// beginning already and gets a frame of its own.
    fn deliver(&mut self, run: &[Closed], now: Instant, delivered: &mut Delivered) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return };
        let (before, last) = (first.before(), last.last());
        let all = SharedFrames::together(run.iter().map(|closed| closed.frame.clone()));
        self.told = (last, now);
        let own = |spec: &Spec, start| {
            (start > before).then(|| {
                let behind = run.iter().filter(|closed| start < closed.last());
                SharedFrames::together(behind.map(|closed| closed.frame_after(start, spec)))
            })
        };
        self.offer(&all, (before, last), delivered, own);
        for closed in run {
            if let Some(first) = closed.batch.first() {
                delivered.time(first, now.saturating_duration_since(closed.opened));
            }
        }
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
    pub(super) fn tell_gap(&mut self, frame: &SharedFrames, from: Offset, delivered: &mut Delivered) {
        self.offer(frame, (from - 1, Offset::MAX), delivered, |_, _| None);
        if self.spec.ends_at_gap() {
            for member in self.members.iter_mut().filter(|member| !member.out) {
                member.subscription.end_at_gap();
                member.out = true;
                delivered.gone.push(member.serial());
            }
        }
    }

    /// Offers `frames` to every member that has not reached `last`, or what `own` makes for one that must not
    /// have all of it, given its start. Who can't take it stands at `before`.
    fn offer(
        &mut self,
        frames: &SharedFrames,
        (before, last): (Offset, Offset),
        delivered: &mut Delivered,
        own: impl Fn(&Spec, Offset) -> Option<SharedFrames>,
    ) {
        let spec = &self.spec;
        for member in self.members.iter_mut().filter(|member| !member.out && member.start < last) {
            let subscription = &member.subscription;
            let own = own(spec, member.start);
            let frames = own.as_ref().unwrap_or(frames);
            match subscription.subscriber.offer(frames) {
                Offer::Taken => {
                    delivered.frames += frames.count();
                    continue;
                }
                Offer::Full => delivered.behind.push((Arc::clone(subscription), member.start.max(before))),
                Offer::Gone => delivered.gone.push(subscription.serial),
            }
            member.out = true;
        }
    }
}
