//! A running gateway, as a command reaches it.

use clap::Args;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{HeaderMap, Request};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::Error;

#[derive(Clone, Debug, Args)]
pub(super) struct Remote {
    /// The gateway.
    #[arg(
        long,
        env = "TAGCAST_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:8080",
        global = true
    )]
    pub(super) url: String,
    /// A token, where the gateway asks for one; for triggers and copies one with admin = true.
    #[arg(long, env = "TAGCAST_TOKEN", value_name = "TOKEN", hide_env_values = true, global = true)]
    token: Option<String>,
}

/// No gateway can be reached in this way.
#[derive(Debug, thiserror::Error)]
pub(super) enum RemoteError {
    #[error("{0}:// is no address of a gateway; use http(s):// or ws(s)://")]
    Scheme(String),
    #[error("'{0}' names no host")]
    Host(String),
    #[error("{0}")]
    Url(Box<Error>),
    #[error("the token has characters that no header can hold")]
    Token,
}

impl Remote {
    /// The whole address of a path.
    pub(super) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.url.trim_end_matches('/'))
    }

    /// One text for one gateway, however a user writes its address.
    pub(super) fn canonical(&self) -> Result<String, RemoteError> {
        let url = websocket_url(&self.url, &[])?;
        let url = url::Url::parse(&url).map_err(|_| RemoteError::Host(self.url.clone()))?;
        Ok(url.as_str().replacen("ws", "http", 1).trim_end_matches("v1/ws?").to_owned())
    }

    /// The headers of a request: who asks.
    pub(super) fn headers(&self) -> Result<HeaderMap, RemoteError> {
        let mut headers = HeaderMap::new();
        if let Some(token) = &self.token {
            let value = HeaderValue::try_from(format!("Bearer {token}"));
            headers.insert(AUTHORIZATION, value.map_err(|_| RemoteError::Token)?);
        }
        Ok(headers)
    }

    /// The handshake of a WebSocket whose subscription is these parameters.
    pub(super) fn handshake(&self, parameters: &[(&str, String)]) -> Result<Request<()>, RemoteError> {
        let request = websocket_url(&self.url, parameters)?.into_client_request();
        let mut request = request.map_err(|error| RemoteError::Url(Box::new(error)))?;
        request.headers_mut().extend(self.headers()?);
        Ok(request)
    }
}

/// The WebSocket address of a gateway, from whatever a user would write: `host:8080`, `http://…`,
/// `wss://…`, with or without the path.
fn websocket_url(server: &str, parameters: &[(&str, String)]) -> Result<String, RemoteError> {
    let (scheme, rest) = match server.split_once("://") {
        Some(("http" | "ws", rest)) => ("ws", rest),
        Some(("https" | "wss", rest)) => ("wss", rest),
        Some((other, _)) => return Err(RemoteError::Scheme(other.to_owned())),
        None => ("ws", server),
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if host.is_empty() {
        return Err(RemoteError::Host(server.to_owned()));
    }
    let path = path.trim_end_matches('/');
    let path = if path.is_empty() { "v1/ws" } else { path };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    Ok(format!("{scheme}://{host}/{path}?{}", query.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_users_write() {
        let url = |server| websocket_url(server, &[("filter", "tag == 'a b'".into())]).ok();
        let query = "filter=tag+%3D%3D+%27a+b%27";
        assert_eq!(url("127.0.0.1:8080"), Some(format!("ws://127.0.0.1:8080/v1/ws?{query}")));
        assert_eq!(url("http://h:1/"), Some(format!("ws://h:1/v1/ws?{query}")));
        assert_eq!(url("https://h"), Some(format!("wss://h/v1/ws?{query}")));
        assert_eq!(url("wss://h/tagcast/v1/ws"), Some(format!("wss://h/tagcast/v1/ws?{query}")));
        let canonical = |url: &str| Remote { url: url.to_owned(), token: None }.canonical().ok();
        for same in ["H", "http://h:80", "ws://h/v1/ws", "http://h/v1/ws/"] {
            assert_eq!(canonical(same).as_deref(), Some("http://h/"), "{same}");
        }
        assert_eq!(canonical("wss://h/tagcast/v1/ws").as_deref(), Some("https://h/tagcast/"));
        assert_eq!((url("ftp://h"), url("http:///v1/ws")), (None, None));
    }
}
