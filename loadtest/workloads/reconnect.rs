//! Everyone drops and comes back to where they were.

use std::thread;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use loadtest::broadcast::Broadcast;
use loadtest::clock::{self, SECOND};
use loadtest::crew::{Crew, Sharing};
use loadtest::handshake::Subscription;
use loadtest::latency::Latency;
use loadtest::options::Common;
use loadtest::report::Report;
use loadtest::run::{Setup, Stage};

/// Reconnect: all N connections drop at once, again and again while events go on, and come back with `after`.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    sharing: Sharing,
    /// Connections that read.
    #[arg(long, short, default_value_t = 5000)]
    connections: usize,
    /// Posts a second.
    #[arg(long, default_value_t = 20.0)]
    rate: f64,
    /// How often all drop.
    #[arg(long, default_value_t = 4)]
    times: u64,
    /// Seconds from one drop to the next.
    #[arg(long, default_value_t = 5)]
    every: u64,
    /// Connections that post.
    #[arg(long, default_value_t = 16)]
    publishers: usize,
    /// Time since a batch's first event, as the protocol writes it.
    #[arg(long, default_value = "0")]
    cutoff: String,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Report> {
    let mut report = Report::new("reconnect");
    report.setting("connections", options.connections);
    report.setting("rate", options.rate);
    report.setting("times", options.times);
    report.setting("every", options.every);
    report.setting("cutoff", options.cutoff.as_str());
    let setup = Setup {
        connections: options.connections,
        sharing: options.sharing,
        publishers: options.publishers,
        per_post: 1,
        rate: Some(options.rate),
        subscription: Subscription { cutoff: Some(options.cutoff.clone()), ..Subscription::default() },
        resumes: true,
        ..Setup::default()
    };
    let mut stage = Stage::open(&options.common, &setup, &mut report)?;
    match drops(options, &mut stage, &mut report) {
        Ok(()) => drop(stage.close(&mut report)?),
        Err(error) => return stage.fail(error),
    }
    Ok(report)
}

fn drops(options: &Options, stage: &mut Stage<'_>, report: &mut Report) -> anyhow::Result<()> {
    stage.phase();
    let since = stage.measure()?;
    let seconds = options.times * options.every + 1;
    let (back, caught_up) = stage.publish_while(seconds, |crew, broadcast| {
        let (mut back, mut caught_up) = (Latency::default(), Latency::default());
        for _ in 0..options.times {
            let next = clock::now() + options.every * SECOND;
            let times = all_return(options.connections, crew, broadcast)?;
            back.record(times.0);
            caught_up.record(times.1);
            thread::sleep(Duration::from_nanos(next.saturating_sub(clock::now())));
        }
        Ok((back, caught_up))
    })?;
    stage.measured(&since, report)?;
    stage.wait_for_all()?;
    stage.drain()?;
    let rate = clock::float_len(options.connections) * 1e3 / back.summary().p50.max(1e-3);
    report.figure("came back", rate, "connections/s, median");
    report.latency("drop of all to all subscribed again", &back);
    report.latency("drop of all to all have all there was", &caught_up);
    Ok(())
}

/// How long until all were subscribed again, and until all had what there was by then.
fn all_return(connections: usize, crew: &mut Crew, broadcast: &Broadcast) -> anyhow::Result<(u64, u64)> {
    let wait = |until: &dyn Fn() -> bool| {
        let begun = clock::now();
        while !until() {
            ensure!(!broadcast.has_failed(), "the readers gave up");
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
