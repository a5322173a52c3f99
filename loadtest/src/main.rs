//! `loadtest WORKLOAD`: load on a gateway, from outside, and a check of all that it delivers.
//!
//! Exit code 0: all is well; 1: something was lost, doubled, reordered or wrong; 2: the run could not be made.

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use loadtest::compare;
use loadtest::options::Common;
use loadtest::worker;
use loadtest::workload;

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

/// Load and verification for a Tagcast gateway.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The enum of commands, and what each does, from one list of workloads.
macro_rules! commands {
    ($($module:ident::$workload:ident,)*) => {
        #[derive(Subcommand)]
        enum Command {
            $($workload(Run<workloads::$module::$workload>),)*
            Compare(compare::Files),
            /// What a process of `--processes` runs.
            #[command(name = worker::COMMAND, hide = true)]
            Readers,
        }

        impl Command {
            /// Does it; whether all is well.
            fn go(self) -> anyhow::Result<bool> {
                match self {
                    $(Self::$workload(run) => workload::run(&run.workload, run.common),)*
                    Self::Compare(files) => {
                        print!("{}", files.compare()?);
                        Ok(true)
                    }
                    Self::Readers => worker::main().map(|()| true),
                }
            }

            /// Figures that a workload says it tells.
            #[cfg(test)]
            fn figures(&self) -> Vec<loadtest::figure::Id> {
                match self {
                    $(Self::$workload(run) => workload::Workload::figures(&run.workload),)*
                    Self::Compare(_) | Self::Readers => Vec::new(),
                }
            }
        }
    };
}

commands! {
    ingest::Ingest,
    fanout::Fanout,
    filters::Filters,
    latency::Latency,
    storm::Storm,
    triggers::Triggers,
    idle::Idle,
    slow::Slow,
    reconnect::Reconnect,
    restart::Restart,
    soak::Soak,
    simulate::Simulate,
    bars::Bars,
    peers::Peers,
    peer::Peer,
}

// No doc comment: it would take the place of the workload's in the help.
#[derive(Args)]
struct Run<W: Args> {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    workload: W,
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
        for (row, arguments) in workloads::bars::arguments() {
            let words = ["loadtest"].into_iter().chain(arguments.split(' ')).chain(["--server-pid", "1"]);
            let told = Cli::parse_from(words).command.figures();
            for id in row {
                assert!(told.contains(&id), "{arguments}: {id:?} is not told");
            }
        }
    }
}
