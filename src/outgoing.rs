//! The one HTTP client for whatever this gateway asks of others: bounded in time and size, without redirects,
//! without proxies from the environment, over verified TLS unless the caller allows plain HTTP.

mod connector;
mod dial;
mod names;
mod target;
mod upgrade;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{HOST, HeaderMap, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use parking_lot::Mutex;
use rustls::ClientConfig;

use crate::trigger::{Policy, TargetUrl};
use connector::{Dialler, tls_config};

pub(crate) use connector::{ConnectError, SecureStream, connect, connect_unix};
pub(crate) use target::{Line, Reply, Targets};
pub(crate) use upgrade::{Upgrade, UpgradeError, upgrade};

/// What is asked.
#[derive(Clone, Debug)]
pub struct Ask {
    /// How.
    pub method: Method,
    /// Where: `https://…`, or `http://…` where that is allowed.
    pub url: String,
    /// With which headers.
    pub headers: HeaderMap,
    /// Whether plain HTTP is allowed: the operator named the URL, or it is this machine's.
    pub plain: bool,
    /// Bytes of an answer; a longer one is an error.
    pub max: usize,
    /// For the whole of it. Looking up the name and connecting have bounds of their own in it, 12 s and 5 s: who can't
    /// wait for them lets it go on by itself, so that the next one finds what it brings.
    pub deadline: Duration,
}

/// What was answered, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// Why there is no answer. Holds no secret and no query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutgoingError {
    /// The URL can't be used.
    #[error("not a URL that may be asked")]
    Url,
    /// No answer in time.
    #[error("no answer in time")]
    Late,
    /// The answer is too long, or broke off.
    #[error("an answer that is too long or broken")]
    Body,
    /// No connection, or no certificate that fits.
    #[error("no connection: {0}")]
    Connect(String),
}

/// Connections are kept for the next request up to this age; then the name is looked up again.
const AGE: Duration = Duration::from_mins(5);
/// Headers of an answer; the bytes of a head are hyper's to bound.
const HEADERS: usize = 1_000;

type Client = legacy::Client<HttpsConnector<Dialler>, Full<Bytes>>;

/// See the module.
pub struct Outgoing {
    tls: OnceLock<Arc<ClientConfig>>,
    /// The client whose connections are kept, and since when.
    client: Mutex<Option<(Client, Instant)>>,
    targets: Arc<Targets>,
    /// What leads to whatever it asks, in place of hosts.
    socket: Option<Arc<Path>>,
}

/// The Internet alone for what strangers name.
impl Default for Outgoing {
    fn default() -> Self {
        Self::new(Policy::default())
    }
}

impl Outgoing {
    /// A client; `policy` says where strangers may send it.
    pub(crate) fn new(policy: Policy) -> Self {
        Self { tls: OnceLock::new(), client: Mutex::default(), targets: Targets::new(policy), socket: None }
    }

    /// A client all of whose requests, whatever their host, go to a Unix socket.
    pub(crate) fn over(socket: PathBuf) -> Self {
        Self { socket: Some(socket.into()), ..Self::default() }
    }

    /// Asks what neither the operator nor its registry vouches for, over https alone: its port, its networks and each of
    /// its addresses are judged as those of a trigger's target. An answer is cut off at the bound of a target's.
    ///
    /// # Errors
    ///
    /// [`OutgoingError`]; an answer of any status is none.
    pub(crate) async fn ask_stranger(&self, ask: Ask) -> Result<Answer, OutgoingError> {
        let url = TargetUrl::parse(&ask.url, self.targets.policy()).map_err(|_| OutgoingError::Url)?;
        if !url.https {
            return Err(OutgoingError::Url);
        }
        let mut request = Request::new(Full::default());
        *request.method_mut() = ask.method;
        *request.uri_mut() = url.path.parse().map_err(|_| OutgoingError::Url)?;
        *request.headers_mut() = ask.headers;
        let host = HeaderValue::from_str(&url.authority).map_err(|_| OutgoingError::Url)?;
        request.headers_mut().insert(HOST, host);
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static("tagcast"));
        let reply = self.targets.whole_line().send(&url, request, ask.deadline).await;
        let reply = reply.map_err(|failure| OutgoingError::Connect(failure.to_string()))?;
        let status = StatusCode::from_u16(reply.status).map_err(|_| OutgoingError::Body)?;
        Ok(Answer { status, headers: reply.headers, body: reply.body.into() })
    }

    /// Asks once.
    ///
    /// # Errors
    ///
    /// [`OutgoingError`]; an answer of any status is none.
    pub async fn ask(&self, ask: Ask) -> Result<Answer, OutgoingError> {
        self.send(ask, Bytes::new()).await
    }

    /// The same with a body.
    ///
    /// # Errors
    ///
    /// [`OutgoingError`]; an answer of any status is none.
    pub async fn send(&self, ask: Ask, body: Bytes) -> Result<Answer, OutgoingError> {
        let (max, deadline) = (ask.max, ask.deadline);
        let answered = async {
            let (head, body) = self.open(ask, body).await?;
            let body = Limited::new(body, max).collect().await.map_err(|_| OutgoingError::Body)?;
            Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
        };
        tokio::time::timeout(deadline, answered).await.unwrap_or(Err(OutgoingError::Late))
    }

    /// Asks once for something large, and hands it to `take` piece by piece; the deadline is for the
    /// beginning of the answer and for each piece. An answer that is no success comes back whole.
    ///
    /// # Errors
    ///
    /// [`OutgoingError`], also where `take` says that it takes no more.
    pub async fn download(
        &self,
        ask: Ask,
        mut take: impl FnMut(Bytes) -> bool,
    ) -> Result<Answer, OutgoingError> {
        let (max, deadline) = (ask.max, ask.deadline);
        let opened = tokio::time::timeout(deadline, self.open(ask, Bytes::new())).await;
        let (head, mut body) = opened.unwrap_or(Err(OutgoingError::Late))?;
        if !head.status.is_success() {
            let body = Limited::new(body, max).collect().await.map_err(|_| OutgoingError::Body)?;
            return Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() });
        }
        loop {
            let frame =
                tokio::time::timeout(deadline, body.frame()).await.map_err(|_| OutgoingError::Late)?;
            match frame {
                None => return Ok(Answer { status: head.status, headers: head.headers, body: Bytes::new() }),
                Some(Ok(frame)) if frame.is_data() && !frame.data_ref().is_some_and(|d| take(d.clone())) => {
                    return Err(OutgoingError::Body);
                }
                Some(Ok(_)) => {}
                Some(Err(_)) => return Err(OutgoingError::Body),
            }
        }
    }

    /// Sends what is asked, and waits for the beginning of the answer.
    async fn open(
        &self,
        ask: Ask,
        body: Bytes,
    ) -> Result<
        (
            http::response::Parts,
            impl BodyExt<Data = Bytes, Error: std::error::Error + Send + Sync> + Unpin + 'static,
        ),
        OutgoingError,
    > {
        let uri: Uri = ask.url.parse().map_err(|_| OutgoingError::Url)?;
        let is_https = uri.scheme_str() == Some("https");
        let has_user = uri.authority().is_none_or(|authority| authority.as_str().contains('@'));
        if has_user || !(is_https || (ask.plain && uri.scheme_str() == Some("http"))) {
            return Err(OutgoingError::Url);
        }
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = ask.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = ask.headers;
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static("tagcast"));
        let response = self.client().request(request).await;
        Ok(response.map_err(|error| OutgoingError::Connect(causes(&error)))?.into_parts())
    }

    /// One that is not too old. Another one makes connections of its own; those of the one before end with the requests
    /// that are on them.
    fn client(&self) -> Client {
        let mut kept = self.client.lock();
        if let Some((client, since)) = &*kept
            && since.elapsed() < AGE
        {
            return client.clone();
        }
        let connector = HttpsConnector::from((
            Dialler(self.socket.clone()),
            Arc::clone(self.tls.get_or_init(tls_config)),
        ));
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        let client = builder.pool_max_idle_per_host(8).http1_max_headers(HEADERS).build(connector);
        kept.insert((client, Instant::now())).0.clone()
    }
}

/// Whether a URL is of this machine alone.
pub(crate) fn is_loopback(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// An error and what caused it; hyper tells of the URL nowhere.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for url in ["http://127.0.0.1:1/x", "http://localhost/x", "http://[::1]:9/"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in
            ["http://127.0.0.1.example.com/", "http://example.com/", "x", "http://localhost.example.com"]
        {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[tokio::test]
    async fn connections_are_kept_and_have_an_age() {
        let outgoing = Outgoing::default();
        drop(outgoing.client());
        let first = outgoing.client.lock().as_ref().unwrap().1;
        drop(outgoing.client());
        assert_eq!(outgoing.client.lock().as_ref().unwrap().1, first);
        let Some(old) = first.checked_sub(AGE) else { return };
        outgoing.client.lock().as_mut().unwrap().1 = old;
        drop(outgoing.client());
        assert_ne!(outgoing.client.lock().as_ref().unwrap().1, old);
    }

    #[tokio::test]
    async fn nothing_goes_out_in_the_clear_unless_allowed() {
        for url in ["http://127.0.0.1:1/", "ftp://127.0.0.1/", "https://user@127.0.0.1/", "/x"] {
            let ask = Ask {
                method: Method::GET,
                url: url.into(),
                headers: HeaderMap::new(),
                plain: false,
                max: 1,
                deadline: Duration::from_secs(1),
            };
            assert!(matches!(Outgoing::default().ask(ask).await, Err(OutgoingError::Url)), "{url}");
        }
    }
}
