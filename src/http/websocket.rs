use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use data_encoding::BASE64;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::query::Query;
use super::reader::{authenticate, tokens};
use super::{App, Peer, answer};
use crate::delivery::connection::{Arrival, Plan, Reader, Refusal, Ticket, serve};
use crate::protocol::{BadRequest, Code, DEFLATE_ACCEPTED, ErrorBody, SubscribeRequest, is_deflate_offered};
use crate::trigger::Feed;

const SUBPROTOCOL: &str = "tagcast.v1.json";
/// What one subscription may say in a URL.
pub(super) const PARAMETERS: [&str; 7] =
    ["filter", "batch_size", "batch_cutoff", "batch_bytes", "after", "format", "on_gap"];

/// `/v1/ws`: everything that can be refused is refused while it is still HTTP.
pub(super) async fn connect(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    if !app.is_ready() {
        return answer::retry(Code::ShuttingDown, "the gateway is stopping", Duration::from_secs(5));
    }
    match authenticate(&app, request.headers()) {
        Ok(reader) => open(&app, reader, peer, request).await,
        Err((code, message)) => answer::error(code, message),
    }
}

/// Upgrades the connection of a reader. One that listens to a feed gets that whatever the URL says.
pub(super) async fn open(app: &App, reader: Reader, peer: Peer, mut request: Request) -> Response {
    let accept_key = match handshake_key(&request) {
        Ok(key) => derive_accept_key(key.as_bytes()),
        Err(message) => return upgrade_required(message),
    };
    let ticket = match admit(app, &peer) {
        Ok(ticket) => ticket,
        Err(refused) => return refuse(refused),
    };
    let query = request.uri().query().unwrap_or_default();
    let wanted = match &reader.feed {
        Some(feed) => of_feed(feed, Some(query), |_| None).map(Some),
        None => first_subscription(query),
    };
    let first = match wanted {
        Ok(None) => None,
        Ok(Some(wanted)) => match Plan::new(wanted, &reader, &app.bus).await {
            Ok(plan) => Some(plan),
            Err(error) => return refuse_subscription(&error),
        },
        Err(error) => return answer::bad_request(error),
    };
    let deflate = wants_compression(app, request.headers());
    let upgrade = hyper::upgrade::on(&mut request);
    let bus = app.bus.clone();
    tokio::spawn(async move {
        if let Some((tcp, early)) = socket_of(upgrade).await {
            serve(Arrival { tcp, early, deflate, reader, first, address: peer.address }, ticket, bus).await;
        }
    });
    switching(&accept_key, wants_subprotocol(request.headers()), deflate)
}

/// A place for one connection more, unless there is none or too much is going on.
pub(super) fn admit(app: &App, peer: &Peer) -> Result<Ticket, Refusal> {
    let load = app.bus.load();
    if load.sheds_connections() || (app.tokens.is_empty() && load.sheds_anonymous()) {
        return Err(Refusal::Overloaded);
    }
    app.connections.admit(peer.address.ip())
}

/// `/echo`, in builds with the feature `echo` alone: sends back what it gets, on the same path.
#[cfg(feature = "echo")]
pub(super) async fn echo(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
) -> Response {
    let key = match handshake_key(&request) {
        Ok(key) => derive_accept_key(key.as_bytes()),
        Err(message) => return upgrade_required(message),
    };
    let ticket = match app.connections.admit(peer.address.ip()) {
        Ok(ticket) => ticket,
        Err(refused) => return refuse(refused),
    };
    let deflate = wants_compression(&app, request.headers());
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Some((tcp, early)) = socket_of(upgrade).await {
            crate::delivery::connection::echo(tcp, early, deflate, peer.address, ticket).await;
        }
    });
    switching(&key, false, deflate)
}

/// The socket under an upgraded connection, and what was read from it already.
async fn socket_of(upgrade: OnUpgrade) -> Option<(TcpStream, Vec<u8>)> {
    let upgraded: Upgraded = upgrade.await.ok()?;
    let parts = upgraded.downcast::<TokioIo<TcpStream>>().ok()?;
    // Copied: hyper's bytes, even if there are none, would keep its whole read buffer alive.
    Some((parts.io.into_inner(), parts.read_buf.to_vec()))
}

/// The client's key, if the request is a WebSocket handshake (RFC 6455, 4.2.1).
fn handshake_key(request: &Request<Body>) -> Result<&HeaderValue, &'static str> {
    let headers = request.headers();
    if request.method() != Method::GET {
        return Err("a WebSocket begins with GET");
    }
    if !has_token(headers, &CONNECTION, "upgrade") || !has_token(headers, &UPGRADE, "websocket") {
        return Err("this is a WebSocket endpoint: connect with ws:// or wss://");
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err("only WebSocket version 13 is spoken here");
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).ok_or("the Sec-WebSocket-Key is missing")?;
    let decoded = BASE64.decode(key.as_bytes()).map_err(|_| "the Sec-WebSocket-Key is not base64")?;
    if decoded.len() == 16 { Ok(key) } else { Err("the Sec-WebSocket-Key is not 16 bytes") }
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|found| found.eq_ignore_ascii_case(token))
}

/// Whether the settings allow compression, and the client offers what we can do.
fn wants_compression(app: &App, headers: &HeaderMap) -> bool {
    let mut offers = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter().filter_map(|value| value.to_str().ok());
    app.connections.limits().compression && offers.any(is_deflate_offered)
}

fn wants_subprotocol(headers: &HeaderMap) -> bool {
    tokens(headers, &SEC_WEBSOCKET_PROTOCOL).any(|found| found == SUBPROTOCOL)
}

/// The subscription of who listens to a feed: the window is the feed's, the place is the reader's.
pub(super) fn of_feed<'a>(
    feed: &Feed,
    query: Option<&str>,
    own: impl Fn(&str) -> Option<&'a str>,
) -> Result<SubscribeRequest, BadRequest> {
    let query = Query::parse(query, &["after", "format", "on_gap"])?;
    let request = SubscribeRequest::from_query(|name| own(name).or_else(|| query.get(name)))?;
    Ok(SubscribeRequest { batching: feed.batching, ..request })
}

/// The unnamed subscription, if the URL asks for one.
fn first_subscription(query: &str) -> Result<Option<SubscribeRequest>, BadRequest> {
    if query.is_empty() {
        return Ok(None);
    }
    let query = Query::parse(Some(query), &PARAMETERS)?;
    SubscribeRequest::from_query(|name| query.get(name)).map(Some)
}

pub(super) fn refuse_subscription(error: &ErrorBody) -> Response {
    let ours = [Code::StorageFailed, Code::Overloaded].iter().any(|code| error.code == code.as_str());
    answer::from_body(if ours { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_REQUEST }, error)
}

pub(super) fn refuse(refusal: Refusal) -> Response {
    let five = Duration::from_secs(5);
    match refusal {
        Refusal::Overloaded => {
            answer::retry(Code::Overloaded, "as many connections as there may be now", five)
        }
        Refusal::TooManyFromAddress => {
            answer::retry(Code::TooManyConnections, "too many connections from this address", five)
        }
        Refusal::TooFast(wait) => {
            answer::retry(Code::HandshakeRate, "too many handshakes from this address", wait)
        }
        Refusal::ShuttingDown => answer::retry(Code::ShuttingDown, "the gateway is stopping", five),
    }
}

fn upgrade_required(message: &str) -> Response {
    let mut response = answer::error(Code::UpgradeRequired, message);
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    response
}

fn switching(accept_key: &str, subprotocol: bool, deflate: bool) -> Response {
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept_key) = HeaderValue::from_str(accept_key) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept_key);
    }
    if deflate {
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(DEFLATE_ACCEPTED));
    }
    if subprotocol {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    response
}
