//! `tagcast watch`: events as lines, reconnecting and resuming by itself.

mod print;

use std::io::{self, IsTerminal as _};

use clap::{Args, ValueEnum};
use tokio::task::block_in_place;

use self::print::Printer;
use super::exit::{Exit, Failure, Outcome};
use super::follow::{Follower, Subscription, Update};
use super::output::tell;
use super::remote::Remote;
use super::told::consumer_gone;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 ended by Ctrl-C, SIGTERM or a consumer that is gone; 1 gateway lost (with --no-retry); \
                        2 the request is wrong; 3 not allowed; 74 the output can't be written."
)]
pub(super) struct WatchArguments {
    /// Which events, such as 'repository == "team/app" && tag.startsWith("v")'; none: all.
    filter: Option<String>,
    #[command(flatten)]
    remote: Remote,
    /// Start behind this: an event_id, a time (RFC 3339) or 'earliest'.
    #[arg(long, value_name = "PLACE")]
    after: Option<String>,
    /// Events in a batch, at most.
    #[arg(long, value_name = "N")]
    batch_size: Option<u32>,
    /// Time that a batch may gather, such as 250ms; 0: each event at once.
    #[arg(long, value_name = "TIME")]
    batch_cutoff: Option<String>,
    /// table on a terminal, json (one event a line) in a pipe, unless set.
    #[arg(long, value_enum)]
    format: Option<PrintFormat>,
    /// End when the connection is lost instead of connecting again.
    #[arg(long)]
    no_retry: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PrintFormat {
    Json,
    Table,
}

/// Events can't be written, as on a disk that is full.
#[derive(Debug, thiserror::Error)]
#[error("standard output: {0}")]
struct OutputError(#[from] io::Error);

pub(super) async fn run(arguments: WatchArguments) -> Outcome {
    tokio::select! {
        outcome = watch(arguments) => outcome,
        () = consumer_gone() => Ok(Exit::Success),
    }
}

async fn watch(arguments: WatchArguments) -> Outcome {
    let terminal = std::io::stdout().is_terminal();
    let table = arguments.format.map_or(terminal, |format| format == PrintFormat::Table);
    let colour = terminal && std::env::var_os("NO_COLOR").is_none();
    let printer = Printer::new(table, colour);
    let subscription = Subscription {
        filter: arguments.filter.unwrap_or_else(|| "true".into()),
        batch_size: arguments.batch_size,
        batch_cutoff: arguments.batch_cutoff,
        after: arguments.after,
    };
    let mut follower = Follower::new(arguments.remote, subscription, !arguments.no_retry);
    loop {
        match follower.next().await.map_err(|loss| Failure::new(loss.exit(), loss))? {
            Update::Batch(events) => {
                let print = || events.iter().try_for_each(|event| printer.print(event));
                match block_in_place(print) {
                    Ok(()) => {}
                    Err(error) if printer.is_abandoned(&error) => return Ok(Exit::Success),
                    Err(error) => return Err(Failure::new(Exit::Storage, OutputError(error))),
                }
            }
            Update::Gap(gap) => tell(gap),
            Update::Position(_) => {}
        }
    }
}
