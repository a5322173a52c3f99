//! What a command says. Whether anyone reads it is not the command's to know: it does the same, and ends with the same
//! code. Nobody else waits while a consumer takes its time. What others wrote is made visible on its way.

use std::fmt::Display;
use std::io::{self, Write as _};

use tokio::task::block_in_place;

use super::visible;

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

/// Tells a person, on standard error.
pub(super) fn tell(text: impl Display) {
    block_in_place(|| {
        let _ = writeln!(io::stderr(), "tagcast: {}", visible::lines(&text.to_string()));
    });
}
