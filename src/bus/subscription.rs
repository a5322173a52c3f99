use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::json;

use super::Admission;
use crate::event::{Offset, Position};
use crate::filter::Filter;
use crate::log::{Bounds, Record};
use crate::protocol::{
    Batching, Code, ENVELOPE_OVERHEAD, ErrorBody, Format, Framing, OnGap, ServerMessage, SharedFrames,
};
use crate::window;

/// Who receives a subscription's frames.
pub trait Subscriber: Send + Sync + 'static {
    /// Takes whole frames, all of them or none, or says why not. Does not block, and costs nobody else.
    fn offer(&self, frames: &SharedFrames) -> Offer;

    /// Waits until there is room for more, or nobody is there any more.
    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// One of its subscriptions has ended by itself, and said so: nothing of it follows.
    fn over(&self) {}
}

/// What became of an offered frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It will be sent.
    Taken,
    /// There is no room for it now.
    Full,
    /// Nobody is there any more.
    Gone,
}

/// What a subscription asks for. Equal ones form a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spec {
    /// Which events, the reader's rights included.
    pub filter: Filter,
    /// The bounds of its window.
    pub batching: Batching,
    /// The form of its events.
    pub format: Format,
    /// How its messages are told apart on the wire.
    pub framing: Framing,
    /// Its name, which stands in its envelopes; `None` for the unnamed one.
    pub id: Option<String>,
    /// What a gap leads to.
    pub on_gap: OnGap,
}

impl Spec {
    /// The window's bounds, with the envelope's own bytes taken off.
    pub(super) fn bounds(&self) -> window::Bounds {
        let name = self.id.as_ref().map_or(0, |id| id.len() + 8);
        window::Bounds {
            count: self.batching.size,
            // One comma more is counted than stands in the envelope.
            weight: (self.batching.bytes + 1).saturating_sub(ENVELOPE_OVERHEAD + name),
            age: self.batching.cutoff,
        }
    }

    pub(super) fn ends_at_gap(&self) -> bool {
        self.on_gap == OnGap::Fail
    }

    /// A batch as the frame that all its readers share.
    pub(super) fn batch_frame(&self, batch: &[Arc<Record>]) -> Bytes {
        let messages = batch.iter().map(|record| &record.message);
        self.framing.batch(self.id.as_deref(), self.format, messages)
    }

    /// Says where its readers stand.
    pub(super) fn position_frame(&self, position: Position) -> SharedFrames {
        self.message(&ServerMessage::Position { id: self.id.as_deref(), event_id: position.to_string() })
    }

    /// Says which events are missing: as a notice, or as the error that ends it.
    pub(super) fn gap_frame(&self, bounds: Bounds, gap: &crate::log::Gap) -> SharedFrames {
        let (from, to) = (bounds.at(gap.from).to_string(), bounds.at(gap.to).to_string());
        if self.ends_at_gap() {
            let message = format!("events are missing ({}); nothing more is sent", gap.reason.as_str());
            let details = json!({"from": from, "to": to, "reason": gap.reason.as_str()});
            let error = ErrorBody { details, ..ErrorBody::new(Code::Gap, message) };
            return self.message(&ServerMessage::Error { error, id: self.id.as_deref() });
        }
        self.message(&ServerMessage::Gap { id: self.id.as_deref(), from, to, reason: gap.reason.as_str() })
    }

    fn message(&self, message: &ServerMessage<'_>) -> SharedFrames {
        self.framing.message(message).unwrap_or_default().into()
    }
}

/// What a record adds to an envelope: its message and a comma.
pub(super) fn weight(record: &Record) -> usize {
    record.message.len() + 1
}

/// A filter and a window of one subscriber.
pub struct Subscription {
    /// What it asks for.
    pub spec: Arc<Spec>,
    /// Tells it from every other.
    pub(super) serial: u64,
    pub(super) subscriber: Arc<dyn Subscriber>,
    /// Open until it is ended. A replay offers under this lock, so that nothing slips out behind the end.
    open: Mutex<bool>,
    /// Its filter counts as used until the engine has let go of it.
    admission: Mutex<Option<Admission>>,
    /// How far its replay is; [`LIVE`] while it has none.
    reached: AtomicU64,
}

/// Stands for no place in the log.
const LIVE: Offset = Offset::MAX;

impl Subscription {
    /// A subscription of `subscriber`, not yet anywhere in the log.
    pub fn new(spec: Spec, admission: Admission, subscriber: Arc<dyn Subscriber>) -> Arc<Self> {
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self {
            spec: Arc::new(spec),
            serial,
            subscriber,
            open: Mutex::new(true),
            admission: Mutex::new(Some(admission)),
            reached: AtomicU64::new(LIVE),
        })
    }

    /// Up to where its replay has offered everything; `None` while it is live.
    pub fn replayed(&self) -> Option<Offset> {
        Some(self.reached.load(Ordering::Relaxed)).filter(|reached| *reached != LIVE)
    }

    pub(super) fn set_replayed(&self, reached: Option<Offset>) {
        self.reached.store(reached.unwrap_or(LIVE), Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        *self.open.lock() = false;
    }

    /// Ends it where its reader wants all or nothing, and something is missing.
    pub(super) fn end_at_gap(&self) {
        self.end();
        self.subscriber.over();
    }

    /// Lets others use its filter's place, once the engine has let go of it.
    pub(super) fn release(&self) {
        self.admission.lock().take();
    }

    /// Whether it was ended: nothing of it is offered any more.
    pub fn ended(&self) -> bool {
        !*self.open.lock()
    }

    /// Offers a replayed frame, unless the subscription was ended.
    pub(super) fn offer(&self, frame: &SharedFrames) -> Offer {
        let open = self.open.lock();
        if *open { self.subscriber.offer(frame) } else { Offer::Gone }
    }
}
