//! The bus under a clock that stands still until everyone waits.

mod budget;
mod reminders;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use tokio::time::sleep;

use super::*;
use crate::event::{AttributesBuilder, EventType, Field};
use crate::filter::{Filter, Options, SearchBudget};
use crate::limits::WorkLimits;
use crate::log::{Commit, EventLog, Home, MemoryLog, Record};
use crate::protocol::OnGap;
use crate::vital::first_end;
use crate::window::Bounds;

/// What a subscriber saw of the bus, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sight {
    /// The offsets of batches that came together.
    Batches(Vec<Vec<Offset>>),
    Position(Offset),
    /// The first and the last event that is missing.
    Gap(Offset, Offset),
    Over,
    /// Up to where it has everything.
    Stopped(Offset),
}

use Sight::{Gap, Over, Position, Stopped};

fn batch(offsets: impl IntoIterator<Item = Offset>) -> Sight {
    Sight::Batches(vec![offsets.into_iter().collect()])
}

/// Remembers what it is offered, as long as it has room.
struct Recorder {
    sights: Mutex<Vec<Sight>>,
    has_room: watch::Sender<bool>,
}

impl Recorder {
    /// What came since the last call.
    fn sights(&self) -> Vec<Sight> {
        std::mem::take(&mut *self.sights.lock())
    }

    fn set_room(&self, has_room: bool) {
        self.has_room.send_replace(has_room);
    }
}

impl Subscriber for Recorder {
    fn offer(&self, delivery: &Delivery, _: Form) -> Offer {
        if !*self.has_room.borrow() {
            return Offer::Full;
        }
        let offsets = |batch: &Batch| batch.items.iter().map(|record| record.offset).collect();
        self.sights.lock().push(match &delivery.content {
            Content::Batches(batches) => Sight::Batches(batches.iter().map(offsets).collect()),
            Content::Position(position) => Position(position.offset),
            Content::Gap(gap) => Gap(gap.from.offset, gap.to.offset),
        });
        Offer::Taken
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
        let mut has_room = self.has_room.subscribe();
        Box::pin(async move {
            let _ = has_room.wait_for(|has_room| *has_room).await;
            1 << 20
        })
    }

    fn stopped(&self, _: &Spec, position: crate::event::Position) {
        self.sights.lock().push(Stopped(position.offset));
    }

    fn over(&self) {
        self.sights.lock().push(Over);
    }
}

/// Remembers for whom it was asked to make something.
#[derive(Default)]
struct RecordingWire {
    asked: Mutex<Vec<Vec<u8>>>,
}

impl Wire for RecordingWire {
    fn prepare(&self, _: &Delivery, forms: Forms) {
        self.asked.lock().push(forms.iter().map(Form::number).collect());
    }
}

/// A bus over a log in memory.
struct Rig {
    log: Arc<MemoryLog>,
    bus: Bus,
    wire: Arc<RecordingWire>,
    metrics: Arc<Metrics>,
}

impl Rig {
    /// The log keeps about so many bytes.
    fn new(bytes: usize) -> Self {
        Self::searching(bytes, SearchBudget::default())
    }

    /// The filters of each reader may search so much.
    fn searching(bytes: usize, search: SearchBudget) -> Self {
        let allowances = Arc::new(Allowances::new(WorkLimits { search, ..WorkLimits::default() }));
        let log = Arc::new(MemoryLog::new(7, bytes, &[]));
        let (wire, metrics) = (Arc::<RecordingWire>::default(), Arc::<Metrics>::default());
        let reader = LogHandle::new(Arc::clone(&log) as Arc<dyn Home>);
        let bus = Bus::start(
            reader,
            Arc::clone(&wire) as Arc<dyn Wire>,
            Arc::default(),
            allowances,
            Arc::clone(&metrics),
        );
        Self { log, bus, wire, metrics }
    }

    /// Appends events with messages of so many bytes; their tags are `v0`, `v1`, `v2`, and again.
    fn append(&self, count: Offset, bytes: usize) {
        let newest = self.log.bounds().newest;
        let records = (newest + 1..=newest + count).map(|offset| {
            let mut attributes = AttributesBuilder::new(EventType::CreateImageTag);
            let tag = format!("v{}", offset % 3);
            attributes.set(Field::Tag, &tag);
            let message = vec![b' '; bytes].into();
            Arc::new(Record { offset, accepted_at: 0, attributes: attributes.build(), message })
        });
        let commit = Commit { records: records.collect(), changes: Vec::new() };
        self.log.append(commit).expect("a log in memory takes all");
    }

    async fn subscribe_as(
        &self,
        form: Form,
        spec: Spec,
        after: Offset,
    ) -> (Arc<Recorder>, Arc<Subscription>) {
        self.subscribe_of("a", form, spec, after).await
    }

    async fn subscribe_of(
        &self,
        reader: &str,
        form: Form,
        spec: Spec,
        after: Offset,
    ) -> (Arc<Recorder>, Arc<Subscription>) {
        let who = Customer::Reader(reader.to_owned());
        let has_room = watch::Sender::new(true);
        let recorder = Arc::new(Recorder { sights: Mutex::default(), has_room });
        let admission =
            self.bus.admit(&spec.filter, &self.bus.allowance(who), None).expect("room for a filter");
        let subscriber = Arc::clone(&recorder) as Arc<dyn Subscriber>;
        let subscription = Subscription::new(spec, form, admission, subscriber);
        self.bus.subscribe(Arc::clone(&subscription), after).await;
        (recorder, subscription)
    }

    async fn subscribe(&self, spec: Spec, after: Offset) -> Arc<Recorder> {
        self.subscribe_as(Form::VALUES, spec, after).await.0
    }
}

const PLENTY: usize = 64 << 20;

/// All that `filter` matches, in windows of 100 ms.
fn spec(filter: &str) -> Spec {
    let filter = Filter::parse(filter, &Options::default()).expect("a filter");
    let window = Bounds { count: 5_000, weight: 1 << 20, age: Duration::from_millis(100) };
    Spec { filter, window, id: None, on_gap: OnGap::Notify }
}

/// All events, each a batch of its own.
fn one_by_one() -> Spec {
    let mut spec = spec("true");
    spec.window.count = 1;
    spec
}

async fn pass(ms: u64) {
    sleep(Duration::from_millis(ms)).await;
}

#[tokio::test(start_paused = true)]
async fn what_matches_within_a_window_comes_as_one_batch_when_its_time_is_over() {
    let rig = Rig::new(PLENTY);
    let some = rig.subscribe(spec("tag == 'v1'"), 0).await;
    rig.append(4, 10);
    pass(50).await;
    rig.append(3, 10);
    pass(40).await;
    assert_eq!(some.sights(), []);
    pass(20).await;
    assert_eq!(some.sights(), [batch([1, 4, 7])]);
}

#[tokio::test(start_paused = true)]
async fn who_is_close_behind_is_brought_to_the_end_at_once() {
    let rig = Rig::new(PLENTY);
    rig.append(200, 10);
    pass(1).await;
    let (late, subscription) = rig.subscribe_as(Form::VALUES, spec("true"), 4).await;
    assert_eq!((late.sights(), subscription.replayed()), (vec![batch(5..=200)], None));
}

#[tokio::test(start_paused = true)]
async fn who_is_far_behind_replays_and_then_is_live() {
    let rig = Rig::new(PLENTY);
    rig.append(1_000, 10);
    pass(1).await;
    let (late, subscription) = rig.subscribe_as(Form::VALUES, spec("true"), 400).await;
    assert_eq!(late.sights(), [], "the engine leaves that to a replay");
    pass(1).await;
    assert_eq!((late.sights(), subscription.replayed()), (vec![batch(401..=1_000)], None));
    rig.append(1, 10);
    pass(110).await;
    assert_eq!(late.sights(), [batch([1_001])]);
}

#[tokio::test(start_paused = true)]
async fn who_has_no_room_goes_on_where_it_was_and_nobody_waits_for_it() {
    let rig = Rig::new(PLENTY);
    let (slow, quick) = (rig.subscribe(one_by_one(), 0).await, rig.subscribe(one_by_one(), 0).await);
    rig.append(1, 10);
    pass(1).await;
    slow.set_room(false);
    for _ in 0..3 {
        rig.append(1, 10);
        pass(1).await;
    }
    assert_eq!(quick.sights(), [batch([1]), batch([2]), batch([3]), batch([4])]);
    assert_eq!(slow.sights(), [batch([1])]);
    assert_eq!((rig.metrics.fell_behind.get(), rig.metrics.live_subscriptions.get()), (1, 1));
    slow.set_room(true);
    pass(1).await;
    assert_eq!(slow.sights(), [batch([2]), batch([3]), batch([4])]);
    assert_eq!(rig.metrics.live_subscriptions.get(), 2);
    rig.append(1, 10);
    pass(1).await;
    assert_eq!((slow.sights(), quick.sights()), (vec![batch([5])], vec![batch([5])]));
}

#[tokio::test(start_paused = true)]
async fn who_joins_in_the_middle_of_a_window_gets_the_rest_of_it() {
    let rig = Rig::new(PLENTY);
    let first = rig.subscribe(spec("true"), 0).await;
    rig.append(2, 10);
    pass(10).await;
    let second = rig.subscribe(spec("true"), 2).await;
    rig.append(1, 10);
    pass(100).await;
    assert_eq!(rig.metrics.groups.get(), 1);
    assert_eq!((first.sights(), second.sights()), (vec![batch(1..=3)], vec![batch([3])]));
}

#[tokio::test(start_paused = true)]
async fn batches_that_close_together_come_together_up_to_a_bound() {
    let rig = Rig::new(PLENTY);
    let all = rig.subscribe(one_by_one(), 0).await;
    rig.append(3, 10);
    pass(1).await;
    assert_eq!(all.sights(), [Sight::Batches(vec![vec![1], vec![2], vec![3]])]);
    rig.append(5, 50 << 10);
    pass(1).await;
    let [two, other, one] = [vec![vec![4], vec![5]], vec![vec![6], vec![7]], vec![vec![8]]];
    assert_eq!(all.sights(), [Sight::Batches(two), Sight::Batches(other), Sight::Batches(one)]);
    assert_eq!(rig.metrics.frames.get(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_replay_finds_a_gap_and_goes_on_behind_it_or_ends() {
    let rig = Rig::new(4_000);
    rig.append(20, 500);
    pass(1).await;
    let oldest = rig.log.bounds().oldest;
    assert!(oldest > 5);
    let notified = rig.subscribe(spec("true"), 2).await;
    let all_or_nothing = Spec { on_gap: OnGap::Fail, ..spec("true") };
    let (ended, subscription) = rig.subscribe_as(Form::VALUES, all_or_nothing, 2).await;
    pass(1).await;
    assert_eq!(notified.sights(), [Gap(3, oldest - 1), batch(oldest..=20)]);
    assert_eq!((ended.sights(), subscription.ended()), (vec![Gap(3, oldest - 1), Over], true));
    rig.append(1, 10);
    pass(110).await;
    assert_eq!((notified.sights(), ended.sights()), (vec![batch([21])], vec![]));
}

#[tokio::test(start_paused = true)]
async fn what_the_log_lost_before_the_bus_had_it_is_a_gap_for_everyone_live() {
    let rig = Rig::new(4_000);
    let notified = rig.subscribe(spec("true"), 0).await;
    let ended = rig.subscribe(Spec { on_gap: OnGap::Fail, ..spec("true") }, 0).await;
    rig.append(1, 10);
    pass(10).await;
    rig.append(20, 500);
    let oldest = rig.log.bounds().oldest;
    pass(110).await;
    assert_eq!(notified.sights(), [batch([1]), Gap(2, oldest - 1), batch(oldest..=21)]);
    assert_eq!(ended.sights(), [batch([1]), Gap(2, oldest - 1), Over]);
    assert_eq!(rig.metrics.live_subscriptions.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn positions_come_after_thirty_seconds_or_many_events_without_a_match() {
    let rig = Rig::new(PLENTY);
    let none = rig.subscribe(spec("tag == 'other'"), 0).await;
    rig.append(1, 10);
    pass(28_000).await;
    assert_eq!(none.sights(), []);
    pass(4_000).await;
    assert_eq!(none.sights(), [Position(1)]);
    pass(60_000).await;
    assert_eq!(none.sights(), [], "nothing is new");
    rig.append(10_000, 0);
    pass(1).await;
    assert_eq!(none.sights().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_seldom_matches_sends_its_position_on_the_way() {
    let rig = Rig::new(PLENTY);
    rig.append(25_000, 0);
    pass(1).await;
    let none = rig.subscribe(spec("tag == 'other'"), 0).await;
    pass(1).await;
    let sights = none.sights();
    assert!(matches!(sights[..], [Position(10_000..12_000), Position(20_000..23_000)]), "{sights:?}");
}

#[tokio::test(start_paused = true)]
async fn stopping_closes_windows_and_says_where_everyone_stands() {
    let rig = Rig::new(PLENTY);
    let all = rig.subscribe(spec("true"), 0).await;
    rig.append(2, 10);
    rig.bus.stop().await;
    assert_eq!(all.sights(), [batch([1, 2]), Position(2)]);
    rig.append(1, 10);
    pass(60_000).await;
    assert_eq!(all.sights(), []);
}

#[tokio::test(start_paused = true)]
async fn nothing_follows_the_end_of_a_subscription() {
    let rig = Rig::new(PLENTY);
    let (live, subscription) = rig.subscribe_as(Form::VALUES, spec("true"), 0).await;
    rig.append(1_000, 10);
    pass(1).await;
    rig.bus.unsubscribe(&subscription).await;
    let (replaying, subscription) = rig.subscribe_as(Form::VALUES, spec("true"), 0).await;
    rig.bus.unsubscribe(&subscription).await;
    rig.append(1, 10);
    pass(60_000).await;
    assert_eq!((live.sights(), replaying.sights()), (vec![], vec![]));
    assert_eq!((rig.metrics.groups.get(), rig.metrics.live_subscriptions.get()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_wire_is_asked_once_for_the_forms_that_members_take() {
    let rig = Rig::new(PLENTY);
    let _values = rig.subscribe(one_by_one(), 0).await;
    let _one = rig.subscribe_as(Form::new(1), one_by_one(), 0).await;
    let (_, two) = rig.subscribe_as(Form::new(2), one_by_one(), 0).await;
    let asked = async || {
        rig.append(1, 10);
        pass(1).await;
        std::mem::take(&mut *rig.wire.asked.lock())
    };
    assert_eq!(asked().await, [[1, 2]]);
    rig.bus.unsubscribe(&two).await;
    asked().await;
    assert_eq!(asked().await, [[1]]);
}

/// Never has room, and counts who waits for some.
#[derive(Default)]
struct Stuck {
    turns: Option<Semaphore>,
    waiting: AtomicUsize,
}

impl Subscriber for Stuck {
    fn offer(&self, _: &Delivery, _: Form) -> Offer {
        Offer::Full
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::pending())
    }

    fn stopped(&self, _: &Spec, _: crate::event::Position) {}

    fn turns(&self) -> Option<&Semaphore> {
        self.turns.as_ref()
    }
}

#[tokio::test(start_paused = true)]
async fn of_one_subscriber_one_subscription_reads_the_log_at_a_time() {
    for (turns, at_once) in [(None, 3), (Some(Semaphore::new(1)), 1)] {
        let rig = Rig::new(PLENTY);
        rig.append(1_000, 100);
        let stuck = Arc::new(Stuck { turns, ..Stuck::default() });
        for _ in 0..3 {
            let spec = spec("true");
            let admission = rig
                .bus
                .admit(&spec.filter, &rig.bus.allowance(Customer::Reader("a".into())), None)
                .expect("room for a filter");
            let subscriber = Arc::clone(&stuck) as Arc<dyn Subscriber>;
            rig.bus.subscribe(Subscription::new(spec, Form::VALUES, admission, subscriber), 0).await;
        }
        sleep(Duration::from_secs(1)).await;
        assert_eq!(stuck.waiting.load(Ordering::Relaxed), at_once);
    }
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_is_read_again_and_each_event_comes_once() {
    let rig = Rig::new(PLENTY);
    rig.append(1_000, 1_000);
    let window = Bounds { count: 7, ..spec("true").window };
    let recorder = rig.subscribe(Spec { window, ..spec("tag == 'v1'") }, 0).await;
    let mut got = Vec::new();
    for n in 0..200 {
        recorder.set_room(n % 2 == 0);
        sleep(Duration::from_millis(1)).await;
        for sight in recorder.sights() {
            let Sight::Batches(batches) = sight else { continue };
            got.extend(batches.into_iter().flatten());
        }
    }
    assert!(got.iter().copied().eq((1..=1_000).filter(|offset| offset % 3 == 1)), "{got:?}");
}

struct PanickingWire;

impl Wire for PanickingWire {
    fn prepare(&self, _: &Delivery, _: Forms) {
        panic!("as a test wants it");
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_engine_does_not_stay_unseen() {
    let rig = Rig::new(1 << 20);
    let reader = LogHandle::new(Arc::clone(&rig.log) as Arc<dyn Home>);
    let bus = Bus::start(reader, Arc::new(PanickingWire), Arc::default(), Arc::default(), Arc::default());
    let rig = Rig { bus, ..rig };
    let _member = rig.subscribe(one_by_one(), 0).await;
    rig.append(1, 10);
    assert_eq!(first_end(rig.bus.vitals()).await, "the bus");
}
