//! What a command says. Whether anyone reads it is not the command's to know: it does the same, and ends with the same
//! code. Nobody else waits while a consumer takes its time. What others wrote is made visible on its way.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::sync::{Arc, OnceLock};

use tokio::task::block_in_place;

use super::diagnostics::{LAST, Queue};
use super::visible;

/// What is told while a command goes on; there once there is something to tell.
static TOLD: OnceLock<Option<Arc<Queue>>> = OnceLock::new();

/// Writes to standard output.
pub(super) fn print(text: impl Display) {
    block_in_place(|| {
        let mut out = io::stdout().lock();
        let text = text.to_string();
        let _ = write!(out, "{}", visible::lines(&text)).and_then(|()| out.flush());
    });
}

/// Writes a line to standard output.
pub(super) fn print_line(text: impl Display) {
    print(format_args!("{text}\n"));
}

/// Tells a person, on standard error, and does not wait for one.
pub(super) fn tell(text: impl Display) {
    if let Some(told) = TOLD.get_or_init(start) {
        told.push(format!("tagcast: {}\n", visible::lines(&text.to_string())).as_bytes());
    }
}

/// Waits a moment for what was told to be written.
pub(super) fn flush() {
    if let Some(told) = TOLD.get().and_then(Option::as_ref) {
        told.flush(LAST);
    }
}

/// Of a descriptor of its own: who holds the lock of the other one while nobody reads would stop all others.
fn start() -> Option<Arc<Queue>> {
    let own = io::stderr().as_fd().try_clone_to_owned().ok()?;
    Queue::start(File::from(own)).ok()
}
