//! Everyone drops and comes back to where they were.

use std::thread;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use loadtest::broadcast::Broadcast;
use loadtest::clock::{self, SECOND, float_len};
use loadtest::crew::Crew;
use loadtest::latency::Latency;
use loadtest::options::{Common, Load, Readers};
use loadtest::report::Report;
use loadtest::stage::{self, Setup, Stage};
use loadtest::workload::Workload;
use serde::Serialize;

/// Reconnect: all N connections drop at once, again and again while events go on, and come back with `after`.
#[derive(Args, Serialize)]
#[command(mut_arg("connections", |connections| connections.default_value("5000")))]
#[command(mut_arg("rate", |rate| rate.default_value("20")))]
pub(crate) struct Reconnect {
    #[command(flatten)]
    readers: Readers,
    #[command(flatten)]
    load: Load,
    /// How often all drop.
    #[arg(long, default_value_t = 4)]
    times: u64,
    /// Seconds from one drop to the next.
    #[arg(long, default_value_t = 5)]
    every: u64,
}

impl Workload for Reconnect {
    const NAME: &'static str = "reconnect";

    fn run(&self, common: &Common, report: &mut Report) -> anyhow::Result<()> {
        let setup =
            Setup { readers: self.readers.clone(), load: self.load, resumes: true, ..Setup::default() };
        stage::play(common, &setup, report, |stage, report| self.drops(stage, report))?;
        Ok(())
    }
}

impl Reconnect {
    fn drops(&self, stage: &mut Stage<'_>, report: &mut Report) -> anyhow::Result<()> {
        stage.phase();
        let measurement = stage.measure()?;
        let connections = self.readers.connections;
        let (back, caught_up) = stage.publish_while(self.times * self.every + 1, |crew, broadcast| {
            let (mut back, mut caught_up) = (Latency::default(), Latency::default());
            for _ in 0..self.times {
                let next = clock::now() + self.every * SECOND;
                let times = all_return(connections, crew, broadcast)?;
                back.record(times.0);
                caught_up.record(times.1);
                thread::sleep(Duration::from_nanos(next.saturating_sub(clock::now())));
            }
            Ok((back, caught_up))
        })?;
        measurement.end(&stage.broadcast, report)?;
        stage.broadcast.wait_for_all()?;
        stage.drain()?;
        let rate = float_len(connections) * 1e3 / back.summary().p50.max(1e-3);
        report.figure("came back", rate, "connections/s, median");
        report.latency("drop of all to all subscribed again", &back);
        report.latency("drop of all to all have all there was", &caught_up);
        Ok(())
    }
}

/// How long until all were subscribed again, and until all had what there was by then.
fn all_return(connections: usize, crew: &mut Crew, broadcast: &Broadcast) -> anyhow::Result<(u64, u64)> {
    let wait = |until: &dyn Fn() -> bool| {
        let begun = clock::now();
        while !until() {
            broadcast.check()?;
            ensure!(clock::now() - begun < 60 * SECOND, "not all came back within a minute");
            thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    };
    let begun = clock::now();
    crew.send_away(connections);
    wait(&|| !broadcast.is_complete())?;
    wait(&|| broadcast.is_complete())?;
    let back = clock::now() - begun;
    let events = broadcast.events();
    wait(&|| broadcast.completed() >= events)?;
    Ok((back, clock::now() - begun))
}
