//! How long from a push to the arrival of its event, at every connection.

use clap::Args;
use loadtest::crew::Sharing;
use loadtest::handshake::Subscription;
use loadtest::options::Common;
use loadtest::report::Report;
use loadtest::run::{self, Setup};
use loadtest::versus;

/// Push to socket: N connections with one filter and no window, notifications at a steady rate.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    versus: versus::Options,
    /// Connections that read.
    #[arg(long, short, default_value_t = 100)]
    connections: usize,
    /// Notifications a second.
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    /// How long, in seconds.
    #[arg(long, short, default_value_t = 20)]
    seconds: u64,
    /// Seconds at the start that are checked and not measured.
    #[arg(long, default_value_t = 2)]
    warmup: u64,
    /// Connections that post: so many notifications can be under way.
    #[arg(long, default_value_t = 16)]
    publishers: usize,
    /// Events in a batch at most.
    #[arg(long)]
    batch_size: Option<u32>,
    /// Time since a batch's first event, as the protocol writes it.
    #[arg(long, default_value = "0")]
    cutoff: String,
    /// Threads that read; each sleeps until something comes.
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Report> {
    // The lower, the better, so the ratio is one of times.
    versus::run(options.versus, &options.common, "latency", "p99", |common, name| {
        measure(options, common, name)
    })
}

fn measure(options: &Options, common: &Common, name: &'static str) -> anyhow::Result<Report> {
    let mut report = Report::new(name);
    report.setting("connections", options.connections);
    report.setting("rate", options.rate);
    report.setting("seconds", options.seconds);
    report.setting("warmup", options.warmup);
    report.setting("publishers", options.publishers);
    report.setting("cutoff", options.cutoff.as_str());
    let setup = Setup {
        connections: options.connections,
        sharing: Sharing { threads: options.threads, processes: 0, nap: 0 },
        publishers: options.publishers,
        per_post: 1,
        rate: Some(options.rate),
        warmup: options.warmup,
        seconds: options.seconds,
        subscription: Subscription {
            size: options.batch_size,
            cutoff: Some(options.cutoff.clone()),
            ..Subscription::default()
        },
        with_answers: true,
        ..Setup::default()
    };
    run::broadcast(common, &setup, &mut report)?;
    let p99 = run::arrival(&report).map_or(0.0, |summary| summary.p99);
    report.figure("p99", p99, "ms beyond the window");
    Ok(report)
}
