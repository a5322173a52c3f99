//! When the process ends, and how it says so.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::Gateway;

/// All of an orderly stop; then the process ends as it is. SIGKILL at any instant is safe.
const DEADLINE: Duration = Duration::from_secs(25);
/// How long readers are still served after storage failed.
const FAILED_GRACE: Duration = Duration::from_secs(2);

/// How the gateway ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was asked to, and did.
    Orderly,
    /// It was asked twice, or the deadline passed.
    Hurried,
    /// Storage failed; a supervisor should start it again, and recovery decides from the disk.
    StorageFailed,
}

/// SIGTERM and SIGINT. From when this is made they end nothing by themselves.
#[derive(Debug)]
pub(crate) struct Signals {
    term: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to listen. Whoever tells anyone that the gateway is there does so after this.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Runs the gateway until SIGTERM, SIGINT or a failure of storage, and ends it.
pub(crate) async fn run_until_stopped(gateway: Gateway, mut signals: Signals) -> End {
    let mut failed: watch::Receiver<bool> = gateway.failed();
    let storage_failed = tokio::select! {
        () = signals.next() => false,
        _ = failed.wait_for(|failed| *failed) => true,
    };
    if storage_failed {
        tokio::time::sleep(FAILED_GRACE).await;
    } else {
        tracing::info!("stopping");
    }
    let drained = tokio::select! {
        () = gateway.drain() => true,
        () = tokio::time::sleep(DEADLINE) => false,
        () = signals.next() => false,
    };
    match (storage_failed, drained) {
        (true, _) => End::StorageFailed,
        (false, true) => End::Orderly,
        (false, false) => End::Hurried,
    }
}
