//! When the process ends, and how it says so.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::Gateway;
use crate::vital::first_end;

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
    /// Something that it lives for ended unasked; its name.
    Died(&'static str),
}

/// Why the gateway ends.
enum Cause {
    Asked,
    StorageFailed,
    Died(&'static str),
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

    /// Outlives those that end a process where nothing else is said, and say nothing of the sort to a daemon: the end of
    /// a terminal, a rotated log, a pipe that nobody reads. From when this returns they are told and change nothing.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(crate) fn outlive() -> std::io::Result<()> {
        for (kind, name) in [
            (SignalKind::hangup(), "SIGHUP"),
            (SignalKind::user_defined1(), "SIGUSR1"),
            (SignalKind::user_defined2(), "SIGUSR2"),
        ] {
            let mut signal = signal(kind)?;
            tokio::spawn(async move {
                while signal.recv().await.is_some() {
                    tracing::info!("{name} changes nothing; to change settings, restart the gateway");
                }
            });
        }
        Ok(())
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Runs the gateway until SIGTERM, SIGINT, a failure of storage or the end of what it lives for, and ends it.
pub(crate) async fn run_until_stopped(gateway: Gateway, mut signals: Signals) -> End {
    let mut failed: watch::Receiver<bool> = gateway.failed();
    let mut cause = tokio::select! {
        biased;
        _ = failed.wait_for(|failed| *failed) => Cause::StorageFailed,
        () = signals.next() => Cause::Asked,
        name = first_end(gateway.vitals()) => Cause::Died(name),
    };
    match cause {
        Cause::Asked => tracing::info!("stopping"),
        Cause::StorageFailed => tokio::time::sleep(FAILED_GRACE).await,
        // Where storage fails, not all who write hear of it at the same time.
        Cause::Died(name) => {
            tracing::error!("{name} ended unasked: the gateway ends");
            if tokio::time::timeout(FAILED_GRACE, failed.wait_for(|failed| *failed))
                .await
                .is_ok_and(|it| it.is_ok())
            {
                cause = Cause::StorageFailed;
            }
        }
    }
    let drained = tokio::select! {
        () = gateway.drain() => true,
        () = tokio::time::sleep(DEADLINE) => false,
        () = signals.next() => false,
    };
    match cause {
        Cause::StorageFailed => End::StorageFailed,
        Cause::Died(name) => End::Died(name),
        Cause::Asked if drained => End::Orderly,
        Cause::Asked => End::Hurried,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::vital::Vital;

    #[tokio::test]
    async fn the_end_of_what_it_lives_for_is_the_gateways() {
        let directory = tempfile::tempdir().unwrap();
        let settings = "listen = '127.0.0.1:0'\n[log]\nstore = 'memory'";
        let config = Config { data_dir: directory.path().into(), ..Config::parse(settings).unwrap() };
        let mut gateway = Gateway::start(&config, None).await.unwrap();
        let address = gateway.addresses()[0].tcp().unwrap();
        gateway.tasks.push(Vital::spawn("a test", async { panic!("as a test wants it") }));
        tokio::time::pause();
        let end = run_until_stopped(gateway, Signals::listen().unwrap()).await;
        assert_eq!(end, End::Died("a test"));
        assert!(std::net::TcpStream::connect(address).is_err(), "nothing is left");
    }
}
