//! A gateway, clients, senders and a real registry. No assertions here.

pub(crate) mod client;
pub(crate) mod crowd;
pub(crate) mod distance;
pub(crate) mod fault;
pub(crate) mod fixture;
pub(crate) mod gateway;
pub(crate) mod http;
pub(crate) mod key_server;
pub(crate) mod notification;
pub(crate) mod oci;
pub(crate) mod proxy;
pub(crate) mod recorder;
pub(crate) mod registry;
pub(crate) mod relay;
pub(crate) mod stream;
pub(crate) mod target;
pub(crate) mod third_party;
pub(crate) mod tls_server;

use std::time::{Duration, Instant};

/// Longest wait for anything that must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until something is so; `what` says what never was.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
