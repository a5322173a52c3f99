//! `loadtest WORKLOAD`: load on a gateway, from outside, and a check of all that it delivers.
//!
//! Exit code 0: all is well; 1: something was lost, doubled, reordered or wrong; 2: the run could not be made.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use loadtest::options::Common;
use loadtest::report::Report;
use loadtest::{clock, cpu};

#[path = "../workloads"]
mod workloads {
    pub(crate) mod fanout;
    pub(crate) mod filters;
    pub(crate) mod ingest;
    pub(crate) mod latency;
    pub(crate) mod simulate;
}

use workloads::{fanout, filters, ingest, latency, simulate};

/// Load and verification for a Tagcast gateway.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    workload: Workload,
}

#[derive(Subcommand)]
enum Workload {
    Ingest(ingest::Options),
    Fanout(fanout::Options),
    Filters(filters::Options),
    Latency(latency::Options),
    Simulate(simulate::Options),
}

fn main() -> ExitCode {
    clock::now();
    match run(&Cli::parse().workload) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("loadtest: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(workload: &Workload) -> anyhow::Result<bool> {
    let common = workload.common();
    cpu::pin(None, &common.pin)?;
    if common.server_pid.is_some() {
        cpu::pin(common.server_pid, &common.pin_server)?;
    }
    let report: Report = match workload {
        Workload::Ingest(options) => ingest::run(options)?,
        Workload::Fanout(options) => fanout::run(options)?,
        Workload::Filters(options) => filters::run(options)?,
        Workload::Latency(options) => latency::run(options)?,
        Workload::Simulate(options) => simulate::run(options)?,
    };
    report.publish(common)?;
    Ok(report.is_good())
}

impl Workload {
    fn common(&self) -> &Common {
        match self {
            Self::Ingest(options) => &options.common,
            Self::Fanout(options) => &options.common,
            Self::Filters(options) => &options.common,
            Self::Latency(options) => &options.common,
            Self::Simulate(options) => &options.common,
        }
    }
}
