//! A broadcast from beginning to end: readers subscribe, a publisher posts, everyone's events are compared.
//!
//! Starts the threads of readers, which end when all has come, or nothing more does; the caller's thread publishes.

use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use anyhow::{bail, ensure};

use crate::broadcast::Broadcast;
use crate::clock::{self, SECOND, float, per_second};
use crate::handshake::Subscription;
use crate::latency::Latency;
use crate::options::Common;
use crate::pace::{Pace, interval};
use crate::progress::Progress;
use crate::publisher::Publisher;
use crate::reader::Readers;
use crate::report::{Meter, Report, Used};
use crate::subscriber::{self, Plan, Work};
use crate::tagging::Tagging;
use crate::verify::{self, Seen};

/// Posts wait so long after everyone has subscribed, so that the handshakes' last work is over.
const SETTLE: u64 = SECOND / 5;

/// What kind of broadcast.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Readers.
    pub connections: usize,
    /// Threads that read.
    pub threads: usize,
    /// Connections that post.
    pub publishers: usize,
    /// Notifications in one post.
    pub per_post: u64,
    /// Posts a second; `None`: as fast as the window allows.
    pub rate: Option<f64>,
    /// Events on their way at once at most.
    pub window: Option<u64>,
    /// Seconds at the start that are checked and not measured.
    pub warmup: u64,
    /// Seconds that are measured.
    pub seconds: u64,
    /// The window of the readers' batches.
    pub subscription: Subscription,
    /// Whether times from the answer are taken.
    pub with_answers: bool,
}

/// Runs it, and tells what came of it.
///
/// # Errors
///
/// If it can't be made, or the server ends it.
pub fn broadcast(common: &Common, setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    let mut publisher = Publisher::connect(common.way(setup.publishers))?;
    let broadcast = Arc::new(Broadcast::new(setup.connections, setup.window.is_some(), answers(setup)));
    broadcast.wakes(publisher.waker()?);
    let mut tagging = Tagging::new(common.registry(), setup.per_post, setup.window, Arc::clone(&broadcast));
    tagging.push_image(&mut publisher)?;
    let subscription = Subscription { filter: tagging.filter(), ..setup.subscription.clone() };
    let request = subscription.request(&common.url.host);
    let progress = (!common.quiet).then(|| progress(&broadcast));
    let begun = clock::now();
    let (readers, measured) = thread::scope(|scope| {
        let plans = plans(common, setup, &request);
        let readers: Vec<_> = plans
            .map(|plan| {
                let broadcast = Arc::clone(&broadcast);
                scope.spawn(move || read(&plan, &broadcast, setup.with_answers))
            })
            .collect();
        let measured = publish(common, setup, &broadcast, &mut publisher, &mut tagging, report, begun);
        match &measured {
            Ok(_) => broadcast.finish(),
            Err(_) => broadcast.fail(),
        }
        (join(readers), measured)
    });
    drop(progress);
    let readers = readers?;
    let measured = measured?;
    tell(&readers, &measured, &tagging, report)?;
    tagging.outcome.tell(report);
    check(readers, tagging, report);
    Ok(())
}

/// Of how many notifications the answer's time is kept.
fn answers(setup: &Setup) -> usize {
    let posts = setup.rate.unwrap_or(0.0) * float(setup.warmup + setup.seconds) * float(setup.per_post);
    if setup.with_answers { ceiling(posts) + 1 } else { 0 }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive count of a run")]
fn ceiling(count: f64) -> usize {
    count.ceil() as usize
}

/// The connections, shared out among threads.
fn plans(common: &Common, setup: &Setup, request: &[u8]) -> impl Iterator<Item = Plan> {
    let threads = setup.threads.clamp(1, setup.connections.max(1));
    let connections = setup.connections;
    (0..threads).map(move |thread| Plan {
        target: common.url.clone(),
        spread: common.spread(),
        connections: connections / threads + usize::from(thread < connections % threads),
        requests: vec![request.to_vec()],
    })
}

fn read(plan: &Plan, broadcast: &Arc<Broadcast>, with_answers: bool) -> anyhow::Result<(Readers, Work)> {
    let mut readers = Readers::new(Arc::clone(broadcast), plan.connections, with_answers);
    let work = subscriber::run(plan, &mut readers);
    if work.is_err() {
        broadcast.fail();
    }
    Ok((readers, work?))
}

type Read = (Vec<Readers>, Work);

fn join(threads: Vec<ScopedJoinHandle<'_, anyhow::Result<(Readers, Work)>>>) -> anyhow::Result<Read> {
    let mut all = (Vec::new(), Work::default());
    for thread in threads {
        let (readers, work) = thread.join().unwrap_or_else(|_| bail!("a reader's thread panicked"))?;
        all.0.push(readers);
        all.1 += work;
    }
    Ok(all)
}

/// What was counted while it was measured.
struct Measured {
    from: u64,
    until: u64,
    deliveries: u64,
    events: u64,
    used: Used,
}

fn publish(
    common: &Common,
    setup: &Setup,
    broadcast: &Arc<Broadcast>,
    publisher: &mut Publisher,
    tagging: &mut Tagging,
    report: &mut Report,
    begun: u64,
) -> anyhow::Result<Measured> {
    while !broadcast.is_complete() {
        ensure!(!broadcast.has_failed(), "the readers gave up");
        thread::sleep(Duration::from_millis(1));
    }
    report.figure("subscribed", per_second(setup.connections as u64, clock::now() - begun), "connections/s");
    let pace = |start, seconds| Pace {
        start,
        end: start + seconds * SECOND,
        count: u64::MAX,
        interval: setup.rate.map(interval),
    };
    broadcast.time_from(u64::MAX);
    tagging.begin(pace(clock::now() + SETTLE, setup.warmup));
    publisher.run(tagging)?;
    let from = clock::now();
    let (deliveries, events) = (broadcast.delivered(), broadcast.events());
    let meter = Meter::start(common.server_pid)?;
    broadcast.time_from(from);
    tagging.begin(pace(from, setup.seconds));
    publisher.run(tagging)?;
    Ok(Measured {
        from,
        until: clock::now(),
        deliveries: broadcast.delivered() - deliveries,
        events: broadcast.events() - events,
        used: meter.stop()?,
    })
}

fn tell(all: &Read, measured: &Measured, tagging: &Tagging, report: &mut Report) -> anyhow::Result<()> {
    let (readers, work) = all;
    let took = measured.until - measured.from;
    report.figure("events/s", per_second(measured.events, took), "");
    report.figure("deliveries/s", per_second(measured.deliveries, took), "");
    let sum = |of: fn(&Readers) -> u64| readers.iter().map(of).sum::<u64>();
    let delivered = sum(|readers| readers.seen.iter().map(|seen| seen.count).sum());
    report.figure("events in a batch", float(delivered) / float(sum(|readers| readers.batches).max(1)), "");
    report.figure("bytes of an event", float(work.bytes) / float(delivered.max(1)), "");
    report.figure("reads", float(work.reads), "");
    measured.used.tell(report);
    let mut latency = (Latency::default(), Latency::default());
    for readers in readers {
        latency.0.add(&readers.latency);
        latency.1.add(&readers.from_answer);
    }
    report.latency("intended send to arrival", &latency.0);
    report.latency("answer to arrival", &latency.1);
    let early = sum(|readers| readers.before_answer);
    if early > 0 {
        report.figure("arrived before the answer", float(early), "deliveries");
    }
    ensure!(tagging.made() > 0, "nothing was posted");
    Ok(())
}

fn check((readers, _): Read, mut tagging: Tagging, report: &mut Report) {
    let seen: Vec<Seen> = readers.iter().flat_map(|readers| readers.seen.iter().copied()).collect();
    let verdict = verify::compare(&mut tagging.outcome.events, &seen);
    let what = format!("{} events to each of {} connections", tagging.outcome.events.len(), seen.len());
    report.check(&what, &verdict, verdict.is_good(tagging.outcome.unknown() > 0));
    let failed = tagging.outcome.failed();
    report.check("posts not answered with 200", &failed, failed == 0);
    for fault in readers.iter().flat_map(|readers| &readers.faults) {
        report.check("told by the server", fault, false);
    }
}

fn progress(broadcast: &Arc<Broadcast>) -> Progress {
    let (broadcast, mut before) = (Arc::clone(broadcast), 0);
    Progress::start(move || {
        let (subscribed, now) = (broadcast.subscribed(), broadcast.delivered());
        let (events, rate) = (broadcast.events(), now - before);
        before = now;
        format!("{subscribed} subscribed, {events} events, {now} deliveries, {rate} in the last second")
    })
}
