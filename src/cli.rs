//! Arguments and environment, as overrides of the settings; each command in a file of its own.

mod backup;
mod diagnostics;
mod exit;
mod filter;
mod follow;
mod forward;
mod input;
mod remote;
mod serve;
mod source;
mod trigger;
mod verify;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::exit::{Exit, Failure};

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
    let outcome = match arguments.command {
        Command::Serve(arguments) => runtime.block_on(serve::run(arguments)),
        Command::Watch(arguments) => runtime.block_on(watch::run(arguments)),
        Command::Backup(arguments) => runtime.block_on(backup::run(arguments)),
        Command::Trigger(arguments) => runtime.block_on(trigger::run(arguments)),
        Command::Forward(arguments) => runtime.block_on(forward::run(arguments)),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Filter(arguments) => filter::run(arguments),
        Command::Source(arguments) => source::run(arguments),
        Command::Config => {
            print!("{}", crate::config::DEFAULT);
            Ok(Exit::Success)
        }
    };
    // A thread that waits for the disk or for input must not hold up the end.
    runtime.shutdown_background();
    exit::end(outcome)
}
