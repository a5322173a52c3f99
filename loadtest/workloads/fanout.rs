//! How many deliveries a second to many connections, and how late.

use std::thread;
use std::time::Duration;

use clap::Args;
use loadtest::crew::Sharing;
use loadtest::handshake::Subscription;
use loadtest::options::Common;
use loadtest::progress;
use loadtest::report::Report;
use loadtest::run::{self, Setup, Stage};
use loadtest::{search, versus};

/// Fan-out: N connections with one filter; events at a rate, or as fast as all have them.
#[derive(Args, Clone)]
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
    /// Posts a second; left out: as fast as the window allows.
    #[arg(long)]
    rate: Option<f64>,
    /// Events on their way that not all connections have. Only without a rate.
    #[arg(long, short, default_value_t = 32)]
    window: u64,
    /// One event at a time, this often, each when all have the one before: how long until the last has it.
    #[arg(long, value_name = "TIMES", conflicts_with_all = ["rate", "most_within"])]
    isolated: Option<u64>,
    /// Search the most events a second with 99 % of deliveries in so many milliseconds; --rate is where to begin.
    #[arg(long, value_name = "MILLISECONDS")]
    most_within: Option<f64>,
    /// Notifications in one post.
    #[arg(long, default_value_t = 1)]
    per_post: u64,
    /// Connections that post.
    #[arg(long, default_value_t = 16)]
    publishers: usize,
    /// How long, in seconds.
    #[arg(long, short, default_value_t = 10)]
    seconds: u64,
    /// Seconds at the start that are checked and not measured.
    #[arg(long, default_value_t = 2)]
    warmup: u64,
    /// Events in a batch at most.
    #[arg(long)]
    batch_size: Option<u32>,
    /// Bytes in a batch at most.
    #[arg(long)]
    batch_bytes: Option<u32>,
    /// Time since a batch's first event, as the protocol writes it.
    #[arg(long, default_value = "0")]
    cutoff: String,
}

const DELIVERIES: &str = "deliveries/s";
const LAST: &str = "last one reached";
const MOST: &str = "most events/s";

pub(crate) fn run(options: &Options) -> anyhow::Result<Report> {
    let common = &options.common;
    if options.isolated.is_some() {
        versus::run(options.versus, common, "fanout", LAST, |common, name| isolated(options, common, name))
    } else if let Some(bound) = options.most_within {
        versus::run(options.versus, common, "fanout", MOST, |common, name| most(options, common, name, bound))
    } else {
        versus::run(options.versus, common, "fanout", DELIVERIES, |common, name| {
            measure(options, common, name, options.rate)
        })
    }
}

fn setup(options: &Options, rate: Option<f64>) -> Setup {
    Setup {
        connections: options.connections,
        sharing: options.sharing,
        publishers: options.publishers,
        per_post: options.per_post,
        rate,
        window: rate.is_none().then_some(options.window),
        warmup: options.warmup,
        seconds: options.seconds,
        subscription: Subscription {
            size: options.batch_size,
            bytes: options.batch_bytes,
            cutoff: Some(options.cutoff.clone()),
            ..Subscription::default()
        },
        ..Setup::default()
    }
}

fn describe(options: &Options, name: &'static str) -> Report {
    let mut report = Report::new(name);
    report.setting("connections", options.connections);
    report.setting("processes", options.sharing.processes);
    report.setting("nap", options.sharing.nap);
    report.setting("per_post", options.per_post);
    report.setting("batch_size", options.batch_size);
    report.setting("cutoff", options.cutoff.as_str());
    report
}

fn measure(
    options: &Options,
    common: &Common,
    name: &'static str,
    rate: Option<f64>,
) -> anyhow::Result<Report> {
    let setup = setup(options, rate);
    let mut report = describe(options, name);
    report.setting("rate", rate);
    report.setting("window", setup.window);
    report.setting("publishers", options.publishers);
    report.setting("seconds", options.seconds);
    report.setting("warmup", options.warmup);
    run::broadcast(common, &setup, &mut report)?;
    Ok(report)
}

/// One event after another, with nothing else under way.
fn isolated(options: &Options, common: &Common, name: &'static str) -> anyhow::Result<Report> {
    let setup = setup(options, None);
    let times = options.isolated.unwrap_or(1);
    let mut report = describe(options, name);
    report.setting("isolated", times);
    let mut stage = Stage::open(common, &setup, &mut report)?;
    let mut go = || {
        for round in 0..times + 3 {
            // The first few are for caches and buffers to be as they will be.
            if round == 3 {
                stage.phase();
            }
            stage.burst(1)?;
            stage.drain()?;
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    };
    if let Err(error) = go() {
        return stage.fail(error);
    }
    let all = stage.close(&mut report)?;
    report.figure(LAST, run::last_arrivals(&all).summary().p50, "ms, median");
    Ok(report)
}

/// Runs at one rate after another until the most is known; the run at that rate is told.
fn most(options: &Options, common: &Common, name: &'static str, bound: f64) -> anyhow::Result<Report> {
    let mut best = None;
    let found = search::most(options.rate.unwrap_or(50.0), |rate| {
        let report = measure(options, common, name, Some(rate))?;
        let p99 = run::arrival(&report).map_or(f64::INFINITY, |summary| summary.p99);
        if !common.quiet {
            progress::say(&format!("{name}: {rate:.0} posts/s, p99 {p99:.1} ms"));
        }
        let holds = p99 < bound;
        if holds || best.is_none() {
            best = Some((rate, report));
        }
        anyhow::Ok(holds)
    })?;
    let (rate, mut report) = best.ok_or_else(|| anyhow::anyhow!("nothing was tried"))?;
    report.setting("most_within", bound);
    // Where not even the least holds there is no rate to tell.
    let events = if found.is_some() { rate } else { 0.0 };
    report.figure(MOST, events * loadtest::clock::float(options.per_post), "within the bound");
    Ok(report)
}
