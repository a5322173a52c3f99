//! What ends a command from outside: a signal, and a consumer that is gone.

use std::future::pending;
use std::io;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::spawn_blocking;

use super::exit::Exit;

/// SIGTERM and SIGINT. The system keeps from the first process of a container what it does not listen for, and a
/// command may be that.
pub(super) struct Signals {
    term: Signal,
    interrupt: Signal,
}

/// Signals can't be listened for.
#[derive(Debug, thiserror::Error)]
#[error("signals: {0}")]
pub(super) struct SignalsError(#[from] io::Error);

impl Signals {
    /// Begins to listen.
    pub(super) fn listen() -> Result<Self, SignalsError> {
        Ok(Self { term: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next one, as the exit code of what it cut short.
    pub(super) async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.term.recv() => Exit::Terminated,
            _ = self.interrupt.recv() => Exit::Interrupted,
        }
    }
}

/// Returns when nobody can read standard output any more, though nothing is written to it; never where that can't be
/// known, as of a file.
pub(super) async fn consumer_gone() {
    // On a thread that ends with the process: asked for nothing, the system tells of an error or a hang-up alone.
    let gone = spawn_blocking(|| {
        let out = io::stdout();
        loop {
            match poll(&mut [PollFd::new(&out, PollFlags::empty())], None) {
                Err(Errno::INTR) => {}
                told => return told.is_ok(),
            }
        }
    });
    if !gone.await.unwrap_or(false) {
        pending::<()>().await;
    }
}
