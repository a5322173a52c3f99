//! One connection to one target: every address of its name is judged before the first of them is dialled.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::connector::{SecureStream, secure, tls_config};
use super::dial::dial;
use super::names::{NAME_TIME, NameError, NamedBy, look_up};
use crate::transport::Stream;
use crate::trigger::{Failure, Policy, TargetUrl};

/// For TLS over a new connection, for the head of an answer, and for the end of its body, which decides nothing.
const TLS: Duration = Duration::from_secs(5);
const FIRST_BYTE: Duration = Duration::from_secs(10);
const BODY_END: Duration = Duration::from_secs(2);
/// Bytes of an answer's head, and of its body.
const HEAD: usize = 16 << 10;
const BODY: usize = 16 << 10;
/// No head within its bytes has more headers: each has a colon and the end of its line.
const HEADERS: usize = HEAD / 4;
/// How much of the body is kept, for people.
const KEPT: usize = 1_024;
/// A connection that was not used for so long is not trusted to live still.
const IDLE: Duration = Duration::from_secs(30);
/// An older connection is not used again, so that a target that moves to another address is found there.
const AGE: Duration = Duration::from_mins(5);
/// Connections kept for all triggers. One more is closed, and made anew for the next delivery.
const KEEP: usize = 128;

/// Finds the addresses of a name.
pub(crate) type Resolve = dyn Fn(String, u16) -> Pin<Box<dyn Future<Output = Result<Vec<SocketAddr>, NameError>> + Send>>
    + Send
    + Sync;

/// Connects to targets, as far as the policy lets it.
pub(crate) struct Targets {
    policy: Policy,
    resolve: Box<Resolve>,
    tls: OnceLock<Arc<ClientConfig>>,
    /// Connections that may be kept from one delivery to the next.
    keep: Arc<Semaphore>,
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
    open: Option<Kept>,
    /// Bytes of an answer's body that are kept.
    most: usize,
}

/// An open connection.
struct Kept {
    sender: SendRequest<Full<Bytes>>,
    made: Instant,
    used: Instant,
    /// While it waits for the next delivery.
    place: Option<OwnedSemaphorePermit>,
}

impl Targets {
    /// By the system's resolver.
    pub(crate) fn new(policy: Policy) -> Arc<Self> {
        Self::with_resolver(
            policy,
            Box::new(|name, port| Box::pin(async move { look_up(NamedBy::Trigger, &name, port).await })),
        )
    }

    /// By another resolver.
    pub(crate) fn with_resolver(policy: Policy, resolve: Box<Resolve>) -> Arc<Self> {
        Arc::new(Self { policy, resolve, tls: OnceLock::new(), keep: Arc::new(Semaphore::new(KEEP)) })
    }

    /// A connection that is yet to be made.
    pub(crate) fn line(self: &Arc<Self>) -> Line {
        Line { targets: Arc::clone(self), open: None, most: KEPT }
    }

    /// The same, which keeps all that it reads of an answer.
    pub(super) fn whole_line(self: &Arc<Self>) -> Line {
        Line { most: BODY, ..self.line() }
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// One address that may not be is enough to refuse the target.
    fn check(&self, addresses: &[SocketAddr]) -> Result<(), Failure> {
        let check = |address: &SocketAddr| self.policy.check(*address, is_own(address.ip()));
        addresses.iter().try_for_each(check).map_err(Failure::Blocked)
    }

    /// Looks up, judges, connects, and speaks TLS: each within its own bound, and all of it before `deadline`.
    async fn connect(&self, url: &TargetUrl, deadline: Instant) -> Result<SecureStream, Failure> {
        let addresses = match url.address {
            Some(address) => vec![SocketAddr::new(address, url.port)],
            None => self.look_up(url, deadline).await.map_err(|error| Failure::Name(error.to_string()))?,
        };
        self.check(&addresses)?;
        let dialled = dial(&addresses, deadline).await;
        let tcp = dialled.map_err(|error| Failure::Connect(error.to_string()))?;
        if !url.https {
            return Ok(MaybeHttpsStream::Http(TokioIo::new(Stream::Tcp(tcp))));
        }
        let uri = url.to_string().parse().map_err(|_| Failure::Certificate("no name for TLS".into()))?;
        let until = deadline.min(Instant::now() + TLS);
        let secured = secure(Stream::Tcp(tcp), uri, Arc::clone(self.tls.get_or_init(tls_config)));
        let secured = timeout_at(until, secured).await.map_err(|_| Failure::Late)?;
        secured.map_err(|error| Failure::Certificate(error.to_string()))
    }

    async fn look_up(&self, url: &TargetUrl, deadline: Instant) -> Result<Vec<SocketAddr>, NameError> {
        let until = deadline.min(Instant::now() + NAME_TIME);
        let found = timeout_at(until, (self.resolve)(url.host.clone(), url.port)).await;
        found.unwrap_or(Err(NameError::Late))
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
        match reused {
            // A kept connection may have ended meanwhile. That is no failure of the target's.
            Some(kept) => match self.exchange(kept, request.clone(), deadline).await {
                Err(Failure::Broken(_)) => self.send_anew(url, request, deadline).await,
                other => other,
            },
            None => self.send_anew(url, request, deadline).await,
        }
    }

    fn take_open(&mut self) -> Option<Kept> {
        let mut kept = self.open.take()?;
        kept.place = None;
        let is_fresh = kept.used.elapsed() < IDLE && kept.made.elapsed() < AGE;
        (is_fresh && !kept.sender.is_closed()).then_some(kept)
    }

    async fn send_anew(
        &mut self,
        url: &TargetUrl,
        request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<Reply, Failure> {
        let stream = self.targets.connect(url, deadline).await?;
        let shaken = Builder::new().max_buf_size(HEAD).max_headers(HEADERS).handshake(stream).await;
        let (sender, connection) = shaken.map_err(|error| Failure::Broken(error.to_string()))?;
        // Ends when the sender is dropped, or the target ends it.
        tokio::spawn(connection);
        let now = Instant::now();
        self.exchange(Kept { sender, made: now, used: now, place: None }, request, deadline).await
    }

    /// Keeps the connection, if it can be used again.
    async fn exchange(
        &mut self,
        mut kept: Kept,
        request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<Reply, Failure> {
        let broken = |error: hyper::Error| Failure::Broken(super::causes(&error));
        let until = deadline.min(Instant::now() + FIRST_BYTE);
        let answered = timeout_at(until, async {
            kept.sender.ready().await?;
            kept.sender.send_request(request).await
        });
        let (head, body) = answered.await.map_err(|_| Failure::Late)?.map_err(broken)?.into_parts();
        let (beginning, is_whole) = read(body, self.most, deadline.min(Instant::now() + BODY_END)).await;
        if is_whole && let Ok(place) = Arc::clone(&self.targets.keep).try_acquire_owned() {
            self.open = Some(Kept { used: Instant::now(), place: Some(place), ..kept });
        }
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body: beginning })
    }
}

/// The beginning of a body, and whether it came to its end. What the status says does not depend on it.
async fn read(mut body: Incoming, most: usize, deadline: Instant) -> (Vec<u8>, bool) {
    let (mut kept, mut length) = (Vec::new(), 0);
    loop {
        match timeout_at(deadline, body.frame()).await {
            Ok(None) => return (kept, true),
            Ok(Some(Ok(frame))) => {
                let Some(data) = frame.data_ref() else { continue };
                length += data.len();
                kept.extend_from_slice(&data[..data.len().min(most - kept.len())]);
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
