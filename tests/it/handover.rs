//! The switch from replay to live, under a clock that stands still: subscribers begin anywhere, have no room now and
//! then, come and go, while events come. Each run has a seed, which is printed and repeats it:
//! `TAGCAST_SEED=7 cargo test --test it handover::`.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tagcast::parts::bus::{Bus, Content, Delivery, Form, Forms, Offer, Spec, Subscriber, Subscription, Wire};
use tagcast::parts::event::{AttributesBuilder, EventType, Field, Offset, Position};
use tagcast::parts::filter::{Filter, Options};
use tagcast::parts::limits::Customer;
use tagcast::parts::log::{Commit, EventLog, Home, LogHandle, MemoryLog, Record};
use tagcast::parts::metrics::Metrics;
use tagcast::parts::protocol::OnGap;
use tagcast::parts::window::Bounds;

const EVENTS: Offset = 400;

fn record(offset: Offset) -> Arc<Record> {
    let tag = format!("v{}", offset % 3);
    let mut builder = AttributesBuilder::new(EventType::CreateImageTag);
    builder.set(Field::Tag, &tag);
    let message = format!("{{\"n\":{offset}}}").into();
    Arc::new(Record { offset, accepted_at: 0, attributes: builder.build(), message })
}

/// Takes batches while it has room, which it has at random.
struct Recorder {
    got: Mutex<Vec<Offset>>,
    dice: Mutex<StdRng>,
    full: AtomicBool,
}

impl Subscriber for Recorder {
    fn offer(&self, delivery: &Delivery, _: Form) -> Offer {
        if self.full.load(Ordering::Acquire) {
            return Offer::Full;
        }
        if let Content::Batches(batches) = &delivery.content {
            let offsets = batches.iter().flat_map(|batch| &batch.items).map(|record| record.offset);
            self.got.lock().expect("a lock").extend(offsets);
        }
        let fills_up = self.dice.lock().expect("a lock").random_bool(0.2);
        self.full.store(fills_up, Ordering::Release);
        Offer::Taken
    }

    fn stopped(&self, _: &Spec, _: Position) {}

    fn room(&self) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
        Box::pin(async {
            let pause = self.dice.lock().expect("a lock").random_range(0..30);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            self.full.store(false, Ordering::Release);
            self.dice.lock().expect("a lock").random_range(0..20_000)
        })
    }
}

/// Nobody takes bytes here.
struct NoWire;

impl Wire for NoWire {
    fn prepare(&self, _: &Delivery, _: Forms) {}
}

fn dice(seed: u64, part: u64) -> StdRng {
    StdRng::seed_from_u64(seed << 8 | part)
}

/// A subscription of a run. `wanted`: which events, of three sorts or all.
struct Reading {
    wanted: u64,
    start: Offset,
    recorder: Arc<Recorder>,
    subscription: Arc<Subscription>,
}

/// Subscribes behind any of the events before `next`.
async fn subscribe(
    bus: &Bus,
    rng: &mut StdRng,
    seed: u64,
    part: u64,
    next: Offset,
) -> Result<Reading, String> {
    let wanted = rng.random_range(0..4_u64);
    let text = if wanted == 3 { "true".into() } else { format!("tag == 'v{wanted}'") };
    let filter = Filter::parse(&text, &Options::default()).map_err(|error| error.to_string())?;
    let window = Bounds {
        count: rng.random_range(1..20),
        weight: 1 << 20,
        age: Duration::from_millis(rng.random_range(0..40)),
    };
    let admission = bus
        .admit(&filter, &bus.allowance(Customer::Cloud("c".into())), None)
        .map_err(|error| error.to_string())?;
    let spec = Spec { filter, window, id: None, on_gap: OnGap::Notify };
    let recorder = Arc::new(Recorder {
        got: Mutex::default(),
        dice: Mutex::new(dice(seed, 1 + part)),
        full: AtomicBool::new(false),
    });
    let subscriber = Arc::clone(&recorder) as Arc<dyn Subscriber>;
    let subscription = Subscription::new(spec, Form::VALUES, admission, subscriber);
    let start = rng.random_range(0..next);
    bus.subscribe(Arc::clone(&subscription), start).await;
    Ok(Reading { wanted, start, recorder, subscription })
}

/// One run; what a subscriber has wrong.
async fn run(seed: u64) -> Result<(), String> {
    let mut rng = dice(seed, 0);
    let log = Arc::new(MemoryLog::new(7, 64 << 20, &[]));
    let bus = Bus::start(
        LogHandle::new(Arc::clone(&log) as Arc<dyn Home>),
        Arc::new(NoWire),
        Arc::default(),
        Arc::default(),
        Arc::new(Metrics::default()),
    );
    let mut readings = Vec::new();
    let mut next = 1;
    while next <= EVENTS {
        if readings.len() < 12 && rng.random_bool(0.3) {
            readings.push(subscribe(&bus, &mut rng, seed, readings.len() as u64, next).await?);
        }
        let last = EVENTS.min(next + rng.random_range(0..12));
        log.append(Commit { records: (next..=last).map(record).collect(), changes: vec![] })
            .map_err(|error| error.to_string())?;
        next = last + 1;
        for _ in 0..rng.random_range(0..4) {
            tokio::task::yield_now().await;
        }
        if rng.random_bool(0.4) {
            tokio::time::sleep(Duration::from_millis(rng.random_range(1..25))).await;
        }
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    for Reading { wanted, start, recorder, subscription } in readings {
        bus.unsubscribe(&subscription).await;
        let expected: Vec<_> = (start + 1..=EVENTS).filter(|n| wanted == 3 || n % 3 == wanted).collect();
        let got = recorder.got.lock().expect("a lock").clone();
        if got != expected {
            let at = got.iter().zip(&expected).take_while(|(one, other)| one == other).count();
            return Err(format!("behind {start}, at {at}: {:?}, not {:?}", got.get(at), expected.get(at)));
        }
    }
    Ok(())
}

#[test]
fn nothing_is_lost_or_doubled_on_the_way_from_replay_to_live() {
    let one = std::env::var("TAGCAST_SEED").ok().and_then(|seed| seed.parse().ok());
    let first = one.unwrap_or_else(rand::random::<u32>).into();
    let runs = if one.is_some() { 1 } else { 150 };
    for seed in first..first + runs {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let done = runtime.expect("a runtime").block_on(run(seed));
        assert_eq!(done, Ok(()), "with TAGCAST_SEED={seed}");
    }
}
