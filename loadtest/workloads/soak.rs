//! All of it, for long: does memory grow, do descriptors leak, and is anything lost when the gateway is killed?

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use loadtest::broadcast::Broadcast;
use loadtest::clock::{self, SECOND, float, seconds};
use loadtest::crew::Crew;
use loadtest::figure::Id;
use loadtest::options::{Common, Load, Readers};
use loadtest::order::Order;
use loadtest::process::{self, Processes};
use loadtest::report::Report;
use loadtest::sampler;
use loadtest::server::{Gateway, Server};
use loadtest::stage::{self, Setup, Stage};
use loadtest::workload::Workload;
use serde::Serialize;

/// Soak: events at a rate for long, while readers drop, stop and come back, and a gateway started here is killed and
/// stopped again and again in the first half. In the second half it stays, so that leaks show.
#[derive(Args, Serialize)]
#[command(mut_arg("rate", |rate| rate.default_value("100")))]
#[command(mut_arg("cutoff", |cutoff| cutoff.default_value("100ms")))]
pub(crate) struct Soak {
    #[command(flatten)]
    readers: Readers,
    #[command(flatten)]
    load: Load,
    /// How long, in seconds.
    #[arg(long, short, default_value_t = 600)]
    seconds: u64,
    /// Seconds between two things that happen.
    #[arg(long, default_value_t = 10)]
    every: u64,
    /// How the gateway is started, over the same data each time; it must listen where --url says. Left out: the
    /// `tagcast` that stands beside this program, over fresh data.
    #[arg(long, value_name = "COMMAND")]
    server_command: Option<String>,
}

/// So many tags are kept at the gateway: its catalog need not grow for ever.
const TAGS: usize = 2_000;
/// The start of the second half is not looked at: the gateway has just been started.
const WARM: f64 = 0.2;
/// Requests of the moment come and go: so many descriptors more are no leak.
const SLACK: u64 = 64;

/// What happens, in turn.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Incident {
    Kill,
    Restart,
    SomeDrop,
    AllDrop,
    SomeStop,
    TheyRead,
}

const FIRST_HALF: [Incident; 6] = [
    Incident::Kill,
    Incident::SomeStop,
    Incident::Restart,
    Incident::TheyRead,
    Incident::SomeDrop,
    Incident::AllDrop,
];
const SECOND_HALF: [Incident; 4] =
    [Incident::SomeDrop, Incident::SomeStop, Incident::AllDrop, Incident::TheyRead];

/// The gateway, and what became of it.
struct Life<'a> {
    gateway: &'a Gateway,
    server: Server,
    processes: Processes,
    kills: u64,
    stops: u64,
    /// Its descriptors in the second half when all were connected: the first time, and the last.
    descriptors: Option<(u64, u64)>,
}

impl Workload for Soak {
    const NAME: &'static str = "soak";
    const STARTS_SERVERS: bool = true;

    fn run(&self, common: &Common, report: &mut Report) -> anyhow::Result<()> {
        ensure!(
            self.seconds >= 8 * self.every,
            "at least eight things must happen: more --seconds, or less --every"
        );
        let gateway = Gateway::new(self.server_command.as_deref(), &common.url, &common.pin_server)?;
        let server = gateway.start()?;
        let common = server.common(common);
        let setup = Setup {
            readers: self.readers.clone(),
            load: self.load,
            resumes: true,
            repeats: true,
            ..Setup::default()
        };
        // The server outlives the stage: readers say good-bye to it.
        let ((server, took), _) = stage::play(&common, &setup, report, |stage, report| {
            stage.tagger.keep(TAGS);
            let begun = clock::now();
            let server = self.soak(&gateway, server, stage, report)?;
            report.figure("posts that came again", float(stage.tagger.repeated()), "");
            Ok((server, seconds(clock::now() - begun)))
        })?;
        server.stop()?;
        growth(took, report);
        Ok(())
    }
}

impl Soak {
    fn soak(
        &self,
        gateway: &Gateway,
        server: Server,
        stage: &mut Stage<'_>,
        report: &mut Report,
    ) -> anyhow::Result<Server> {
        stage.phase();
        let processes = stage.processes.clone();
        let life = Life { gateway, server, processes, kills: 0, stops: 0, descriptors: None };
        let life = stage.publish_while(self.seconds, |crew, broadcast| self.happen(life, crew, broadcast))?;
        report.figure("gateway killed", float(life.kills), "times");
        report.figure("gateway stopped and started", float(life.stops), "times");
        stage.crew.order(Order::Resume);
        thread::sleep(Duration::from_millis(200));
        stage.broadcast.wait_for_all()?;
        stage.drain()?;
        let (first, last) = life.descriptors.unwrap_or_default();
        report.figure("descriptors, start of the second half", float(first), "");
        report.figure("descriptors, end", float(last), "");
        let leaks = last.saturating_sub(first);
        report.check("descriptors more at the end", &leaks, leaks <= SLACK);
        Ok(life.server)
    }

    /// Lets things happen until the time is over.
    fn happen<'a>(
        &self,
        mut life: Life<'a>,
        crew: &mut Crew,
        broadcast: &Broadcast,
    ) -> anyhow::Result<Life<'a>> {
        let begun = clock::now();
        let (half, end) = (begun + self.seconds * SECOND / 2, begun + (self.seconds - self.every) * SECOND);
        let (mut first, mut second) = (FIRST_HALF.iter().cycle(), SECOND_HALF.iter().cycle());
        while clock::now() < end {
            thread::sleep(Duration::from_secs(self.every));
            broadcast.check()?;
            let is_first = clock::now() < half;
            if !is_first && broadcast.is_complete() {
                let now = process::descriptors(life.server.pid());
                life.descriptors = Some((life.descriptors.map_or(now, |(first, _)| first), now));
            }
            let next = if is_first { first.next() } else { second.next() };
            let Some(incident) = next else { break };
            let connections = self.readers.connections;
            match incident {
                Incident::Kill | Incident::Restart => life = life.begin_anew(*incident)?,
                Incident::SomeDrop => crew.send_away((connections / 10).max(1)),
                Incident::AllDrop => crew.send_away(connections),
                Incident::SomeStop => crew.stop((connections / 100).max(1)),
                Incident::TheyRead => crew.order(Order::Resume),
            }
        }
        Ok(life)
    }
}

impl Life<'_> {
    fn begin_anew(mut self, incident: Incident) -> anyhow::Result<Self> {
        if incident == Incident::Kill {
            self.kills += 1;
            self.server.kill()?;
        } else {
            self.stops += 1;
            self.server.stop()?;
        }
        self.server = self.gateway.start()?;
        self.processes.server.store(self.server.pid(), Ordering::Relaxed);
        Ok(self)
    }
}

/// How memory went in the second half, of which the gateway has seen nothing but the same again and again.
fn growth(took: f64, report: &mut Report) {
    let from = took * (0.5 + WARM / 2.0);
    let points = report.points(Id::ServerMemory).iter().copied().filter(|point| point.0 > from);
    let points: Vec<_> = points.collect();
    if let Some((slope, (first, last))) = sampler::slope(&points).zip(points.first().zip(points.last())) {
        report.figure("memory, second half", slope * 3600.0, "MB/hour, slope");
        report.figure("memory at its start", first.1, "MB");
        report.figure("memory at its end", last.1, "MB");
    }
}
