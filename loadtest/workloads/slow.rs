//! What others feel when some stop reading, and what the kernel keeps for those.

use std::thread;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use loadtest::clock::{float, float_len};
use loadtest::crew::Sharing;
use loadtest::handshake::Subscription;
use loadtest::options::Common;
use loadtest::order::Order;
use loadtest::report::Report;
use loadtest::run::{Setup, Stage};
use loadtest::sockets;

/// Slow readers: a share of N connections stops reading while events go on at a rate, and reads again later.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    sharing: Sharing,
    /// Connections that read.
    #[arg(long, short, default_value_t = 1000)]
    connections: usize,
    /// How many of a hundred stop.
    #[arg(long, default_value_t = 1.0)]
    share: f64,
    /// Posts a second.
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    /// How long each part takes, before they stop and while they are stopped. Gateways cut off who takes nothing
    /// for long; those come back by themselves.
    #[arg(long, short, default_value_t = 15)]
    seconds: u64,
    /// Seconds at the start that are checked and not measured.
    #[arg(long, default_value_t = 2)]
    warmup: u64,
    /// Connections that post.
    #[arg(long, default_value_t = 16)]
    publishers: usize,
    /// Time since a batch's first event, as the protocol writes it.
    #[arg(long, default_value = "0")]
    cutoff: String,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Report> {
    let stopped = stopped(options);
    ensure!(stopped > 0 && stopped < options.connections, "{stopped} of {} would stop", options.connections);
    let mut report = Report::new("slow");
    report.setting("connections", options.connections);
    report.setting("stopped", stopped);
    report.setting("rate", options.rate);
    report.setting("seconds", options.seconds);
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
    if let Err(error) = parts(options, stopped, &mut stage, &mut report) {
        return stage.fail(error);
    }
    let all = stage.close(&mut report)?;
    let p99 = |phase: usize| all.got.phases.get(phase).map_or(0.0, |times| times.arrival.summary().p99);
    report.figure("p99 before", p99(0), "ms");
    report.figure("others' p99 while some are stopped", p99(1), "ms");
    report.figure("the one of the other", p99(1) / p99(0).max(1e-6), "");
    Ok(report)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
fn stopped(options: &Options) -> usize {
    (float_len(options.connections) * options.share / 100.0).round() as usize
}

fn parts(
    options: &Options,
    stopped: usize,
    stage: &mut Stage<'_>,
    report: &mut Report,
) -> anyhow::Result<()> {
    // Both parts are timed without those that will stop, so that they are the same connections.
    stage.crew.stop(stopped);
    stage.crew.order(Order::Resume);
    stage.publish(options.warmup)?;
    stage.phase();
    stage.publish(options.seconds)?;
    stage.drain()?;
    stage.crew.stop(stopped);
    stage.phase();
    let since = stage.measure()?;
    stage.publish(options.seconds)?;
    stage.measured(&since, report)?;
    kept(options, stopped, report);
    stage.crew.order(Order::Resume);
    thread::sleep(Duration::from_millis(100));
    stage.wait_for_all()?;
    stage.drain()
}

/// Those that are stopped have the largest queues.
fn kept(options: &Options, stopped: usize, report: &mut Report) {
    match sockets::of_server(options.common.url.address.port()) {
        Ok(all) => {
            let mut sending: Vec<u64> = all.values().map(|kept| kept.sending).collect();
            sending.sort_unstable_by(|a, b| b.cmp(a));
            sending.truncate(stopped);
            let sum: u64 = sending.iter().sum();
            let mean = float(sum) / float_len(sending.len().max(1));
            report.figure("kernel memory of a stopped reader", mean, "bytes at the server's end, mean");
            let most = sending.first().copied().unwrap_or(0);
            report.figure("kernel memory of a stopped reader, most", float(most), "bytes");
        }
        Err(error) => report.note("kernel memory of stopped readers is not known", &format!("{error:#}")),
    }
}
