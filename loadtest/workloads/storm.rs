//! A CI storm: a thousand events at once, until everyone has them all.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use clap::Args;
use loadtest::clock::{float, per_second};
use loadtest::crew::{Gathered, Sharing};
use loadtest::handshake::Subscription;
use loadtest::latency::Latency;
use loadtest::memory;
use loadtest::options::Common;
use loadtest::report::Report;
use loadtest::run::{Setup, Stage};
use loadtest::versus;

/// A storm: many events at once to N connections, until all have all, and the memory that it takes.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    sharing: Sharing,
    #[command(flatten)]
    versus: versus::Options,
    /// Connections that read.
    #[arg(long, short, default_value_t = 1000)]
    connections: usize,
    /// Posts at once.
    #[arg(long, default_value_t = 20)]
    posts: u64,
    /// Notifications in each: posts times these are the events of a storm.
    #[arg(long, default_value_t = 50)]
    per_post: u64,
    /// How many storms, one after another.
    #[arg(long, default_value_t = 5)]
    storms: u64,
    /// Events in a batch at most.
    #[arg(long)]
    batch_size: Option<u32>,
    /// Time since a batch's first event, as the protocol writes it.
    #[arg(long, default_value = "0")]
    cutoff: String,
}

const LAST: &str = "all have all";

pub(crate) fn run(options: &Options) -> anyhow::Result<Report> {
    versus::run(options.versus, &options.common, "storm", LAST, |common, name| measure(options, common, name))
}

fn measure(options: &Options, common: &Common, name: &'static str) -> anyhow::Result<Report> {
    let mut report = Report::new(name);
    report.setting("connections", options.connections);
    report.setting("events", options.posts * options.per_post);
    report.setting("posts", options.posts);
    report.setting("storms", options.storms);
    report.setting("batch_size", options.batch_size);
    report.setting("cutoff", options.cutoff.as_str());
    let setup = Setup {
        connections: options.connections,
        sharing: options.sharing,
        // All posts go out at once.
        publishers: usize::try_from(options.posts)?,
        per_post: options.per_post,
        subscription: Subscription {
            size: options.batch_size,
            cutoff: Some(options.cutoff.clone()),
            ..Subscription::default()
        },
        ..Setup::default()
    };
    let mut stage = Stage::open(common, &setup, &mut report)?;
    match storms(options, &mut stage, &mut report) {
        Ok(()) => {
            let all = stage.close(&mut report)?;
            tell(options, &all, &mut report);
            Ok(report)
        }
        Err(error) => stage.fail(error),
    }
}

fn storms(options: &Options, stage: &mut Stage<'_>, report: &mut Report) -> anyhow::Result<()> {
    // One event, for the buffers of every connection to be there before memory is compared.
    stage.burst(1)?;
    stage.drain()?;
    stage.phase();
    let mut growth: u64 = 0;
    let mut is_exact = true;
    for _ in 0..options.storms {
        thread::sleep(Duration::from_millis(300));
        let before = stage.processes.server().map(|pid| {
            is_exact &= memory::forget_peak(pid);
            memory::process(pid).map(|now| (pid, now.resident))
        });
        stage.burst(options.posts)?;
        stage.drain()?;
        if let Some((pid, before)) = before.transpose()? {
            growth = growth.max(memory::process(pid)?.peak.saturating_sub(before));
        }
    }
    if stage.processes.server().is_some() {
        let unit = if is_exact { "MB" } else { "MB, from the start on" };
        report.figure("most memory beyond that before", float(growth) / 1e6, unit);
    }
    Ok(())
}

/// By storm, that is by intended time: when the last connection had its last event.
fn tell(options: &Options, all: &Gathered, report: &mut Report) {
    let from = all.got.phases.first().map_or(0, |times| times.from);
    let mut ends: BTreeMap<u64, u64> = BTreeMap::new();
    for &(sent, at) in all.got.reached.iter().filter(|&&(sent, _)| sent >= from) {
        let end = ends.entry(sent).or_default();
        *end = (*end).max(at);
    }
    let mut times = Latency::default();
    for (sent, end) in &ends {
        times.record(end - sent);
    }
    let median = times.summary().p50;
    report.figure(LAST, median, "ms, median of the storms");
    let deliveries = options.connections as u64 * options.posts * options.per_post;
    let took = ends.iter().map(|(sent, end)| end - sent).sum::<u64>();
    report.figure("deliveries/s", per_second(deliveries * ends.len() as u64, took), "");
}
