//! A line a second on standard error while a run goes on.

use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The line; it ends when this is dropped.
#[derive(Debug)]
pub struct Progress {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts one thread that shows what `line` says.
    pub fn start(mut line: impl FnMut() -> String + Send + 'static) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut out = std::io::stderr();
            let terminal = out.is_terminal();
            while stopped.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
                let line = line();
                // Nobody to read it is no reason to stop the run.
                let _ = if terminal { write!(out, "\r\x1b[K{line}") } else { writeln!(out, "{line}") };
            }
            if terminal {
                let _ = write!(out, "\r\x1b[K");
            }
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

/// A line on standard error, now.
pub fn say(line: &str) {
    // Nobody to read it is no reason to stop the run.
    let _ = writeln!(std::io::stderr(), "{line}");
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
