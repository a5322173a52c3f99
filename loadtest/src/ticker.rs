//! Something that is done again and again while a run goes on: a thread that ends when this is dropped.

use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The thread, and what comes of it.
#[derive(Debug)]
pub struct Ticker<T> {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<T>>,
}

impl<T: Send + 'static> Ticker<T> {
    /// Starts to do it, once after each pause.
    pub fn start(pause: Duration, mut state: T, mut tick: impl FnMut(&mut T) + Send + 'static) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                tick(&mut state);
            }
            state
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl<T> Ticker<T> {
    /// Ends it; what came of it the first time that this is asked.
    pub fn end(&mut self) -> Option<T> {
        self.stop.take();
        self.thread.take().and_then(|thread| thread.join().ok())
    }
}

impl<T> Drop for Ticker<T> {
    fn drop(&mut self) {
        self.end();
    }
}

/// A line a second on standard error.
pub type Progress = Ticker<StatusLine>;

/// The line on a terminal, which goes in the end.
#[derive(Debug)]
pub struct StatusLine {
    is_terminal: bool,
}

impl Progress {
    /// Starts to show what `line` says.
    pub fn show(mut line: impl FnMut() -> String + Send + 'static) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self::start(Duration::from_secs(1), StatusLine { is_terminal }, move |status| {
            let line = line();
            if status.is_terminal { write(&format!("\r\x1b[K{line}")) } else { say(&line) }
        })
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        if self.is_terminal {
            write("\r\x1b[K");
        }
    }
}

/// A line on standard error, now.
pub fn say(line: &str) {
    write(&format!("{line}\n"));
}

fn write(text: &str) {
    // Nobody to read it is no reason to stop the run.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
