//! The one way to connect: a name is looked up, one of its addresses answers, and TLS goes over it where the URL says
//! so. Certificates must lead to one of the system's roots.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tower_service::Service;

use super::dial::{CONNECT_TIME, dial};
use super::names::{NameError, NamedBy, look_up};

/// A connection with or without TLS, ready for hyper.
pub(crate) type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The host has no addresses.
    #[error("the name can't be resolved: {0}")]
    Name(#[from] NameError),
    /// None of them answers.
    #[error("{0}")]
    Dial(#[from] io::Error),
}

/// Connects to a host that may be anywhere: looking up its name and connecting have a bound each.
///
/// # Errors
///
/// [`ConnectError`]
pub(crate) async fn connect(host: &str, port: u16) -> Result<TcpStream, ConnectError> {
    let addresses = look_up(NamedBy::Operator, host, port).await?;
    Ok(dial(&addresses, Instant::now() + CONNECT_TIME).await?)
}

/// The same for a URL, as hyper asks for it.
#[derive(Clone)]
pub(super) struct Dialler;

impl Service<Uri> for Dialler {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let own = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        Box::pin(async move {
            let tcp = connect(uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(own)).await?;
            Ok(TokioIo::new(tcp))
        })
    }
}

/// A connection that is made already, in the place of one that is to be made.
struct Made(Option<TcpStream>);

impl Service<Uri> for Made {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(self.0.take().map(TokioIo::new).ok_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}

/// Speaks TLS over a connection to the host of an `https` URL.
///
/// # Errors
///
/// TLS fails, or the certificate does not verify.
pub(super) async fn secure(
    tcp: TcpStream,
    uri: Uri,
    tls: Arc<ClientConfig>,
) -> Result<Stream, Box<dyn std::error::Error + Send + Sync>> {
    HttpsConnector::from((Made(Some(tcp)), tls)).call(uri).await
}

/// Made when it is first needed: reading the system's certificates takes a while.
pub(super) fn tls_config() -> Arc<ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::warn!(errors = ?found.errors, "the system has no certificates: nothing can be asked over https");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|builder| builder.with_root_certificates(roots).with_no_client_auth());
    Arc::new(tls.expect("ring has TLS 1.2 and 1.3"))
}
