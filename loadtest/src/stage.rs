//! A broadcast from beginning to end: readers subscribe, a publisher posts, everyone's events are compared.
//!
//! Readers have their own threads or processes, which end when all has come, or nothing more does; the caller's thread
//! publishes. A workload opens a [`Stage`], does on it what it is about, and ends it.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{bail, ensure};

use crate::broadcast::Broadcast;
use crate::clock::{self, SECOND, float, per_second};
use crate::crew::Crew;
use crate::dialect::Hello;
use crate::due::Window;
use crate::figure::{Id, Name};
use crate::handshake::Subscription;
use crate::latency::{Latency, Summary};
use crate::meter::{Consumption, Meter};
use crate::options::{Common, Load, Readers, Span};
use crate::order::{Findings, Order};
use crate::pace::Pace;
use crate::process::Processes;
use crate::publisher::{Publisher, Way};
use crate::reader::Assignment;
use crate::report::Report;
use crate::sampler::{self, Sample};
use crate::subscriber::Plan;
use crate::tagger::Tagger;
use crate::ticker::{Progress, Ticker};
use crate::verify;

/// Posts wait so long after everyone has subscribed, so that the handshakes' last work is over.
const SETTLE: u64 = SECOND / 5;
/// Everyone must have everything after so long without anything.
const SILENCE: u64 = 10 * SECOND;

/// What kind of broadcast.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Connections that read, and the window of their batches.
    pub readers: Readers,
    /// Posts a second, or as fast as the window allows, and by how many connections.
    pub load: Load,
    /// Notifications in one post.
    pub per_post: u64,
    /// Events on their way at once at most.
    pub window: Option<u64>,
    /// So many distinct filters, which connections have in turn, each for events of its own; `None`: one for all.
    pub filters: Option<usize>,
    /// Of how many notifications the time of the answer is kept, for times from it; 0: of none.
    pub answers: usize,
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
    pub tagger: Tagger,
    publisher: Publisher,
    samples: Ticker<Vec<Sample>>,
    progress: Option<Progress>,
    has_window: bool,
}

/// Opens a stage, does `what` on it, and ends it.
///
/// # Errors
///
/// If it can't be made.
pub fn play<T>(
    common: &Common,
    setup: &Setup,
    report: &mut Report,
    what: impl FnOnce(&mut Stage<'_>, &mut Report) -> anyhow::Result<T>,
) -> anyhow::Result<(T, Findings)> {
    let mut stage = Stage::open(common, setup, report)?;
    let result = what(&mut stage, report);
    stage.end(result, report)
}

impl<'a> Stage<'a> {
    /// Starts everything and waits until all readers are subscribed, at a rate that is told.
    ///
    /// # Errors
    ///
    /// If it can't be made.
    pub fn open(common: &Common, setup: &'a Setup, report: &mut Report) -> anyhow::Result<Self> {
        let Setup { readers, load, .. } = setup;
        let way = Way { persistent: setup.repeats, ..common.way(load.publishers) };
        let mut publisher = Publisher::connect(way)?;
        let workers = readers.sharing.workers(readers.connections);
        let broadcast = Arc::new(Broadcast::new(readers.connections, workers, setup.answers));
        broadcast.wakes(publisher.waker()?);
        let tagger = Tagger::new(common.registry(), setup.filters.unwrap_or(1), Arc::clone(&broadcast));
        let mut tagger = tagger.posts(setup.per_post, setup.window);
        tagger.push_images(&mut publisher)?;
        tagger.repeats(setup.repeats);
        let assignment = assignment(common, setup, &tagger)?;
        let progress = (!common.quiet).then(|| progress(&broadcast));
        let begun = clock::now();
        let crew = Crew::start(&assignment, readers.sharing, &broadcast, setup.answers > 0)?;
        let has_window = assignment.window.cutoff > 0;
        let processes = common.processes(crew.pids());
        let samples = sampler::start(&broadcast, &processes);
        let stage =
            Self { setup, processes, broadcast, crew, tagger, publisher, samples, progress, has_window };
        if let Err(error) = stage.broadcast.wait_for_all() {
            return stage.fail(error);
        }
        let took = clock::now() - begun;
        report.figure(Id::Subscribed, per_second(readers.connections as u64, took), "connections/s");
        thread::sleep(Duration::from_nanos(SETTLE));
        Ok(stage)
    }

    /// Posts at the set-up's pace for so many seconds, and waits for the answers.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub fn publish(&mut self, seconds: u64) -> anyhow::Result<()> {
        self.post(self.pace(seconds))
    }

    fn pace(&self, seconds: u64) -> Pace {
        Pace::lasting(seconds, self.setup.load.rate)
    }

    /// A warm-up, and then a part in which events are timed and costs are measured.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub fn publish_steadily(&mut self, span: Span, report: &mut Report) -> anyhow::Result<Consumption> {
        self.publish(span.warmup)?;
        self.phase();
        let measurement = self.measure()?;
        self.publish(span.seconds)?;
        measurement.end(&self.broadcast, report)
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
        self.tagger.begin(self.pace(seconds));
        let Self { crew, broadcast, publisher, tagger, .. } = self;
        thread::scope(|scope| {
            let done = scope.spawn(|| what(crew, broadcast).inspect_err(|_| broadcast.fail()));
            let published = publisher.run(tagger);
            let done = done.join().unwrap_or_else(|_| bail!("a workload's thread panicked"))?;
            published.map(|()| done)
        })
    }

    /// Makes so many posts at once, and waits for the answers.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub fn burst(&mut self, posts: u64) -> anyhow::Result<()> {
        self.post(Pace::burst(posts))
    }

    fn post(&mut self, pace: Pace) -> anyhow::Result<()> {
        self.tagger.begin(pace);
        self.publisher.run(&mut self.tagger)?;
        self.broadcast.check()
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
        while self.broadcast.completed() < self.tagger.made() {
            self.broadcast.check()?;
            let heard = self.broadcast.last().max(begun);
            if clock::now().saturating_sub(heard) > SILENCE {
                bail!(
                    "all readers have {} events of {}, and nothing comes",
                    self.broadcast.completed(),
                    self.tagger.made()
                );
            }
            thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }

    /// Ends everything; after an error without a check, and else with one that all got what they were to get.
    ///
    /// # Errors
    ///
    /// The one of `result`, or if readers failed.
    pub fn end<T>(self, result: anyhow::Result<T>, report: &mut Report) -> anyhow::Result<(T, Findings)> {
        match result {
            Ok(value) => Ok((value, self.close(report)?)),
            Err(error) => self.fail(error),
        }
    }

    fn close(self, report: &mut Report) -> anyhow::Result<Findings> {
        let Self { crew, mut tagger, mut samples, progress, setup, has_window, .. } = self;
        let (made, lists) = (tagger.made(), &tagger.acknowledged);
        let of_list = |connection: usize| lists[connection % lists.len()].len() as u64;
        let findings = crew.finish(|connection| if setup.repeats { made } else { of_list(connection) });
        drop(progress);
        let findings = findings?;
        sampler::tell(&samples.end().unwrap_or_default(), report);
        ensure!(made > 0, "nothing was posted");
        tell(&findings, has_window, report);
        tagger.outcome.tell(report);
        check(&findings, &mut tagger, setup, report);
        Ok(findings)
    }

    /// Ends everything after an error; a reader's own error says more.
    fn fail<T>(self, error: anyhow::Error) -> anyhow::Result<T> {
        self.broadcast.fail();
        self.crew.give_up()?;
        Err(error)
    }

    /// Begins to measure CPU time and deliveries.
    ///
    /// # Errors
    ///
    /// If the server's process is gone.
    pub fn measure(&self) -> anyhow::Result<Measurement> {
        Measurement::start(&self.broadcast, &self.processes)
    }
}

/// Where a measurement of CPU time and deliveries began.
pub struct Measurement {
    from: u64,
    deliveries: u64,
    events: u64,
    meter: Meter,
}

impl Measurement {
    /// Begins.
    ///
    /// # Errors
    ///
    /// If the server's process is gone.
    pub fn start(broadcast: &Broadcast, processes: &Processes) -> anyhow::Result<Self> {
        let (from, deliveries, events) = (clock::now(), broadcast.delivered(), broadcast.events());
        Ok(Self { from, deliveries, events, meter: Meter::start(processes)? })
    }

    /// Ends, and tells what was measured.
    ///
    /// # Errors
    ///
    /// If the server's process is gone.
    pub fn end(self, broadcast: &Broadcast, report: &mut Report) -> anyhow::Result<Consumption> {
        let took = clock::now() - self.from;
        let deliveries = broadcast.delivered() - self.deliveries;
        report.figure("events/s", per_second(broadcast.events() - self.events, took), "");
        report.figure(Id::DeliveriesPerSecond, per_second(deliveries, took), "");
        let consumption = self.meter.stop()?;
        if let Some(cpu) = consumption.server_cpu().filter(|&cpu| cpu > 0.0) {
            report.figure(Id::DeliveriesPerCpuSecond, float(deliveries) / cpu, "");
        }
        consumption.tell(report);
        Ok(consumption)
    }
}

fn assignment(common: &Common, setup: &Setup, tagger: &Tagger) -> anyhow::Result<Assignment> {
    let Readers { connections, sharing, batches } = &setup.readers;
    let filters = match setup.filters {
        Some(count) => (0..count).map(|index| tagger.filter_of(index)).collect(),
        None => vec![tagger.filter()],
    };
    let subscription = |filter| Subscription { filter, after: None, batches: batches.clone() };
    let hello = Hello::Tagcast(filters.into_iter().map(subscription).collect());
    let plan = Plan { resumes: setup.resumes, ..Plan::new(common, *connections, hello, sharing.nap) };
    Ok(Assignment { plan, window: Window::of(batches)?, alike: setup.filters.is_none() })
}

fn tell(findings: &Findings, has_window: bool, report: &mut Report) {
    let delivered: u64 = findings.tallies.iter().map(|tally| tally.count).sum();
    report.figure("events in a batch", float(delivered) / float(findings.batches.max(1)), "");
    report.figure("bytes of an event", float(findings.work.bytes) / float(delivered.max(1)), "");
    report.figure("reads", float(findings.work.reads), "");
    if findings.cpu > 0.0 {
        report.figure("CPU of readers' processes", findings.cpu, "s, from start to end");
    }
    if findings.returned > 0 {
        report.figure("cut off and came back", float(findings.returned), "connections");
    }
    let several = findings.phases.len() > 1;
    for (number, times) in findings.phases.iter().enumerate() {
        let name = |id: Id| Name::from(id).of_phase(several.then_some(number));
        report.latency(name(Id::Arrival), &times.arrival);
        if has_window {
            report.latency(name(Id::BeyondWindow), &times.beyond);
        }
    }
    report.latency("intended send to last arrival", &last_arrivals(findings));
    report.latency("answer to arrival", &findings.from_answer);
    if findings.before_answer > 0 {
        report.figure("arrived before the answer", float(findings.before_answer), "deliveries");
    }
}

/// Times to arrival that a report tells: beyond the window, where there is one.
pub fn arrival(report: &Report) -> Option<Summary> {
    report.summary(Id::BeyondWindow).or_else(|| report.summary(Id::Arrival))
}

/// How long each timed event took to reach its last reader.
pub fn last_arrivals(findings: &Findings) -> Latency {
    let mut latency = Latency::default();
    for (sent, at) in findings.timed() {
        latency.record(at.saturating_sub(sent));
    }
    latency
}

fn check(findings: &Findings, tagger: &mut Tagger, setup: &Setup, report: &mut Report) {
    let readers = &findings.tallies;
    let (events, verdict, forgives) = if setup.repeats {
        (tagger.made(), verify::compare_numbers(tagger.made(), readers), false)
    } else {
        let verdict = verify::compare(&mut tagger.acknowledged, readers);
        (tagger.outcome.events.len() as u64, verdict, tagger.outcome.unknown() > 0)
    };
    let what = match setup.filters {
        Some(_) => format!("each of {} connections its own events", readers.len()),
        None => format!("{events} events to each of {} connections", readers.len()),
    };
    report.check(&what, &verdict, verdict.is_good(forgives));
    tagger.outcome.check(report);
    findings.tell_faults(report);
}

fn progress(broadcast: &Arc<Broadcast>) -> Progress {
    let (broadcast, mut before) = (Arc::clone(broadcast), 0);
    Progress::show(move || {
        let (subscribed, now) = (broadcast.subscribed(), broadcast.delivered());
        let (events, rate) = (broadcast.events(), now.saturating_sub(before));
        before = now;
        format!("{subscribed} subscribed, {events} events, {now} deliveries, {rate} in the last second")
    })
}
