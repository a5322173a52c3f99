use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::FromRequestParts;
use axum::extract::rejection::ExtensionRejection;
use axum::http::request::Parts;
use tokio::sync::Notify;

use crate::http::doors::Guest;
use crate::transport::PeerAddress;

/// Who sent a request, and the TCP connection that it came on; the server puts it into each request.
#[derive(Clone)]
pub(crate) struct Peer {
    /// The client's address: behind a trusted proxy the one that it tells, with port 0 where it tells none.
    pub address: PeerAddress,
    /// The connection, among all others.
    pub guest: Arc<Guest>,
}

impl Peer {
    /// What limits, lists of addresses and diagnostics go by.
    pub(crate) fn client(&self) -> IpAddr {
        self.address.ip()
    }

    /// Ends the connection at once.
    pub(crate) fn cut(&self) -> Arc<Notify> {
        Arc::clone(self.guest.cut())
    }

    /// The request showed a right credential, or none was needed: this is no stranger's connection.
    pub(crate) fn prove(&self) {
        self.guest.prove();
    }

    /// The connection is a WebSocket or a stream from now on, which are counted on their own.
    pub(crate) fn hold(&self) {
        self.guest.hold();
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = ExtensionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ExtensionRejection> {
        Extension::from_request_parts(parts, state).await.map(|Extension(peer)| peer)
    }
}
