//! A broadcast from beginning to end: readers subscribe, a publisher posts, everyone's events are compared.
//!
//! Readers have their own threads or processes, which end when all has come, or nothing more does; the caller's thread
//! publishes. A workload opens a [`Stage`], does on it what it is about, and closes it.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::thread;
use std::time::Duration;

use anyhow::{bail, ensure};

use crate::broadcast::Broadcast;
use crate::clock::{self, SECOND, float, per_second};
use crate::crew::{Crew, Gathered, Readings, Sharing};
use crate::dialect::Hello;
use crate::due::Window;
use crate::handshake::Subscription;
use crate::latency::{Latency, Summary};
use crate::options::Common;
use crate::order::Order;
use crate::pace::{Pace, interval};
use crate::progress::Progress;
use crate::publisher::Publisher;
use crate::report::{Meter, Report};
use crate::sampler::{Processes, Sampler};
use crate::subscriber::Plan;
use crate::tagging::Tagging;
use crate::verify;

/// Posts wait so long after everyone has subscribed, so that the handshakes' last work is over.
const SETTLE: u64 = SECOND / 5;
/// Everyone must have everything after so long without anything.
const SILENCE: u64 = 10 * SECOND;
/// Times to arrival, as a report names them.
pub const ARRIVAL: &str = "intended send to arrival";
/// The same beyond the window, as a report names them.
pub const BEYOND: &str = "window due to arrival";

/// What kind of broadcast.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Readers.
    pub connections: usize,
    /// How they are shared out.
    pub sharing: Sharing,
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
    /// Whether readers that are cut off come back.
    pub resumes: bool,
    /// Whether posts that were lost or refused come again until they are taken.
    pub repeats: bool,
}

/// Readers that are subscribed, and a publisher.
pub struct Stage<'a> {
    setup: &'a Setup,
    /// Whose CPU and memory are told.
    pub processes: Processes,
    /// What both know.
    pub broadcast: Arc<Broadcast>,
    /// The readers.
    pub crew: Crew,
    /// Posts.
    pub tagging: Tagging,
    publisher: Publisher,
    sampler: Sampler,
    progress: Option<Progress>,
    has_window: bool,
}

impl<'a> Stage<'a> {
    /// Starts everything and waits until all readers are subscribed, at a rate that is told.
    ///
    /// # Errors
    ///
    /// If it can't be made.
    pub fn open(common: &Common, setup: &'a Setup, report: &mut Report) -> anyhow::Result<Self> {
        let way = common.way(setup.publishers);
        let mut publisher = Publisher::connect(crate::publisher::Way { persistent: setup.repeats, ..way })?;
        let workers = setup.sharing.workers(setup.connections);
        let broadcast = Arc::new(Broadcast::new(setup.connections, workers, answers(setup)));
        broadcast.wakes(publisher.waker()?);
        let mut tagging =
            Tagging::new(common.registry(), setup.per_post, setup.window, Arc::clone(&broadcast));
        tagging.push_image(&mut publisher)?;
        tagging.repeats(setup.repeats);
        let subscription = Subscription { filter: tagging.filter(), ..setup.subscription.clone() };
        let window = Window::of(&subscription)?;
        let readings = readings(common, setup, subscription, window);
        let progress = (!common.quiet).then(|| progress(&broadcast));
        let begun = clock::now();
        let crew = Crew::start(&readings, setup.sharing, &broadcast, setup.with_answers)?;
        let has_window = window.cutoff > 0;
        let server = Arc::new(AtomicU32::new(common.server_pid.unwrap_or(0)));
        let processes = Processes { server, helpers: crew.pids() };
        let sampler = Sampler::start(&broadcast, &processes);
        let stage =
            Self { setup, processes, broadcast, crew, tagging, publisher, sampler, progress, has_window };
        if let Err(error) = stage.wait_for_all() {
            return stage.fail(error);
        }
        let took = clock::now() - begun;
        report.figure("subscribed", per_second(setup.connections as u64, took), "connections/s");
        thread::sleep(Duration::from_nanos(SETTLE));
        Ok(stage)
    }

    /// Waits until every reader is subscribed.
    ///
    /// # Errors
    ///
    /// If one can't be.
    pub fn wait_for_all(&self) -> anyhow::Result<()> {
        while !self.broadcast.is_complete() {
            ensure!(!self.broadcast.has_failed(), "the readers gave up");
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Posts at the set-up's pace for so many seconds, and waits for the answers.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub fn publish(&mut self, seconds: u64) -> anyhow::Result<()> {
        self.publish_at(seconds, self.setup.rate)
    }

    /// The same at another rate.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub fn publish_at(&mut self, seconds: u64, rate: Option<f64>) -> anyhow::Result<()> {
        let start = clock::now();
        let end = start + seconds * SECOND;
        self.post(Pace { start, end, count: u64::MAX, interval: rate.map(interval) })
    }

    /// Publishes for so many seconds, and meanwhile does something with the readers.
    ///
    /// # Errors
    ///
    /// If either fails.
    pub fn publish_while<T: Send>(
        &mut self,
        seconds: u64,
        what: impl FnOnce(&mut Crew, &Broadcast) -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        let start = clock::now();
        let interval = self.setup.rate.map(interval);
        self.tagging.begin(Pace { start, end: start + seconds * SECOND, count: u64::MAX, interval });
        let Self { crew, broadcast, publisher, tagging, .. } = self;
        thread::scope(|scope| {
            let done = scope.spawn(|| what(crew, broadcast).inspect_err(|_| broadcast.fail()));
            let published = publisher.run(tagging);
            let done = done.join().unwrap_or_else(|_| bail!("a workload's thread panicked"));
            let done = done?;
            published.map(|()| done)
        })
    }

    /// Makes so many posts at once, and waits for the answers.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub fn burst(&mut self, posts: u64) -> anyhow::Result<()> {
        // All are intended for now, however long their sending takes.
        let start = clock::now();
        self.post(Pace { start, end: u64::MAX, count: posts, interval: Some(0.0) })
    }

    fn post(&mut self, pace: Pace) -> anyhow::Result<()> {
        self.tagging.begin(pace);
        self.publisher.run(&mut self.tagging)?;
        ensure!(!self.broadcast.has_failed(), "the readers gave up");
        Ok(())
    }

    /// From now on events are timed, apart from those before.
    pub fn phase(&mut self) {
        self.crew.order(Order::Phase(clock::now()));
        // It arrives long before an event that is posted now could.
        thread::sleep(Duration::from_millis(2));
    }

    /// Waits until every reader has every event.
    ///
    /// # Errors
    ///
    /// If nothing comes for long and yet something is missing.
    pub fn drain(&self) -> anyhow::Result<()> {
        let begun = clock::now();
        while self.broadcast.completed() < self.tagging.made() {
            ensure!(!self.broadcast.has_failed(), "the readers gave up");
            let heard = self.broadcast.last().max(begun);
            if clock::now().saturating_sub(heard) > SILENCE {
                bail!(
                    "all readers have {} events of {}, and nothing comes",
                    self.broadcast.completed(),
                    self.tagging.made()
                );
            }
            thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }

    /// Ends everything, checks what was got, and tells the figures that every workload has.
    ///
    /// # Errors
    ///
    /// If readers failed.
    pub fn close(self, report: &mut Report) -> anyhow::Result<Gathered> {
        let Self { crew, broadcast, mut tagging, mut sampler, progress, setup, .. } = self;
        let events = broadcast.events();
        let made = tagging.made();
        let gathered = crew.finish(|_| if setup.repeats { made } else { events });
        drop(progress);
        let gathered = gathered?;
        sampler.tell(report);
        ensure!(made > 0, "nothing was posted");
        tell(&gathered, self.has_window, report);
        tagging.outcome.tell(report);
        check(&gathered, &mut tagging, setup.repeats, report);
        Ok(gathered)
    }

    /// Ends everything after an error; a reader's own error says more.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn fail<T>(self, error: anyhow::Error) -> anyhow::Result<T> {
        self.broadcast.fail();
        self.crew.give_up()?;
        Err(error)
    }

    /// Begins to measure CPU time and deliveries.
    ///
    /// # Errors
    ///
    /// If the server's process is gone.
    pub fn measure(&self) -> anyhow::Result<Measuring> {
        Ok(Measuring {
            from: clock::now(),
            deliveries: self.broadcast.delivered(),
            events: self.broadcast.events(),
            meter: Meter::start(&self.processes)?,
        })
    }

    /// Tells what was measured since.
    ///
    /// # Errors
    ///
    /// If the server's process is gone.
    pub fn measured(&self, since: &Measuring, report: &mut Report) -> anyhow::Result<()> {
        let took = clock::now() - since.from;
        let deliveries = self.broadcast.delivered() - since.deliveries;
        report.figure("events/s", per_second(self.broadcast.events() - since.events, took), "");
        report.figure("deliveries/s", per_second(deliveries, took), "");
        let used = since.meter.stop()?;
        if let Some(cpu) = used.server_cpu().filter(|&cpu| cpu > 0.0) {
            report.figure("deliveries/server-CPU-second", float(deliveries) / cpu, "");
        }
        used.tell(report);
        Ok(())
    }
}

/// Where a measurement began.
pub struct Measuring {
    from: u64,
    deliveries: u64,
    events: u64,
    meter: Meter,
}

fn readings(common: &Common, setup: &Setup, subscription: Subscription, window: Window) -> Readings {
    Readings {
        plan: Plan {
            target: common.url.clone(),
            spread: common.spread(),
            first: 0,
            connections: setup.connections,
            hello: Hello::Tagcast(vec![subscription]),
            nap: setup.sharing.nap,
            resumes: setup.resumes,
        },
        size: window.size,
        cutoff: window.cutoff,
        alike: true,
    }
}

/// A steady or closed-loop broadcast: warm up, measure, check.
///
/// # Errors
///
/// If it can't be made, or the server ends it.
pub fn broadcast(common: &Common, setup: &Setup, report: &mut Report) -> anyhow::Result<Gathered> {
    let mut stage = Stage::open(common, setup, report)?;
    match steady(&mut stage, setup, report) {
        Ok(()) => stage.close(report),
        Err(error) => stage.fail(error),
    }
}

fn steady(stage: &mut Stage<'_>, setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    stage.publish(setup.warmup)?;
    stage.phase();
    let since = stage.measure()?;
    stage.publish(setup.seconds)?;
    stage.measured(&since, report)
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

fn tell(all: &Gathered, has_window: bool, report: &mut Report) {
    let got = &all.got;
    let delivered: u64 = got.seen.iter().map(|seen| seen.count).sum();
    report.figure("events in a batch", float(delivered) / float(got.batches.max(1)), "");
    report.figure("bytes of an event", float(got.work.bytes) / float(delivered.max(1)), "");
    report.figure("reads", float(got.work.reads), "");
    if got.cpu > 0.0 {
        report.figure("CPU of readers' processes", got.cpu, "s, from start to end");
    }
    if got.returned > 0 {
        report.figure("cut off and came back", float(got.returned), "connections");
    }
    let several = got.phases.len() > 1;
    for (number, times) in got.phases.iter().enumerate() {
        let name =
            |what: &str| if several { format!("{what}, phase {}", number + 1) } else { what.to_owned() };
        report.latency(&name(ARRIVAL), &times.arrival);
        if has_window {
            report.latency(&name(BEYOND), &times.beyond);
        }
    }
    report.latency("intended send to last arrival", &last_arrivals(all));
    report.latency("answer to arrival", &got.from_answer);
    if got.before_answer > 0 {
        report.figure("arrived before the answer", float(got.before_answer), "deliveries");
    }
}

/// Times to arrival that a report tells: beyond the window, where there is one.
pub fn arrival(report: &Report) -> Option<Summary> {
    report.summary(BEYOND).or_else(|| report.summary(ARRIVAL))
}

/// How long each timed event took to reach its last reader.
pub fn last_arrivals(all: &Gathered) -> Latency {
    let from = all.got.phases.first().map_or(u64::MAX, |times| times.from);
    let mut latency = Latency::default();
    for &(sent, at) in all.got.reached.iter().filter(|&&(sent, _)| sent >= from) {
        latency.record(at.saturating_sub(sent));
    }
    latency
}

fn check(all: &Gathered, tagging: &mut Tagging, repeats: bool, report: &mut Report) {
    let seen = &all.got.seen;
    let (events, verdict, good) = if repeats {
        let verdict = verify::compare_numbers(tagging.made(), seen);
        let good = verdict.is_good(false);
        (tagging.made(), verdict, good)
    } else {
        let events = &mut tagging.outcome.events;
        let verdict = verify::compare(events, seen);
        let count = events.len() as u64;
        (count, verdict.clone(), verdict.is_good(tagging.outcome.unknown() > 0))
    };
    report.check(&format!("{events} events to each of {} connections", seen.len()), &verdict, good);
    let failed = tagging.outcome.failed();
    report.check("posts not answered with 200", &failed, failed == 0);
    for fault in &all.got.faults {
        report.check("told by the server", fault, false);
    }
}

fn progress(broadcast: &Arc<Broadcast>) -> Progress {
    let (broadcast, mut before) = (Arc::clone(broadcast), 0);
    Progress::start(move || {
        let (subscribed, now) = (broadcast.subscribed(), broadcast.delivered());
        let (events, rate) = (broadcast.events(), now.saturating_sub(before));
        before = now;
        format!("{subscribed} subscribed, {events} events, {now} deliveries, {rate} in the last second")
    })
}
