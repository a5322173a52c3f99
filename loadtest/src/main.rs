//! `loadtest WORKLOAD`: load on a gateway, from outside, and a check of all that it delivers.
//!
//! Exit code 0: all is well; 1: something was lost, doubled, reordered or wrong; 2: the run could not be made.

use std::process::ExitCode;

use anyhow::ensure;
use clap::{Parser, Subcommand};
use loadtest::options::Common;
use loadtest::report::Report;
use loadtest::server::Gateway;
use loadtest::{child, compare, cpu};

#[path = "../workloads"]
mod workloads {
    pub(crate) mod bars;
    pub(crate) mod fanout;
    pub(crate) mod filters;
    pub(crate) mod idle;
    pub(crate) mod ingest;
    pub(crate) mod latency;
    pub(crate) mod peer;
    pub(crate) mod peers;
    pub(crate) mod reconnect;
    pub(crate) mod restart;
    pub(crate) mod simulate;
    pub(crate) mod slow;
    pub(crate) mod soak;
    pub(crate) mod storm;
    pub(crate) mod triggers;
}

use workloads::{
    bars, fanout, filters, idle, ingest, latency, peer, peers, reconnect, restart, simulate, slow, soak,
    storm, triggers,
};

/// Load and verification for a Tagcast gateway.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Workload(Box<Workload>),
    Compare(compare::Options),
    /// What a process of `--processes` runs.
    #[command(name = child::COMMAND, hide = true)]
    Readers,
}

#[derive(Subcommand)]
enum Workload {
    Ingest(ingest::Options),
    Fanout(fanout::Options),
    Filters(filters::Options),
    Latency(latency::Options),
    Storm(storm::Options),
    Triggers(triggers::Options),
    Idle(idle::Options),
    Slow(slow::Options),
    Reconnect(reconnect::Options),
    Restart(restart::Options),
    Soak(soak::Options),
    Simulate(simulate::Options),
    Bars(bars::Options),
    Peers(peers::Options),
    Peer(peer::Options),
}

fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Workload(mut workload) => run(&mut workload),
        Command::Compare(options) => compare::run(&options).map(|comparison| {
            print!("{comparison}");
            true
        }),
        Command::Readers => child::main().map(|()| true),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("loadtest: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(workload: &mut Workload) -> anyhow::Result<bool> {
    ensure!(!workload.starts_servers() || !workload.common().start, "this workload starts its own servers");
    let common = workload.common();
    cpu::pin(None, &common.pin)?;
    if common.server_pid.is_some() {
        cpu::pin(common.server_pid, &common.pin_server)?;
    }
    // Both are here until the report is out: the server ends with the one, its data go with the other.
    let (_gateway, server);
    if common.start {
        let gateway = Gateway::new(None, &common.url, &common.pin_server)?;
        server = gateway.start()?;
        *workload.common() = server.common(common);
        _gateway = gateway;
    }
    let report: Report = match workload {
        Workload::Ingest(options) => ingest::run(options)?,
        Workload::Fanout(options) => fanout::run(options)?,
        Workload::Filters(options) => filters::run(options)?,
        Workload::Latency(options) => latency::run(options)?,
        Workload::Storm(options) => storm::run(options)?,
        Workload::Triggers(options) => triggers::run(options)?,
        Workload::Idle(options) => idle::run(options)?,
        Workload::Slow(options) => slow::run(options)?,
        Workload::Reconnect(options) => reconnect::run(options)?,
        Workload::Restart(options) => restart::run(options)?,
        Workload::Soak(options) => soak::run(options)?,
        Workload::Simulate(options) => simulate::run(options)?,
        Workload::Bars(options) => bars::run(options)?,
        Workload::Peers(options) => peers::run(options)?,
        Workload::Peer(options) => peer::run(options)?,
    };
    report.publish(workload.common())?;
    Ok(report.is_good())
}

impl Workload {
    /// Whether it starts servers itself, each as it needs it.
    fn starts_servers(&self) -> bool {
        matches!(self, Self::Restart(_) | Self::Soak(_) | Self::Bars(_) | Self::Peers(_))
    }

    fn common(&mut self) -> &mut Common {
        match self {
            Self::Ingest(options) => &mut options.common,
            Self::Fanout(options) => &mut options.common,
            Self::Filters(options) => &mut options.common,
            Self::Latency(options) => &mut options.common,
            Self::Storm(options) => &mut options.common,
            Self::Triggers(options) => &mut options.common,
            Self::Idle(options) => &mut options.common,
            Self::Slow(options) => &mut options.common,
            Self::Reconnect(options) => &mut options.common,
            Self::Restart(options) => &mut options.ingest.common,
            Self::Soak(options) => &mut options.common,
            Self::Simulate(options) => &mut options.common,
            Self::Bars(options) => &mut options.common,
            Self::Peers(options) => &mut options.common,
            Self::Peer(options) => &mut options.common,
        }
    }
}
