//! Triggers with filters of their own: what a target gets, when, and what that costs.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use loadtest::ask::Ask;
use loadtest::clock::{self, SECOND, float, per_second, seconds};
use loadtest::figure::{Id, Name};
use loadtest::handshake::Batches;
use loadtest::meter::Meter;
use loadtest::options::{Common, Load, Span};
use loadtest::pace::Pace;
use loadtest::publisher::Publisher;
use loadtest::report::Report;
use loadtest::tagger::Tagger;
use loadtest::targets::{Findings, Plan, Targets};
use loadtest::verify;
use loadtest::workload::Workload;
use serde::Serialize;
use serde_json::json;

/// Everything must have come after so long without anything: longer than the longest window by default.
const SILENCE: u64 = 20 * SECOND;

/// Triggers: T of them with a filter each, R repositories that get events in turn; each event is for T / R triggers.
#[derive(Args, Serialize)]
#[command(mut_arg("cutoff", |cutoff| cutoff.default_value(None)))]
#[command(mut_arg("rate", |rate| rate.default_value("1000")))]
pub(crate) struct Triggers {
    /// Triggers, each with a filter and a target of its own.
    #[arg(long, short, default_value_t = 1000)]
    triggers: usize,
    /// Repositories: of R of them, each trigger wants one.
    #[arg(long, short, default_value_t = 10)]
    repositories: usize,
    #[command(flatten)]
    load: Load,
    /// So many notifications at once instead.
    #[arg(long)]
    burst: Option<u64>,
    #[command(flatten)]
    span: Span,
    #[command(flatten)]
    batches: Batches,
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

impl Workload for Triggers {
    const NAME: &'static str = "triggers";

    fn figures(&self) -> Vec<Id> {
        let ratio = (self.slow > 0).then_some(Id::OthersRatio);
        [Id::DeliveriesPerSecond].into_iter().chain(ratio).collect()
    }

    fn run(&self, common: &Common, report: &mut Report) -> anyhow::Result<()> {
        let Self { triggers, repositories, .. } = *self;
        ensure!(
            repositories > 0 && triggers.is_multiple_of(repositories),
            "the triggers must be a multiple of the repositories"
        );
        let mut publisher = Publisher::connect(common.way(self.load.publishers))?;
        let registry = common.registry();
        let run = registry.run();
        let mut tagger = Tagger::new(registry, repositories, Arc::default());
        tagger.push_images(&mut publisher)?;
        let targets = Targets::start(Plan { triggers, hosts: self.hosts, slow: self.slow })?;
        let mut ask = Ask::connect(&common.url)?;
        let begun = clock::now();
        for index in 0..triggers {
            ask.send("PUT", &path(run, index), &self.definition(&tagger, &targets, index))?;
        }
        report.figure("made", per_second(triggers as u64, clock::now() - begun), "triggers/s");
        let mut stage = Stage { options: self, common, publisher, tagger, targets };
        stage.parts(report)?;
        // The gateway closes what was idle for so long.
        ask = Ask::connect(&common.url)?;
        for index in 0..triggers {
            ask.send("DELETE", &path(run, index), "")?;
        }
        let Stage { mut tagger, targets, .. } = stage;
        let findings = targets.finish()?;
        self.tell(&findings, report);
        tagger.outcome.tell(report);
        // Every trigger got exactly its own repository's events.
        let verdict = verify::compare(&mut tagger.acknowledged, &findings.tallies);
        let good = verdict.is_good(tagger.outcome.unknown() > 0);
        report.check(&format!("each of {triggers} triggers its own events"), &verdict, good);
        tagger.outcome.check(report);
        Ok(())
    }
}

fn path(run: u32, index: usize) -> String {
    format!("/v1/triggers/lt-{run:08x}-{index}")
}

impl Triggers {
    /// No two filters are the same, so each is a window of its own.
    fn definition(&self, tagger: &Tagger, targets: &Targets, index: usize) -> String {
        let filter = format!("{} && tag != 'none-{index}'", tagger.filter_of(index));
        let mut definition = json!({ "filter": filter, "target": {"http": {"url": targets.url(index)}} });
        let Batches { batch_size, batch_bytes, cutoff } = &self.batches;
        let batch = [("size", json!(batch_size)), ("bytes", json!(batch_bytes)), ("cutoff", json!(cutoff))];
        for (name, value) in batch.into_iter().filter(|(_, value)| !value.is_null()) {
            definition["batch"][name] = value;
        }
        definition.to_string()
    }

    fn tell(&self, findings: &Findings, report: &mut Report) {
        let several = findings.phases.len() > 1;
        for (number, times) in findings.phases.iter().enumerate() {
            let name = |what: &str| Name::from(what).of_phase(several.then_some(number));
            report.latency(name("intended send to target"), &times.arrival);
            report.latency(name("last event of a batch to target"), &times.beyond);
        }
        if self.slow > 0 {
            let p99 =
                |phase: usize| findings.phases.get(phase).map_or(0.0, |times| times.beyond.summary().p99);
            report.figure("p99 before", p99(0), "ms, last event of a batch");
            report.figure("others' p99 while some are slow", p99(1), "ms");
            report.figure("p99 after", p99(2), "ms");
            // On both sides, since what the gateway has done by then moves the figure too.
            report.figure(Id::OthersRatio, p99(1) / f64::midpoint(p99(0), p99(2)).max(1e-6), "");
        }
    }
}

/// All that a part of the run needs.
struct Stage<'a> {
    options: &'a Triggers,
    common: &'a Common,
    publisher: Publisher,
    tagger: Tagger,
    targets: Targets,
}

impl Stage<'_> {
    fn parts(&mut self, report: &mut Report) -> anyhow::Result<()> {
        if let Some(burst) = self.options.burst {
            self.targets.phase();
            return self.burst(burst, report);
        }
        let seconds = self.options.span.seconds;
        self.publish(self.options.span.warmup)?;
        self.targets.phase();
        self.measured(report)?;
        if self.options.slow > 0 {
            self.wait_for_all()?;
            self.targets.slow_down(Duration::from_millis(self.options.delay));
            self.targets.phase();
            self.publish(seconds)?;
            self.targets.slow_down(Duration::ZERO);
            self.wait_for_all()?;
            self.targets.phase();
            self.publish(seconds)?;
        }
        let begun = clock::now();
        let took = clock::seconds(self.wait_for_all()?.saturating_sub(begun));
        report.figure("all had come after", took, "s, open windows among it");
        Ok(())
    }

    fn measured(&mut self, report: &mut Report) -> anyhow::Result<()> {
        let ((requests, events, _), from) = (self.targets.count(), clock::now());
        let meter = Meter::start(&self.common.processes(Vec::new()))?;
        self.publish(self.options.span.seconds)?;
        let consumption = meter.stop()?;
        let (took, now) = (clock::now() - from, self.targets.count());
        report.figure(Id::DeliveriesPerSecond, per_second(now.0 - requests, took), "");
        report.figure("events delivered/s", per_second(now.1 - events, took), "");
        consumption.tell(report);
        Ok(())
    }

    /// All at once; over when the last has come.
    fn burst(&mut self, count: u64, report: &mut Report) -> anyhow::Result<()> {
        let meter = Meter::start(&self.common.processes(Vec::new()))?;
        let pace = Pace::burst(count);
        self.post(pace)?;
        report.figure("posted after", seconds(clock::now() - pace.start), "s");
        let took = self.wait_for_all()? - pace.start;
        let consumption = meter.stop()?;
        let (requests, events, _) = self.targets.count();
        report.figure(Id::DeliveriesPerSecond, per_second(requests, took), "");
        report.figure("events delivered/s", per_second(events, took), "");
        if let Some(cpu) = consumption.server_cpu() {
            report.figure("server CPU of a delivery", cpu / float(requests.max(1)) * 1e6, "µs");
        }
        consumption.tell(report);
        Ok(())
    }

    fn publish(&mut self, seconds: u64) -> anyhow::Result<()> {
        self.post(Pace::lasting(seconds, self.options.load.rate))
    }

    fn post(&mut self, pace: Pace) -> anyhow::Result<()> {
        self.tagger.begin(pace);
        self.publisher.run(&mut self.tagger)
    }

    /// Waits until every trigger has all of its events, or nothing more comes; when the last one came.
    fn wait_for_all(&self) -> anyhow::Result<u64> {
        let begun = clock::now();
        let each = self.options.triggers / self.options.repositories;
        let expected = (self.tagger.outcome.events.len() * each) as u64;
        loop {
            let (_, events, last) = self.targets.count();
            if events >= expected || clock::now().saturating_sub(last.max(begun)) > SILENCE {
                return Ok(last);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}
