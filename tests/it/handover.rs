//! The switch from replay to live, under a clock that stands still: readers begin anywhere, have no room now and
//! then, come and go, while events come. Each run has a seed, which is printed and repeats it:
//! `TAGCAST_SEED=7 cargo test --test it handover::`.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use tagcast::parts::bus::{Bus, Offer, Spec, Subscriber, Subscription};
use tagcast::parts::event::{AttributesBuilder, EventType, Field, Offset};
use tagcast::parts::filter::{Filter, Options};
use tagcast::parts::log::{Commit, EventLog, LogReader, MemoryLog, Record};
use tagcast::parts::metrics::Metrics;
use tagcast::parts::protocol::{Batching, Format, Framing, OnGap, SharedFrames};

const EVENTS: Offset = 400;

fn record(offset: Offset) -> Arc<Record> {
    let tag = format!("v{}", offset % 3);
    let mut builder = AttributesBuilder::new(EventType::CreateImageTag);
    builder.set(Field::Tag, &tag);
    let message = format!("{{\"n\":{offset}}}").into();
    Arc::new(Record { offset, accepted_at: 0, attributes: builder.build(), message })
}

/// Takes frames while it has room, which it has at random.
struct Reader {
    got: Mutex<Vec<Offset>>,
    dice: Mutex<StdRng>,
    full: AtomicBool,
}

impl Subscriber for Reader {
    fn offer(&self, frames: &SharedFrames) -> Offer {
        if self.full.load(Ordering::Acquire) {
            return Offer::Full;
        }
        let (mut rest, mut count) = (&frames.plain()[..], 0);
        while !rest.is_empty() {
            let (header, length) = match rest[1] {
                126 => (4, u64::from(u16::from_be_bytes([rest[2], rest[3]]))),
                127 => (10, u64::from_be_bytes(*rest[2..].first_chunk().expect("a length"))),
                short => (2, u64::from(short)),
            };
            let (text, behind) = rest[header..].split_at(usize::try_from(length).expect("a length"));
            let message: Value = serde_json::from_slice(text).expect("JSON");
            let numbers = message["messages"].as_array().into_iter().flatten();
            let numbers = numbers.map(|event| event["n"].as_u64().expect("a number"));
            self.got.lock().expect("a lock").extend(numbers);
            (rest, count) = (behind, count + 1);
        }
        assert_eq!(count, frames.count());
        let fills_up = self.dice.lock().expect("a lock").random_bool(0.2);
        self.full.store(fills_up, Ordering::Release);
        Offer::Taken
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let pause = self.dice.lock().expect("a lock").random_range(0..30);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            self.full.store(false, Ordering::Release);
        })
    }
}

fn dice(seed: u64, part: u64) -> StdRng {
    StdRng::seed_from_u64(seed << 8 | part)
}

/// A subscription of a run. `wanted`: which events, of three sorts or all.
struct Reading {
    wanted: u64,
    start: Offset,
    reader: Arc<Reader>,
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
    let batching = Batching {
        size: rng.random_range(1..20),
        cutoff: Duration::from_millis(rng.random_range(0..40)),
        bytes: 1 << 20,
    };
    let admission = bus.admit(&filter).map_err(|error| error.to_string())?;
    let spec = Spec {
        filter,
        batching,
        format: Format::default(),
        framing: Framing::WebSocket,
        id: None,
        on_gap: OnGap::Notify,
    };
    let reader = Arc::new(Reader {
        got: Mutex::default(),
        dice: Mutex::new(dice(seed, 1 + part)),
        full: AtomicBool::new(false),
    });
    let subscription = Subscription::new(spec, admission, Arc::clone(&reader) as Arc<dyn Subscriber>);
    let start = rng.random_range(0..next);
    bus.subscribe(Arc::clone(&subscription), start).await;
    Ok(Reading { wanted, start, reader, subscription })
}

/// One run; what a reader has wrong.
async fn run(seed: u64) -> Result<(), String> {
    let mut rng = dice(seed, 0);
    let log = Arc::new(MemoryLog::new(7, 64 << 20));
    let bus = Bus::start(
        LogReader::new(Arc::clone(&log) as Arc<dyn EventLog>),
        Arc::default(),
        Arc::new(Metrics::default()),
    );
    let mut readers = Vec::new();
    let mut next = 1;
    while next <= EVENTS {
        if readers.len() < 12 && rng.random_bool(0.3) {
            readers.push(subscribe(&bus, &mut rng, seed, readers.len() as u64, next).await?);
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
    for Reading { wanted, start, reader, subscription } in readers {
        bus.unsubscribe(&subscription).await;
        let expected: Vec<_> = (start + 1..=EVENTS).filter(|n| wanted == 3 || n % 3 == wanted).collect();
        let got = reader.got.lock().expect("a lock").clone();
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
