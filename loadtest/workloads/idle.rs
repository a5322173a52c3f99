//! What connections cost that only wait.

use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use loadtest::clock::float;
use loadtest::crew::Sharing;
use loadtest::handshake::Subscription;
use loadtest::memory::{self, Kernel, Process};
use loadtest::options::Common;
use loadtest::report::Report;
use loadtest::run::{Setup, Stage};

/// Idle connections: bytes of memory for each, in the process and in the kernel, before and after one large batch.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    sharing: Sharing,
    /// Connections that wait.
    #[arg(long, short, default_value_t = 10_000)]
    connections: usize,
    /// Seconds before memory is looked at, so that what was only in use for a while is given back.
    #[arg(long, short, default_value_t = 12)]
    seconds: u64,
    /// Then one batch of about so many bytes goes to everyone; 0: none.
    #[arg(long, default_value_t = 60_000)]
    batch_bytes: u64,
}

/// About an event's size in a batch; how many go into one is told with the figures.
const EVENT: u64 = 820;

pub(crate) fn run(options: &Options) -> anyhow::Result<Report> {
    let pid = options.common.server_pid.context("idle looks at the server's memory: --server-pid PID")?;
    let events = (options.batch_bytes / EVENT).max(1);
    let mut report = Report::new("idle");
    report.setting("connections", options.connections);
    report.setting("seconds", options.seconds);
    report.setting("events_in_the_batch", events);
    let setup = Setup {
        connections: options.connections,
        sharing: options.sharing,
        publishers: 1,
        per_post: events,
        subscription: Subscription {
            size: Some(u32::try_from(events)?),
            cutoff: Some("1s".to_owned()),
            bytes: Some(u32::try_from(options.batch_bytes.max(1 << 10) * 2)?),
            ..Subscription::default()
        },
        // A gateway hangs up on a sender that says nothing for so long; the post then comes again.
        repeats: true,
        ..Setup::default()
    };
    let look = || anyhow::Ok((memory::process(pid)?, memory::kernel()?));
    let before = look()?;
    let mut stage = Stage::open(&options.common, &setup, &mut report)?;
    let mut go = || {
        thread::sleep(Duration::from_secs(options.seconds));
        let idle = look()?;
        tell(options, before, idle, &mut report);
        if options.batch_bytes > 0 {
            stage.phase();
            stage.burst(1)?;
            stage.drain()?;
            thread::sleep(Duration::from_secs(options.seconds));
            let after = look()?.0;
            let growth = per_connection(options, idle.0.resident, after.resident);
            report.figure("growth after the batch", growth, "bytes a connection");
        }
        Ok(())
    };
    match go() {
        Ok(()) if options.batch_bytes > 0 => drop(stage.close(&mut report)?),
        Ok(()) => drop(stage.crew.give_up()?),
        Err(error) => return stage.fail(error),
    }
    Ok(report)
}

fn tell(options: &Options, before: (Process, Kernel), idle: (Process, Kernel), report: &mut Report) {
    let each = |before, now| per_connection(options, before, now);
    report.figure("server memory", each(before.0.resident, idle.0.resident), "bytes a connection");
    report.figure("of it anonymous", each(before.0.anonymous, idle.0.anonymous), "bytes a connection");
    report.figure("server memory, total", float(idle.0.resident) / 1e6, "MB");
    report.figure("server descriptors", float(idle.0.descriptors), "");
    report.figure(
        "kernel slab",
        each(before.1.slab, idle.1.slab),
        "bytes a connection, both ends if both are here",
    );
    report.figure("kernel TCP queues", each(before.1.tcp, idle.1.tcp), "bytes a connection, likewise");
}

fn per_connection(options: &Options, before: u64, now: u64) -> f64 {
    // Memory may also have been given back.
    (float(now) - float(before)) / float(options.connections.max(1) as u64)
}
