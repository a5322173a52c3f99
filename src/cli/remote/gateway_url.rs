use std::path::{Path, PathBuf};
use std::str::FromStr;

use url::Url;

use super::RemoteError;
use crate::outgoing::{ConnectError, Outgoing, connect, connect_unix};
use crate::transport::Stream;

/// Where a gateway is, whatever of it a user writes: `host:8080`, `https://host/tagcast/`, `wss://host/v1/ws`,
/// `unix:/run/tagcast.sock`, `unix:/run/tagcast.sock:/tagcast`. One meaning for every command: what a path is put behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct GatewayUrl {
    /// `http` or `https`, without a slash at its end.
    base: String,
    /// The same, taken apart.
    url: Url,
    /// What leads to it in place of the host.
    socket: Option<PathBuf>,
}

/// What may end the address of a WebSocket, which is as good as the gateway's.
const WEBSOCKET: &str = "/v1/ws";

impl GatewayUrl {
    /// The whole address of a path.
    pub(in crate::cli) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The same of a WebSocket.
    pub(in crate::cli) fn websocket(&self, query: &str) -> String {
        // `https` becomes `wss`.
        format!("{}{WEBSOCKET}?{query}", self.base.replacen("http", "ws", 1))
    }

    /// One text for one gateway, however a user writes its address.
    pub(in crate::cli) fn canonical(&self) -> String {
        match &self.socket {
            Some(socket) => format!("unix:{}:{}/", socket.display(), self.url.path().trim_end_matches('/')),
            None => format!("{}/", self.base),
        }
    }

    /// A client whose requests reach it.
    pub(in crate::cli) fn client(&self) -> Outgoing {
        self.socket.clone().map_or_else(Outgoing::default, Outgoing::over)
    }

    /// Connects to it.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]
    pub(in crate::cli) async fn connect(&self) -> Result<Stream, ConnectError> {
        if let Some(socket) = &self.socket {
            return connect_unix(socket).await;
        }
        let port = self.url.port_or_known_default().unwrap_or(80);
        Ok(Stream::Tcp(connect(self.url.host_str().unwrap_or_default(), port).await?))
    }
}

impl FromStr for GatewayUrl {
    type Err = RemoteError;

    fn from_str(text: &str) -> Result<Self, RemoteError> {
        if let Some(rest) = text.strip_prefix("unix:") {
            let (socket, path) = rest.split_once(":/").unwrap_or((rest, ""));
            if socket.is_empty() {
                return Err(RemoteError::NoSocket);
            }
            let mut found = of_http("http", &format!("localhost/{path}"))?;
            found.socket = Some(Path::new(socket).to_owned());
            return Ok(found);
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        match &*scheme.to_ascii_lowercase() {
            "http" | "ws" => of_http("http", rest),
            "https" | "wss" => of_http("https", rest),
            _ => Err(RemoteError::Scheme(scheme.to_owned())),
        }
    }
}

/// Reads what stands behind `://`.
fn of_http(scheme: &str, rest: &str) -> Result<GatewayUrl, RemoteError> {
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    // First, since no message may show it.
    if authority.contains('@') {
        return Err(RemoteError::User);
    }
    if rest.contains(['?', '#']) {
        return Err(RemoteError::Query);
    }
    let unreadable = || RemoteError::Host(rest.to_owned());
    if authority.is_empty() || authority.starts_with(':') {
        return Err(unreadable());
    }
    let mut url = Url::parse(&format!("{scheme}://{rest}")).map_err(|_| unreadable())?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(unreadable());
    }
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix(WEBSOCKET).unwrap_or(path).trim_end_matches('/').to_owned();
    url.set_path(&path);
    let base = url.as_str().trim_end_matches('/').to_owned();
    Ok(GatewayUrl { base, url, socket: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<GatewayUrl, RemoteError> {
        text.parse()
    }

    #[test]
    fn takes_what_users_write_and_means_one_thing() {
        for (written, address, websocket) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080/x", "ws://127.0.0.1:8080/v1/ws?q"),
            ("h", "http://h/x", "ws://h/v1/ws?q"),
            ("localhost:8080/", "http://localhost:8080/x", "ws://localhost:8080/v1/ws?q"),
            ("http://h:1/", "http://h:1/x", "ws://h:1/v1/ws?q"),
            ("HTTPS://H", "https://h/x", "wss://h/v1/ws?q"),
            ("ws://h/v1/ws", "http://h/x", "ws://h/v1/ws?q"),
            ("http://[::1]:8080", "http://[::1]:8080/x", "ws://[::1]:8080/v1/ws?q"),
            ("wss://h/tagcast/v1/ws/", "https://h/tagcast/x", "wss://h/tagcast/v1/ws?q"),
            ("https://h/tools/tagcast//", "https://h/tools/tagcast/x", "wss://h/tools/tagcast/v1/ws?q"),
            ("h/tagcast", "http://h/tagcast/x", "ws://h/tagcast/v1/ws?q"),
            ("http://h/my%20own/", "http://h/my%20own/x", "ws://h/my%20own/v1/ws?q"),
            ("unix:/run/t.sock", "http://localhost/x", "ws://localhost/v1/ws?q"),
            ("unix:t.sock:/tagcast/", "http://localhost/tagcast/x", "ws://localhost/tagcast/v1/ws?q"),
        ] {
            let url = read(written).unwrap();
            assert_eq!((&*url.address("/x"), &*url.websocket("q")), (address, websocket), "{written}");
        }
    }

    #[test]
    fn one_gateway_has_one_text() {
        let canonical = |text: &str| read(text).unwrap().canonical();
        for same in ["H", "http://h:80", "ws://h/v1/ws", "http://h/v1/ws/", "HTTP://h//"] {
            assert_eq!(canonical(same), "http://h/", "{same}");
        }
        for same in ["wss://h/tagcast/v1/ws", "https://h:443/tagcast", "https://h/tagcast/"] {
            assert_eq!(canonical(same), "https://h/tagcast/", "{same}");
        }
        assert_eq!(canonical("unix:/run/t.sock"), "unix:/run/t.sock:/");
        assert_eq!(canonical("unix:/run/t.sock:/a/"), "unix:/run/t.sock:/a/");
    }

    #[test]
    fn what_leads_nowhere_is_refused_and_shows_no_password() {
        for text in ["ftp://h", "://h", "tcp://h:1"] {
            assert!(matches!(read(text), Err(RemoteError::Scheme(_))), "{text}");
        }
        for text in ["", "http://", "http:///v1/ws", "http://:80", "h:port", "http://a b", "h:99999"] {
            assert!(matches!(read(text), Err(RemoteError::Host(_))), "{text}: {:?}", read(text));
        }
        for text in ["http://me:hush@h", "me:hush@h:80/x", "wss://hush@h"] {
            let refused = read(text).unwrap_err();
            assert!(matches!(refused, RemoteError::User) && !refused.to_string().contains("hush"), "{text}");
        }
        for text in ["http://h?x", "http://h/#x", "h/v1/ws?filter=true"] {
            assert!(matches!(read(text), Err(RemoteError::Query)), "{text}");
        }
        assert!(matches!(read("unix:"), Err(RemoteError::NoSocket)));
    }
}
