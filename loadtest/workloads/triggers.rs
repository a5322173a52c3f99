//! Triggers with filters of their own: what a target gets, when, and what that costs.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use loadtest::ask::Ask;
use loadtest::broadcast::Broadcast;
use loadtest::clock::{self, SECOND, float, per_second, seconds};
use loadtest::options::Common;
use loadtest::pace::{Pace, interval};
use loadtest::publisher::Publisher;
use loadtest::report::{Meter, Report};
use loadtest::selecting::Selecting;
use loadtest::targets::{Got, Plan, Targets};
use loadtest::verify;
use serde_json::json;

/// Everything must have come after so long without anything: longer than the longest window by default.
const SILENCE: u64 = 20 * SECOND;

/// Triggers: T of them with a filter each, R repositories that get events in turn; each event is for T / R triggers.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Triggers, each with a filter and a target of its own.
    #[arg(long, short, default_value_t = 1000)]
    triggers: usize,
    /// Repositories: of R of them, each trigger wants one.
    #[arg(long, short, default_value_t = 10)]
    repositories: usize,
    /// Notifications a second.
    #[arg(long, default_value_t = 1000.0)]
    rate: f64,
    /// So many notifications at once instead.
    #[arg(long)]
    burst: Option<u64>,
    /// How long, in seconds.
    #[arg(long, short, default_value_t = 20)]
    seconds: u64,
    /// Seconds at the start that are checked and not measured.
    #[arg(long, default_value_t = 2)]
    warmup: u64,
    /// Connections that post.
    #[arg(long, default_value_t = 16)]
    publishers: usize,
    /// Events in a batch at most.
    #[arg(long)]
    batch_size: Option<u32>,
    /// Time since a batch's first event, as the protocol writes it.
    #[arg(long)]
    cutoff: Option<String>,
    /// Hosts that the targets are on.
    #[arg(long, default_value_t = 16)]
    hosts: usize,
    /// So many triggers whose target is slow in a second part of the run, of three.
    #[arg(long, default_value_t = 0)]
    slow: usize,
    /// How late a slow target answers, in milliseconds.
    #[arg(long, default_value_t = 2000)]
    delay: u64,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Report> {
    let Options { triggers, repositories, .. } = *options;
    ensure!(
        repositories > 0 && triggers.is_multiple_of(repositories),
        "the triggers must be a multiple of the repositories"
    );
    let mut report = Report::new("triggers");
    describe(options, &mut report);
    let mut publisher = Publisher::connect(options.common.way(options.publishers))?;
    let registry = options.common.registry();
    let run = registry.run();
    let mut selecting = Selecting::new(registry, repositories as u64);
    publisher.run(&mut selecting)?;
    let failed = selecting.outcome.failed();
    ensure!(failed == 0, "{failed} of the first pushes were not taken: is the source's name right?");
    let targets = Targets::start(Plan { triggers, hosts: options.hosts, slow: options.slow })?;
    let mut ask = Ask::connect(&options.common.url)?;
    let begun = clock::now();
    for index in 0..triggers {
        let definition = definition(options, &selecting, &targets, index);
        ask.send("PUT", &path(run, index), &definition)?;
    }
    report.figure("made", per_second(triggers as u64, clock::now() - begun), "triggers/s");
    let mut stage = Stage { options, publisher, selecting, targets, broadcast: Arc::default() };
    stage.parts(&mut report)?;
    // The gateway closes what was idle for so long.
    ask = Ask::connect(&options.common.url)?;
    for index in 0..triggers {
        ask.send("DELETE", &path(run, index), "")?;
    }
    let Stage { mut selecting, targets, .. } = stage;
    let got = targets.finish()?;
    tell(options, &got, &mut report);
    selecting.outcome.tell(&mut report);
    check(options, &got, &mut selecting, &mut report);
    Ok(report)
}

fn describe(options: &Options, report: &mut Report) {
    report.setting("triggers", options.triggers);
    report.setting("repositories", options.repositories);
    match options.burst {
        Some(burst) => report.setting("burst", burst),
        None => report.setting("rate", options.rate),
    }
    report.setting("seconds", options.seconds);
    report.setting("batch_size", options.batch_size);
    report.setting("cutoff", options.cutoff.clone());
    report.setting("hosts", options.hosts);
    report.setting("slow", options.slow);
    report.setting("delay", options.delay);
}

fn path(run: u32, index: usize) -> String {
    format!("/v1/triggers/lt-{run:08x}-{index}")
}

/// No two filters are the same, so each is a window of its own.
fn definition(options: &Options, selecting: &Selecting, targets: &Targets, index: usize) -> String {
    let filter = format!("{} && tag != 'none-{index}'", selecting.filter(index));
    let mut definition = json!({ "filter": filter, "target": {"http": {"url": targets.url(index)}} });
    if let Some(size) = options.batch_size {
        definition["batch"]["size"] = size.into();
    }
    if let Some(cutoff) = &options.cutoff {
        definition["batch"]["cutoff"] = cutoff.as_str().into();
    }
    definition.to_string()
}

/// All that a part of the run needs.
struct Stage<'a> {
    options: &'a Options,
    publisher: Publisher,
    selecting: Selecting,
    targets: Targets,
    broadcast: Arc<Broadcast>,
}

impl Stage<'_> {
    fn parts(&mut self, report: &mut Report) -> anyhow::Result<()> {
        if let Some(burst) = self.options.burst {
            self.targets.phase();
            return self.burst(burst, report);
        }
        let rate = self.options.rate;
        self.publish(self.options.warmup, rate)?;
        self.targets.phase();
        self.measured(report)?;
        if self.options.slow > 0 {
            self.wait_for_all()?;
            self.targets.slow_down(Duration::from_millis(self.options.delay));
            self.targets.phase();
            self.publish(self.options.seconds, rate)?;
            self.targets.slow_down(Duration::ZERO);
            self.wait_for_all()?;
            self.targets.phase();
            self.publish(self.options.seconds, rate)?;
        }
        let begun = clock::now();
        let last = self.wait_for_all()?;
        report.figure("all had come after", seconds(last.saturating_sub(begun)), "s, open windows among it");
        Ok(())
    }

    fn measured(&mut self, report: &mut Report) -> anyhow::Result<()> {
        let ((requests, events, _), from) = (self.targets.count(), clock::now());
        let meter = Meter::start(&self.options.common.processes())?;
        self.publish(self.options.seconds, self.options.rate)?;
        let used = meter.stop()?;
        let (took, now) = (clock::now() - from, self.targets.count());
        report.figure("deliveries/s", per_second(now.0 - requests, took), "");
        report.figure("events delivered/s", per_second(now.1 - events, took), "");
        used.tell(report);
        Ok(())
    }

    /// All at once; over when the last has come.
    fn burst(&mut self, count: u64, report: &mut Report) -> anyhow::Result<()> {
        let start = clock::now();
        let meter = Meter::start(&self.options.common.processes())?;
        self.post(Pace { start, end: u64::MAX, count, interval: Some(0.0) })?;
        report.figure("posted after", seconds(clock::now() - start), "s");
        let last = self.wait_for_all()?;
        let used = meter.stop()?;
        let (requests, events, _) = self.targets.count();
        report.figure("deliveries/s", per_second(requests, last - start), "");
        report.figure("events delivered/s", per_second(events, last - start), "");
        if let Some(cpu) = used.server_cpu() {
            report.figure("server CPU of a delivery", cpu / float(requests.max(1)) * 1e6, "µs");
        }
        used.tell(report);
        Ok(())
    }

    fn publish(&mut self, seconds: u64, rate: f64) -> anyhow::Result<()> {
        let start = clock::now();
        let end = start + seconds * SECOND;
        self.post(Pace { start, end, count: u64::MAX, interval: Some(interval(rate)) })
    }

    fn post(&mut self, pace: Pace) -> anyhow::Result<()> {
        self.selecting.begin(pace, &self.broadcast);
        self.publisher.run(&mut self.selecting)
    }

    /// Waits until every trigger has all of its events, or nothing more comes; when the last one came.
    fn wait_for_all(&self) -> anyhow::Result<u64> {
        let begun = clock::now();
        let each = self.options.triggers / self.options.repositories;
        let expected = self.selecting.acknowledged.iter().map(|events| (events.len() * each) as u64).sum();
        loop {
            let (_, events, last) = self.targets.count();
            if events >= expected || clock::now().saturating_sub(last.max(begun)) > SILENCE {
                return Ok(last);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn tell(options: &Options, got: &Got, report: &mut Report) {
    let several = got.phases.len() > 1;
    for (number, times) in got.phases.iter().enumerate() {
        let name =
            |what: &str| if several { format!("{what}, phase {}", number + 1) } else { what.to_owned() };
        report.latency(&name("intended send to target"), &times.arrival);
        report.latency(&name("last event of a batch to target"), &times.last);
    }
    if options.slow > 0 {
        let p99 = |phase: usize| got.phases.get(phase).map_or(0.0, |times| times.last.summary().p99);
        report.figure("p99 before", p99(0), "ms, last event of a batch");
        report.figure("others' p99 while some are slow", p99(1), "ms");
        report.figure("p99 after", p99(2), "ms");
        // On both sides, since what the gateway has done by then moves the figure too.
        report.figure("the one of the other", p99(1) / f64::midpoint(p99(0), p99(2)).max(1e-6), "");
    }
}

/// Every trigger got exactly its own repository's events.
fn check(options: &Options, got: &Got, selecting: &mut Selecting, report: &mut Report) {
    let mut total = verify::Verdict::default();
    for (index, acknowledged) in selecting.acknowledged.iter_mut().enumerate() {
        let seen: Vec<_> = got.seen.iter().skip(index).step_by(options.repositories).copied().collect();
        total += verify::compare(acknowledged, &seen);
    }
    let what = format!("each of {} triggers its own events", options.triggers);
    report.check(&what, &total, total.is_good(selecting.outcome.unknown() > 0));
    let failed = selecting.outcome.failed();
    report.check("posts not answered with 200", &failed, failed == 0);
}
