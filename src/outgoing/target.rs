//! One connection to one target: every address of its name is checked, and the checked one is connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::tls_config;
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
    tls: OnceLock<TlsConnector>,
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

/// What a socket and TLS over one have in common.
trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

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

    /// The addresses to try, each of them checked: one that may not be is enough to refuse the target.
    async fn addresses(&self, url: &TargetUrl) -> Result<Vec<SocketAddr>, Failure> {
        let addresses = match url.address {
            Some(address) => vec![SocketAddr::new(address, url.port)],
            None => (self.resolve)(url.host.clone(), url.port).await.ok_or(Failure::Name)?,
        };
        for address in &addresses {
            self.policy.check(*address, is_own(address.ip())).map_err(Failure::Blocked)?;
        }
        if addresses.is_empty() { Err(Failure::Name) } else { Ok(addresses) }
    }

    async fn connect(&self, url: &TargetUrl) -> Result<Box<dyn Pipe>, Failure> {
        let mut last = String::new();
        for address in self.addresses(url).await? {
            match TcpStream::connect(address).await {
                Ok(tcp) => {
                    let _ = tcp.set_nodelay(true);
                    return if url.https { self.secure(tcp, url).await } else { Ok(Box::new(tcp)) };
                }
                Err(error) => last = error.to_string(),
            }
        }
        Err(Failure::Connect(last))
    }

    async fn secure(&self, tcp: TcpStream, url: &TargetUrl) -> Result<Box<dyn Pipe>, Failure> {
        let connector = self.tls.get_or_init(|| TlsConnector::from(Arc::new(tls_config())));
        let name = ServerName::try_from(url.host.clone())
            .map_err(|_| Failure::Certificate("no name that a certificate can have".into()))?;
        let secured = connector.connect(name, tcp).await;
        Ok(Box::new(secured.map_err(|error| Failure::Certificate(error.to_string()))?))
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
        let pipe = timeout_at(until, self.targets.connect(url)).await.map_err(|_| Failure::Late)??;
        let shaken = Builder::new().max_buf_size(HEAD).handshake(TokioIo::new(pipe)).await;
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
