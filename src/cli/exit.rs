//! How a command ends: every exit code of the program, and the error that goes with one.

use std::error::Error;
use std::process::ExitCode;

use super::diagnostics::say;
use super::visible;

/// What a script sees. The help of a command says which of these it ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Exit {
    Success = 0,
    /// It could not be done; or the answer is no: nothing matches, something is damaged.
    Failure = 1,
    /// What was asked for is wrong.
    Wrong = 2,
    /// No token, or not the right one.
    NotAllowed = 3,
    // Those of `sysexits.h`: a supervisor tells a wrong setting from a broken disk by them.
    Usage = 64,
    Unreadable = 65,
    NoInput = 66,
    Internal = 70,
    Listen = 71,
    Storage = 74,
    Settings = 78,
    // Those of shells, for what a signal cut short.
    Interrupted = 130,
    Terminated = 143,
}

/// Why a command ended, and the code that it ends with.
#[derive(Debug)]
pub(super) struct Failure {
    exit: Exit,
    error: Box<dyn Error + Send + Sync>,
}

impl Failure {
    pub(super) fn new(exit: Exit, error: impl Error + Send + Sync + 'static) -> Self {
        Self { exit, error: Box::new(error) }
    }

    /// For `map_err`.
    pub(super) fn with<E: Error + Send + Sync + 'static>(exit: Exit) -> impl Fn(E) -> Self {
        move |error| Self::new(exit, error)
    }
}

/// The end of a command.
pub(super) type Outcome = Result<Exit, Failure>;

/// Says why, if it failed.
pub(super) fn end(outcome: Outcome) -> ExitCode {
    let exit = outcome.unwrap_or_else(|Failure { exit, error }| {
        say(std::io::stderr(), format!("tagcast: {}\n", visible::lines(&error.to_string())));
        exit
    });
    ExitCode::from(exit as u8)
}
