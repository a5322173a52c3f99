//! `tagcast filter`: what a filter means and what it would match, without a gateway.

mod events;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use self::events::EventsError;
use super::exit::{Exit, Failure, Outcome};
use super::output::print_line;
use crate::config::word;
use crate::filter::{Explanation, Filter, FilterError, Options};

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 matches, or the filter is right; 1 nothing matches; 2 the filter or a file is \
                        wrong."
)]
pub(super) struct FilterArguments {
    #[command(subcommand)]
    command: Command,
    /// What stands before the short name in an event's type, where the gateway has a setting of its own.
    #[arg(long, global = true, value_name = "PREFIX", value_parser = word)]
    event_type_prefix: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the filter as it is understood, or what is wrong with it and where.
    Check {
        /// An expression, or a shorthand object.
        filter: String,
    },
    /// Say whether an event matches, and which condition decided.
    Explain {
        /// An expression, or a shorthand object.
        filter: String,
        /// A file with one event as JSON; none, or -: standard input.
        file: Option<PathBuf>,
    },
    /// Print which events of a file match, and how many.
    Test {
        /// An expression, or a shorthand object.
        filter: String,
        /// Events as JSON, one a line, or envelopes {"messages":[…]}; -: standard input.
        file: PathBuf,
    },
}

/// There is no answer.
#[derive(Debug, thiserror::Error)]
enum FilterCommandError {
    /// A filter, and what is wrong with it.
    #[error("{}", describe(.0, .1))]
    Filter(String, Box<FilterError>),
    #[error(transparent)]
    Events(#[from] EventsError),
    #[error("one event is explained, and there are {0}")]
    Count(usize),
}

pub(super) fn run(arguments: FilterArguments) -> Outcome {
    let mut options = Options::default();
    if let Some(prefix) = arguments.event_type_prefix {
        options.event_type_prefix = prefix;
    }
    let matched = match arguments.command {
        Command::Check { filter } => read(&filter, &options).map(|filter| {
            print_line(filter.canonical());
            true
        }),
        Command::Explain { filter, file } => explain(&filter, file, &options),
        Command::Test { filter, file } => test(&filter, &file, &options),
    };
    let matched = matched.map_err(Failure::with(Exit::Wrong))?;
    Ok(if matched { Exit::Success } else { Exit::Failure })
}

fn read(text: &str, options: &Options) -> Result<Filter, FilterCommandError> {
    Filter::parse(text, options).map_err(|error| FilterCommandError::Filter(text.to_owned(), Box::new(error)))
}

/// What is wrong, the line, and carets under the place.
fn describe(text: &str, error: &FilterError) -> String {
    let mut lines = vec![error.to_string()];
    let caret = error.caret(text);
    lines.extend(caret.lines().map(|line| format!("  {line}")));
    lines.extend(error.pointer.as_ref().map(|pointer| format!("  at {pointer}")));
    lines.extend(error.hint.as_ref().map(|hint| format!("  hint: {hint}")));
    lines.join("\n")
}

fn explain(text: &str, file: Option<PathBuf>, options: &Options) -> Result<bool, FilterCommandError> {
    let filter = read(text, options)?;
    let events = events::read(&file.unwrap_or_else(|| "-".into()), &options.event_type_prefix)?;
    let [event] = &events[..] else { return Err(FilterCommandError::Count(events.len())) };
    let Explanation { text, pointer, value, matched, .. } = filter.explain(&event.attributes);
    let place = pointer.map(|pointer| format!(" at {pointer}")).unwrap_or_default();
    let verdict = if matched { "matches" } else { "does not match" };
    print_line(format_args!("{verdict}: {text}{place}, value {value:?}"));
    Ok(matched)
}

fn test(text: &str, file: &Path, options: &Options) -> Result<bool, FilterCommandError> {
    let filter = read(text, options)?;
    let events = events::read(file, &options.event_type_prefix)?;
    let matching: Vec<_> = events.iter().filter(|event| filter.matches(&event.attributes)).collect();
    for event in &matching {
        print_line(event.brief());
    }
    print_line(format_args!("{} of {} events match", matching.len(), events.len()));
    Ok(!matching.is_empty())
}
