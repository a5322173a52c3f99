//! The one way to connect: a name is looked up, one of its addresses answers, and TLS goes over it where the URL says
//! so. Certificates must lead to one of the system's roots.

use std::future::{Ready, ready};
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout};
use tower_service::Service;

use super::dial::{CONNECT_TIME, dial};
use super::names::{NameError, NamedBy, look_up};
use crate::transport::Stream;

/// A connection with or without TLS, ready for hyper.
pub(crate) type SecureStream = MaybeHttpsStream<TokioIo<Stream>>;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The host has no addresses.
    // No source: whoever tells of an error and its sources would tell of it twice.
    #[error("the name can't be resolved: {0}")]
    Name(NameError),
    /// None of them answers.
    #[error(transparent)]
    Dial(#[from] io::Error),
}

/// Connects to a host that may be anywhere: looking up its name and connecting have a bound each.
///
/// # Errors
///
/// [`ConnectError`]
pub(crate) async fn connect(host: &str, port: u16) -> Result<TcpStream, ConnectError> {
    let addresses = look_up(NamedBy::Operator, host, port).await.map_err(ConnectError::Name)?;
    Ok(dial(&addresses, Instant::now() + CONNECT_TIME).await?)
}

/// Connects to a Unix socket, in no more time than to an address.
///
/// # Errors
///
/// [`ConnectError`]
pub(crate) async fn connect_unix(path: &Path) -> Result<Stream, ConnectError> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no answer in time");
    let connected = timeout(CONNECT_TIME, UnixStream::connect(path)).await.map_err(late)?;
    Ok(Stream::Unix(connected?))
}

/// Connects for a URL, as hyper asks for it: to its host, or to the one socket that leads to it.
#[derive(Clone)]
pub(super) struct Dialler(pub(super) Option<Arc<Path>>);

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Service<Uri> for Dialler {
    type Response = TokioIo<Stream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let own = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let socket = self.0.clone();
        Box::pin(async move {
            if let Some(socket) = socket {
                return Ok(TokioIo::new(connect_unix(&socket).await?));
            }
            let tcp = connect(uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(own)).await?;
            Ok(TokioIo::new(Stream::Tcp(tcp)))
        })
    }
}

/// A connection that is made already, in the place of one that is to be made.
struct Made(Option<Stream>);

impl Service<Uri> for Made {
    type Response = TokioIo<Stream>;
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
    stream: Stream,
    uri: Uri,
    tls: Arc<ClientConfig>,
) -> Result<SecureStream, Box<dyn std::error::Error + Send + Sync>> {
    HttpsConnector::from((Made(Some(stream)), tls)).call(uri).await
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
