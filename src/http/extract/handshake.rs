use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{
    CONNECTION, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Version};
use axum::response::{IntoResponse as _, Response};
use data_encoding::BASE64;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::sync::OwnedSemaphorePermit;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::header::items;
use crate::http::App;
use crate::http::client_stream::ClientStream;
use crate::http::doors::Wire;
use crate::http::error::ApiError;
use crate::protocol::{Code, accept_deflate};
use crate::transport::Stream;

const SUBPROTOCOL: &str = "tagcast.v1.json";

/// A WebSocket handshake that can be accepted (RFC 6455, 4.2.1).
pub(crate) struct Handshake {
    accept_key: String,
    /// Whether the client names ours.
    subprotocol: bool,
    /// The answer to what the client offers, where the settings allow compression and we can do that.
    deflate: Option<&'static str>,
    /// Whether a page connects, which sees no pings.
    pub(crate) by_page: bool,
    upgrade: Option<OnUpgrade>,
}

/// What lies under an upgraded connection.
pub(crate) struct Socket {
    pub stream: Stream,
    /// The right to its descriptor.
    pub permit: Option<OwnedSemaphorePermit>,
    /// What was read from it already.
    pub early: Vec<u8>,
    /// Whether it takes compressed frames.
    pub deflate: bool,
}

impl FromRequestParts<Arc<App>> for Handshake {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let accept_key = derive_accept_key(key(parts)?.as_bytes());
        let headers = &parts.headers;
        let offers = items(headers, &SEC_WEBSOCKET_EXTENSIONS);
        Ok(Self {
            accept_key,
            subprotocol: items(headers, &SEC_WEBSOCKET_PROTOCOL).any(|item| item == SUBPROTOCOL),
            deflate: accept_deflate(offers).filter(|_| app.connections.limits().compression),
            by_page: headers.contains_key(ORIGIN),
            upgrade: parts.extensions.remove(),
        })
    }
}

impl Handshake {
    /// Answers that the connection changes its protocol, and when it has, serves it in a task of its own.
    pub(crate) fn accept<F>(self, serve: impl FnOnce(Socket) -> F + Send + 'static) -> Response
    where
        F: Future<Output = ()> + Send,
    {
        let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        if let Ok(accept_key) = HeaderValue::from_str(&self.accept_key) {
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept_key);
        }
        if let Some(accepted) = self.deflate {
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(accepted));
        }
        if self.subprotocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        }
        let (upgrade, deflate) = (self.upgrade, self.deflate.is_some());
        tokio::spawn(async move {
            if let Some((wire, early)) = wire(upgrade).await {
                let (stream, permit) = wire.into_parts();
                serve(Socket { stream, permit, early, deflate }).await;
            }
        });
        response
    }
}

/// What lies under an upgraded connection, and what was read from it already.
async fn wire(upgrade: Option<OnUpgrade>) -> Option<(Wire, Vec<u8>)> {
    let upgraded: Upgraded = upgrade?.await.ok()?;
    let parts = upgraded.downcast::<TokioIo<ClientStream<Wire>>>().ok()?;
    // Copied: hyper's bytes, even if there are none, would keep its whole read buffer alive.
    Some((parts.io.into_inner().into_inner(), parts.read_buf.to_vec()))
}

/// The client's key, if this is a handshake.
fn key(Parts { method, version, headers, .. }: &Parts) -> Result<&HeaderValue, ApiError> {
    if method != Method::GET {
        return Err(upgrade_required("a WebSocket begins with GET"));
    }
    if let Some(remedy) = remedy(*version, headers) {
        return Err(upgrade_required(remedy));
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(upgrade_required("only WebSocket version 13 is spoken here"));
    }
    let key = headers.get(SEC_WEBSOCKET_KEY);
    let key = key.ok_or_else(|| upgrade_required("the Sec-WebSocket-Key is missing"))?;
    match BASE64.decode(key.as_bytes()).map(|decoded| decoded.len()) {
        Ok(16) => Ok(key),
        Ok(_) => Err(upgrade_required("the Sec-WebSocket-Key is not 16 bytes")),
        Err(_) => Err(upgrade_required("the Sec-WebSocket-Key is not base64")),
    }
}

/// What to do about a request that asks for no upgrade, or can have none: most often a proxy has changed it.
fn remedy(version: Version, headers: &HeaderMap) -> Option<&'static str> {
    let wants_upgrade = has_item(headers, &UPGRADE, "websocket");
    let says_so = has_item(headers, &CONNECTION, "upgrade");
    let was_handshake = wants_upgrade || headers.contains_key(SEC_WEBSOCKET_KEY);
    match (wants_upgrade, says_so) {
        _ if !was_handshake => Some("this is a WebSocket endpoint: connect with ws:// or wss://"),
        _ if version < Version::HTTP_11 => Some(
            "the handshake came by HTTP/1.0, which can't change the protocol: let the proxy before the gateway speak \
             HTTP/1.1 to it (nginx: proxy_http_version 1.1)",
        ),
        (false, _) => Some(
            "the handshake came without `Upgrade: websocket`: let the proxy before the gateway pass that on (nginx: \
             proxy_set_header Upgrade $http_upgrade)",
        ),
        (true, false) => Some(
            "the handshake came without `Connection: Upgrade`: let the proxy before the gateway send that (nginx: \
             proxy_set_header Connection \"upgrade\")",
        ),
        (true, true) => None,
    }
}

fn has_item(headers: &HeaderMap, name: &HeaderName, item: &str) -> bool {
    items(headers, name).any(|found| found.eq_ignore_ascii_case(item))
}

fn upgrade_required(message: &str) -> ApiError {
    ApiError::new(Code::UpgradeRequired, message).with(UPGRADE, "websocket").with(SEC_WEBSOCKET_VERSION, "13")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_sixteen_bytes() {
        for (bytes, good) in [(15, false), (16, true), (17, false)] {
            let mut headers = HeaderMap::new();
            headers.insert(CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            let shown = BASE64.encode(&vec![7; bytes]);
            headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_str(&shown).unwrap());
            let (mut parts, ()) = axum::http::Request::new(()).into_parts();
            parts.headers = headers;
            assert_eq!(key(&parts).is_ok(), good, "{bytes}");
            parts.method = Method::HEAD;
            assert!(key(&parts).is_err());
        }
    }
}
