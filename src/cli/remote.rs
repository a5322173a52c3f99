//! A running gateway, as a command reaches it.

mod gateway_url;

use clap::Args;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{HeaderMap, Request};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::Error;

use self::gateway_url::GatewayUrl;

#[derive(Clone, Debug, Args)]
pub(super) struct Remote {
    /// The gateway: http://HOST:PORT or https://, with the path that a proxy puts in front of it; or unix:/SOCKET:/PATH.
    #[arg(
        long,
        env = "TAGCAST_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:8080",
        global = true
    )]
    url: String,
    /// A token, where the gateway asks for one; for triggers and copies one with admin = true.
    #[arg(long, env = "TAGCAST_TOKEN", value_name = "TOKEN", hide_env_values = true, global = true)]
    token: Option<String>,
}

/// No gateway can be reached in this way.
#[derive(Debug, thiserror::Error)]
pub(super) enum RemoteError {
    #[error("{0}:// is no address of a gateway; use http(s)://, ws(s):// or unix:")]
    Scheme(String),
    #[error("'{0}' names no host, or a port that is none")]
    Host(String),
    #[error("an address of a gateway names no user; give its token with --token or TAGCAST_TOKEN")]
    User,
    #[error("an address of a gateway ends with its path, without ? and #")]
    Query,
    #[error("unix: names no socket; write unix:/run/tagcast.sock")]
    NoSocket,
    #[error("{0}")]
    Url(Box<Error>),
    #[error("the token has characters that no header can hold")]
    Token,
}

impl Remote {
    /// Where it is.
    ///
    /// # Errors
    ///
    /// [`RemoteError`] if that can't be read.
    pub(super) fn place(&self) -> Result<GatewayUrl, RemoteError> {
        self.url.parse()
    }

    /// What the user calls it.
    pub(super) fn name(&self) -> String {
        self.url.clone()
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
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        let request = self.place()?.websocket(&query.finish()).into_client_request();
        let mut request = request.map_err(|error| RemoteError::Url(Box::new(error)))?;
        request.headers_mut().extend(self.headers()?);
        Ok(request)
    }
}
