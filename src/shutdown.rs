//! When the process ends, and how it says so.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::Gateway;

/// All of an orderly stop; then the process ends as it is. SIGKILL at any instant is safe.
const DEADLINE: Duration = Duration::from_secs(25);
/// How long readers are still served after storage failed.
const FAILED_GRACE: Duration = Duration::from_secs(2);

/// How the gateway ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to, and did.
    Orderly,
    /// It was asked twice, or the deadline passed.
    Hurried,
    /// Storage failed; a supervisor should start it again, and recovery decides from the disk.
    StorageFailed,
}

/// Runs the gateway until SIGTERM, SIGINT or a failure of storage, and ends it.
///
/// # Errors
///
/// If signals can't be listened to.
pub async fn run_until_stopped(gateway: Gateway) -> std::io::Result<Ended> {
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut failed: watch::Receiver<bool> = gateway.failed();
    let storage_failed = tokio::select! {
        _ = term.recv() => false,
        _ = interrupt.recv() => false,
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
        _ = term.recv() => false,
        _ = interrupt.recv() => false,
    };
    Ok(match (storage_failed, drained) {
        (true, _) => Ended::StorageFailed,
        (false, true) => Ended::Orderly,
        (false, false) => Ended::Hurried,
    })
}
