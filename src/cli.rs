//! Arguments and environment, as overrides of the settings; each command in a file of its own.

mod answer;
mod backup;
mod diagnostics;
mod exit;
mod filter;
mod follow;
mod forward;
mod input;
mod output;
mod remote;
mod serve;
mod source;
mod told;
mod trigger;
mod verify;
mod visible;
mod watch;

use std::panic::resume_unwind;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use self::exit::{Exit, Failure, Outcome};
use self::told::Signals;
use crate::config::misspelt_variables;

/// How long the end waits for what cleans up.
const TIDY: Duration = Duration::from_secs(2);

/// A WebSocket broadcast gateway for container-registry events.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway.
    Serve(serve::ServeArguments),
    /// Show events as they come, one a line.
    Watch(watch::WatchArguments),
    /// Check, explain and try filters without a gateway.
    Filter(filter::FilterArguments),
    /// See, make and change a running gateway's triggers, and what they gave up.
    Trigger(trigger::TriggerArguments),
    /// Post events to an endpoint that the gateway can't reach, over one connection from here.
    Forward(forward::ForwardArguments),
    /// Try out what registries send, and see how sources are set up.
    Source(source::SourceArguments),
    /// Copy the log of a running gateway into a directory.
    Backup(backup::BackupArguments),
    /// Check a log that is not in use, and change nothing.
    Verify(verify::VerifyArguments),
    /// Print every setting with its default: the manual, and a file to begin with.
    Config,
}

/// Runs what the command line asks for.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return exit::end(Err(Failure::new(Exit::Failure, error))),
    };
    let is_copy = matches!(arguments.command, Command::Backup(_));
    let outcome = runtime.block_on(async {
        match arguments.command {
            // The gateway ends in an order of its own.
            Command::Serve(arguments) => serve::run(arguments).await,
            command => until_told(command).await,
        }
    });
    if is_copy {
        // What there is of a copy that was cut short goes.
        runtime.shutdown_timeout(TIDY);
    } else {
        // A thread that waits for the disk or for input must not hold up the end.
        runtime.shutdown_background();
    }
    output::flush();
    exit::end(outcome)
}

/// Runs a command to its end, or until it is told to end.
async fn until_told(command: Command) -> Outcome {
    for (name, meant) in misspelt_variables() {
        output::tell(format_args!("{name}: nothing reads this variable; did you mean {meant}?"));
    }
    let mut signals = Signals::listen().map_err(Failure::with(Exit::Failure))?;
    let is_endless = command.is_endless();
    // On its own, so that one who waits for a slow consumer is told as well.
    let mut running = tokio::spawn(command.run());
    tokio::select! {
        ended = &mut running => ended.unwrap_or_else(|panic| resume_unwind(panic.into_panic())),
        exit = signals.next() => {
            running.abort();
            Ok(if is_endless { Exit::Success } else { exit })
        }
    }
}

impl Command {
    /// Whether it has no end but the one that it is told.
    fn is_endless(&self) -> bool {
        matches!(self, Self::Watch(_) | Self::Forward(_))
    }

    async fn run(self) -> Outcome {
        match self {
            Self::Serve(arguments) => serve::run(arguments).await,
            Self::Watch(arguments) => watch::run(arguments).await,
            Self::Backup(arguments) => backup::run(arguments).await,
            Self::Trigger(arguments) => trigger::run(arguments).await,
            Self::Forward(arguments) => forward::run(arguments).await,
            Self::Verify(arguments) => blocking(move || verify::run(&arguments)).await,
            Self::Filter(arguments) => blocking(move || filter::run(arguments)).await,
            Self::Source(arguments) => blocking(move || source::run(arguments)).await,
            Self::Config => {
                output::print(crate::config::DEFAULT);
                Ok(Exit::Success)
            }
        }
    }
}

/// Runs what waits for input or the disk where it holds up nothing.
async fn blocking(work: impl FnOnce() -> Outcome + Send + 'static) -> Outcome {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|panic| resume_unwind(panic.into_panic()))
}
