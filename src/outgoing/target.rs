//! One connection to one target: every address of its name is checked, and one of those is connected to.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tower_service::Service;

use super::connector::{connector, tls_config};
use crate::trigger::{Failure, Policy, TargetUrl};

/// For a connection, and for the head of an answer.
const CONNECT: Duration = Duration::from_secs(5);
const FIRST_BYTE: Duration = Duration::from_secs(10);
/// Bytes of an answer's head, and of its body.
const HEAD: usize = 16 << 10;
const BODY: usize = 16 << 10;
/// How much of the body is kept, for people.
const KEPT: usize = 1_024;
/// A connection that was not used for so long is not trusted to live still.
const IDLE: Duration = Duration::from_secs(30);

/// Finds the addresses of a name.
pub(crate) type Resolve =
    dyn Fn(String, u16) -> Pin<Box<dyn Future<Output = Option<Vec<SocketAddr>>> + Send>> + Send + Sync;

/// Connects to targets, as far as the policy lets it.
pub(crate) struct Targets {
    policy: Policy,
    resolve: Box<Resolve>,
    tls: OnceLock<Arc<ClientConfig>>,
}

/// What a target answered.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The beginning of the body.
    pub body: Vec<u8>,
}

/// A connection to one target, kept from one delivery to the next.
pub(crate) struct Line {
    targets: Arc<Targets>,
    open: Option<(SendRequest<Full<Bytes>>, Instant)>,
}

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

impl Targets {
    /// By the system's resolver.
    pub(crate) fn new(policy: Policy) -> Arc<Self> {
        Self::with_resolver(
            policy,
            Box::new(|name, port| {
                Box::pin(async move { Some(tokio::net::lookup_host((name, port)).await.ok()?.collect()) })
            }),
        )
    }

    /// By another resolver.
    pub(crate) fn with_resolver(policy: Policy, resolve: Box<Resolve>) -> Arc<Self> {
        Arc::new(Self { policy, resolve, tls: OnceLock::new() })
    }

    /// A connection that is yet to be made.
    pub(crate) fn line(self: &Arc<Self>) -> Line {
        Line { targets: Arc::clone(self), open: None }
    }

    /// One address that may not be is enough to refuse the target.
    fn check(&self, addresses: &[SocketAddr]) -> Result<(), Failure> {
        let check = |address: &SocketAddr| self.policy.check(*address, is_own(address.ip()));
        addresses.iter().try_for_each(check).map_err(Failure::Blocked)
    }

    async fn connect(self: &Arc<Self>, url: &TargetUrl) -> Result<Stream, Failure> {
        // What is no name is not resolved, so the resolver does not see it.
        if let Some(address) = url.address {
            self.check(&[SocketAddr::new(address, url.port)])?;
        }
        let uri: Uri = url.to_string().parse().map_err(|_| Failure::Name)?;
        let tls = Arc::clone(self.tls.get_or_init(tls_config));
        let resolver = CheckedResolver { targets: Arc::clone(self), port: url.port };
        connector(resolver, tls).call(uri).await.map_err(|error| failure(&*error))
    }
}

/// Resolves the name of one target, and yields its addresses if all of them may be connected to.
#[derive(Clone)]
struct CheckedResolver {
    targets: Arc<Targets>,
    port: u16,
}

impl Service<Name> for CheckedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self { targets, port } = self.clone();
        Box::pin(async move {
            let addresses = (targets.resolve)(name.as_str().to_owned(), port).await;
            let addresses = addresses.filter(|addresses| !addresses.is_empty()).ok_or(Failure::Name)?;
            targets.check(&addresses)?;
            Ok(addresses.into_iter())
        })
    }
}

/// What an error of the connector means: the resolver's own, no connection, or no TLS over one.
fn failure(error: &(dyn Error + Send + Sync + 'static)) -> Failure {
    let Some(tcp) = error.downcast_ref::<<HttpConnector as Service<Uri>>::Error>() else {
        return Failure::Certificate(error.to_string());
    };
    let cause = tcp.source();
    match cause.and_then(|cause| cause.downcast_ref::<Failure>()) {
        Some(failure) => failure.clone(),
        None => Failure::Connect(cause.map_or_else(|| tcp.to_string(), ToString::to_string)),
    }
}

impl Line {
    /// Sends one request, whose URI is the path alone, and reads the answer within its bounds.
    ///
    /// # Errors
    ///
    /// [`Failure`]; the connection is not used again then.
    pub(crate) async fn send(
        &mut self,
        url: &TargetUrl,
        request: Request<Full<Bytes>>,
        time: Duration,
    ) -> Result<Reply, Failure> {
        let deadline = Instant::now() + time;
        let reused = self.take_open();
        let sent = match reused {
            // A kept connection may have ended meanwhile. That is no failure of the target's.
            Some(sender) => match self.exchange(sender, request.clone(), deadline).await {
                Err(Failure::Broken(_)) => self.send_anew(url, request, deadline).await,
                other => other,
            },
            None => self.send_anew(url, request, deadline).await,
        };
        if sent.is_err() {
            self.open = None;
        }
        sent
    }

    fn take_open(&mut self) -> Option<SendRequest<Full<Bytes>>> {
        let (sender, used) = self.open.take()?;
        (!sender.is_closed() && used.elapsed() < IDLE).then_some(sender)
    }

    async fn send_anew(
        &mut self,
        url: &TargetUrl,
        request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<Reply, Failure> {
        let until = deadline.min(Instant::now() + CONNECT);
        let stream = timeout_at(until, self.targets.connect(url)).await.map_err(|_| Failure::Late)??;
        let shaken = Builder::new().max_buf_size(HEAD).handshake(stream).await;
        let (sender, connection) = shaken.map_err(|error| Failure::Broken(error.to_string()))?;
        // Ends when the sender is dropped, or the target ends it.
        tokio::spawn(connection);
        self.exchange(sender, request, deadline).await
    }

    async fn exchange(
        &mut self,
        mut sender: SendRequest<Full<Bytes>>,
        request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<Reply, Failure> {
        let broken = |error: hyper::Error| Failure::Broken(super::causes(&error));
        let until = deadline.min(Instant::now() + FIRST_BYTE);
        let answered = timeout_at(until, async {
            sender.ready().await?;
            sender.send_request(request).await
        });
        let (head, body) = answered.await.map_err(|_| Failure::Late)?.map_err(broken)?.into_parts();
        let (kept, whole) = read(body, deadline).await;
        if whole {
            self.open = Some((sender, Instant::now()));
        }
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body: kept })
    }
}

/// The beginning of a body, and whether it came to its end. What the status says does not depend on it.
async fn read(mut body: Incoming, deadline: Instant) -> (Vec<u8>, bool) {
    let (mut kept, mut length) = (Vec::new(), 0);
    loop {
        match timeout_at(deadline, body.frame()).await {
            Ok(None) => return (kept, true),
            Ok(Some(Ok(frame))) => {
                let Some(data) = frame.data_ref() else { continue };
                length += data.len();
                kept.extend_from_slice(&data[..data.len().min(KEPT - kept.len())]);
                if length > BODY {
                    return (kept, false);
                }
            }
            Ok(Some(Err(_))) | Err(_) => return (kept, false),
        }
    }
}

/// Whether an address is this machine's: then the way to it begins there. Nothing is sent to find out.
fn is_own(address: IpAddr) -> bool {
    let any: IpAddr =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let from = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    from.is_ok_and(|from| from.ip() == address)
}

#[cfg(test)]
mod tests;
