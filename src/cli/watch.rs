//! `tagcast watch`: events as lines, reconnecting and resuming by itself.

mod follow;
mod print;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

use self::follow::{Follower, Lost};
use self::print::Printer;

/// The first pause before connecting again; it doubles to the longest, and is spread at random.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

const EXIT_LOST: u8 = 1;
const EXIT_REFUSED: u8 = 2;
const EXIT_NOT_ALLOWED: u8 = 3;

/// Exit codes: 0 ended by Ctrl-C or a closed pipe; 1 the gateway can't be reached (only with
/// --no-retry); 2 the request is wrong; 3 not allowed.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 ended by Ctrl-C or a closed pipe; 1 gateway lost (with --no-retry); \
                        2 the request is wrong; 3 not allowed.")]
pub(super) struct WatchArguments {
    /// Which events, such as 'repository == "team/app" && tag.startsWith("v")'; none: all.
    filter: Option<String>,
    /// The gateway.
    #[arg(long, env = "TAGCAST_URL", value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// A token, where the gateway asks for one.
    #[arg(long, env = "TAGCAST_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: Option<String>,
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

pub(super) async fn run(arguments: WatchArguments) -> ExitCode {
    tokio::select! {
        code = watch(arguments) => code,
        _ = tokio::signal::ctrl_c() => ExitCode::SUCCESS,
    }
}

async fn watch(arguments: WatchArguments) -> ExitCode {
    let terminal = std::io::stdout().is_terminal();
    let table = arguments.format.map_or(terminal, |format| format == PrintFormat::Table);
    let colour = terminal && std::env::var_os("NO_COLOR").is_none();
    let mut printer = Printer::new(table, colour);
    let mut follower = Follower::new(&arguments);
    let mut pause = FIRST_PAUSE;
    loop {
        let lost = follower.follow(&mut printer).await;
        if follower.take_progress() {
            pause = FIRST_PAUSE;
        }
        match lost {
            Lost::Output => return ExitCode::SUCCESS,
            Lost::Refused(why) => return fail(EXIT_REFUSED, &why),
            Lost::NotAllowed(why) => return fail(EXIT_NOT_ALLOWED, &why),
            Lost::Connection(why) if arguments.no_retry => return fail(EXIT_LOST, &why),
            Lost::Connection(why) => {
                let wait = pause.mul_f64(rand::random());
                eprintln!("tagcast: {why}; connecting again in {:.1} s", wait.as_secs_f64());
                tokio::time::sleep(wait).await;
                pause = LONGEST_PAUSE.min(pause * 2);
            }
        }
    }
}

fn fail(code: u8, why: &str) -> ExitCode {
    eprintln!("tagcast: {why}");
    ExitCode::from(code)
}
