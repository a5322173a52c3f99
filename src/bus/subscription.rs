use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::SemaphorePermit;

use super::{Admission, Content, Delivery, Form, Offer, Subscriber};
use crate::event::{Offset, Position};
use crate::filter::Filter;
use crate::limits::Allowance;
use crate::log::Bounds;
use crate::protocol::OnGap;
use crate::window;

/// What a subscription asks for. Equal ones form a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spec {
    /// Which events, the rights of who asks included.
    pub filter: Filter,
    /// The bounds of its window; a record weighs its message and a comma.
    pub window: window::Bounds,
    /// Its name, by which its subscriber knows it; `None` for the unnamed one.
    pub id: Option<String>,
    /// What a gap leads to.
    pub on_gap: OnGap,
}

impl Spec {
    pub(super) fn ends_at_gap(&self) -> bool {
        self.on_gap == OnGap::Fail
    }
}

/// A filter and a window of one subscriber.
pub struct Subscription {
    /// What it asks for.
    pub spec: Arc<Spec>,
    /// How its subscriber takes it.
    pub form: Form,
    /// Tells it from every other.
    pub(super) serial: u64,
    pub(super) subscriber: Arc<dyn Subscriber>,
    /// Who pays for what its filter searches; nobody where it searches nothing.
    pub(super) payer: Option<Arc<Allowance>>,
    /// A replay offers under this lock, so that nothing slips out behind the end, and no position behind a later one.
    course: Mutex<Course>,
    /// Its filter counts as used until the engine has let go of it.
    admission: Mutex<Option<Admission>>,
    /// How far its replay is; [`LIVE`] while it has none.
    reached: AtomicU64,
}

/// How a subscription stands.
struct Course {
    /// Until it is ended.
    open: bool,
    /// Up to where its subscriber was told, by its replay.
    told: Offset,
}

/// Stands for no offset of the log.
const LIVE: Offset = Offset::MAX;

impl Subscription {
    /// A subscription of `subscriber`, not yet anywhere in the log.
    pub fn new(spec: Spec, form: Form, admission: Admission, subscriber: Arc<dyn Subscriber>) -> Arc<Self> {
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let payer = admission.payer().cloned();
        Arc::new(Self {
            payer,
            spec: Arc::new(spec),
            form,
            serial,
            subscriber,
            course: Mutex::new(Course { open: true, told: 0 }),
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

    /// Begins a replay: its subscriber has everything up to `position`.
    pub(super) fn begin_replay(&self, position: Offset) {
        self.course.lock().told = position;
        self.set_replayed(Some(position));
    }

    pub(super) fn end(&self) {
        self.course.lock().open = false;
    }

    /// Ends it where its subscriber wants all or nothing, and something is missing.
    pub(super) fn end_at_gap(&self) {
        self.end();
        self.subscriber.over();
    }

    /// Ends it because its filter searches more than may be; it has everything up to `position`.
    pub(super) fn stop(&self, position: Position) {
        let mut course = self.course.lock();
        if std::mem::replace(&mut course.open, false) {
            self.subscriber.stopped(&self.spec, position);
        }
    }

    /// Lets another filter be admitted in place of its own, once the engine has let go of it.
    pub(super) fn release(&self) {
        self.admission.lock().take();
    }

    /// Whether it was ended: nothing of it is offered any more.
    pub fn ended(&self) -> bool {
        !self.course.lock().open
    }

    /// Offers a delivery. The engine alone may: it lets go of a subscription before anyone hears that it ended.
    pub(super) fn offer(&self, delivery: &Delivery) -> Offer {
        self.subscriber.offer(delivery, self.form)
    }

    /// Offers a replayed delivery, unless the subscription was ended. Who takes it has everything up to `last`.
    pub(super) fn offer_replayed(&self, delivery: &Delivery, last: Offset) -> Offer {
        let mut course = self.course.lock();
        if !course.open {
            return Offer::Gone;
        }
        let offer = self.offer(delivery);
        if offer == Offer::Taken {
            course.told = last;
        }
        offer
    }

    /// Says again up to where its replay has brought it.
    pub(super) fn repeat_position(&self, bounds: Bounds) {
        let course = self.course.lock();
        if course.open && self.replayed().is_some() {
            let position = Content::Position(bounds.at(course.told));
            let _ = self.offer(&Delivery::new(&self.spec, position));
        }
    }

    /// Waits until its subscriber has room for what is read from the log, or is gone; for how many bytes, about.
    pub(super) async fn room(&self) -> usize {
        self.subscriber.room().await
    }

    /// Waits until no other subscription of its subscriber reads the log.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes the semaphore; without it a turn would not be waited for, that is all.
        self.subscriber.turns()?.acquire().await.ok()
    }
}
