//! `loadtest WORKLOAD`: load on a gateway, from outside, and a check of all that it delivers.
//!
//! Exit code 0: all is well; 1: something was lost, doubled, reordered or wrong; 2: the run could not be made.

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use loadtest::compare;
use loadtest::options::Common;
use loadtest::worker;
use loadtest::workload::{self, Workload};

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
    Ingest(Run<ingest::Ingest>),
    Fanout(Run<fanout::Fanout>),
    Filters(Run<filters::Filters>),
    Latency(Run<latency::Latency>),
    Storm(Run<storm::Storm>),
    Triggers(Run<triggers::Triggers>),
    Idle(Run<idle::Idle>),
    Slow(Run<slow::Slow>),
    Reconnect(Run<reconnect::Reconnect>),
    Restart(Run<restart::Restart>),
    Soak(Run<soak::Soak>),
    Simulate(Run<simulate::Simulate>),
    Bars(Run<bars::Bars>),
    Peers(Run<peers::Peers>),
    Peer(Run<peer::Peer>),
    Compare(compare::Files),
    /// What a process of `--processes` runs.
    #[command(name = worker::COMMAND, hide = true)]
    Readers,
}

// No doc comment: it would take the place of the workload's in the help.
#[derive(Args)]
struct Run<W: Args> {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    workload: W,
}

impl<W: Workload> Run<W> {
    fn go(self) -> anyhow::Result<bool> {
        workload::run(&self.workload, self.common)
    }
}

fn main() -> ExitCode {
    match Cli::parse().command.go() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("loadtest: {error:#}");
            ExitCode::from(2)
        }
    }
}

impl Command {
    /// Does it; whether all is well.
    fn go(self) -> anyhow::Result<bool> {
        match self {
            Self::Ingest(run) => run.go(),
            Self::Fanout(run) => run.go(),
            Self::Filters(run) => run.go(),
            Self::Latency(run) => run.go(),
            Self::Storm(run) => run.go(),
            Self::Triggers(run) => run.go(),
            Self::Idle(run) => run.go(),
            Self::Slow(run) => run.go(),
            Self::Reconnect(run) => run.go(),
            Self::Restart(run) => run.go(),
            Self::Soak(run) => run.go(),
            Self::Simulate(run) => run.go(),
            Self::Bars(run) => run.go(),
            Self::Peers(run) => run.go(),
            Self::Peer(run) => run.go(),
            Self::Compare(files) => {
                print!("{}", files.compare()?);
                Ok(true)
            }
            Self::Readers => worker::main().map(|()| true),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_default_fits_its_option() {
        Cli::command().debug_assert();
    }

    /// A renamed label changes nothing here, and a figure that its workload does not tell is found.
    #[test]
    fn every_bar_has_its_figure() {
        for (row, arguments) in bars::arguments() {
            let words = ["loadtest"].into_iter().chain(arguments.split(' ')).chain(["--server-pid", "1"]);
            let told = match Cli::parse_from(words).command {
                Command::Fanout(run) => run.workload.figures(),
                Command::Storm(run) => run.workload.figures(),
                Command::Idle(run) => run.workload.figures(),
                Command::Triggers(run) => run.workload.figures(),
                Command::Slow(run) => run.workload.figures(),
                _ => panic!("{arguments}: how are its figures found?"),
            };
            for id in row {
                assert!(told.contains(&id), "{arguments}: {id:?} is not told");
            }
        }
    }
}
