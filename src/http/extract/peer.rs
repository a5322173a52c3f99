use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::FromRequestParts;
use axum::extract::rejection::ExtensionRejection;
use axum::http::request::Parts;
use tokio::sync::Notify;

/// The TCP connection that a request came on; the server puts it into each request.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// The caller's address.
    pub address: SocketAddr,
    /// Ends the connection at once.
    pub cut: Arc<Notify>,
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = ExtensionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ExtensionRejection> {
        Extension::from_request_parts(parts, state).await.map(|Extension(peer)| peer)
    }
}
