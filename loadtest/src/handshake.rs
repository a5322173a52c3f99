//! The WebSocket handshake, with one fixed key, whose answer RFC 6455 (1.3) gives: nothing to hash here.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::http::Answer;

/// The key that every connection sends.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What the server must make of it.
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The unnamed subscription of a connection.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Subscription {
    /// Which events; empty: all.
    pub filter: String,
    /// Where to begin; `None`: now.
    pub after: Option<String>,
    /// Events in a batch at most; `None`: the server's default.
    pub size: Option<u32>,
    /// Time since a batch's first event, as the protocol writes it; `None`: the server's default.
    pub cutoff: Option<String>,
    /// Bytes of a batch at most; `None`: the server's default.
    pub bytes: Option<u32>,
}

impl Subscription {
    /// The request that upgrades and subscribes.
    pub fn request(&self, host: &str) -> Vec<u8> {
        let mut path = String::from("/v1/ws");
        let mut add = |name: &str, value: Option<String>| {
            let Some(value) = value else { return };
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(name);
            path.push('=');
            path.extend(utf8_percent_encode(&value, PLAIN));
        };
        // Without any parameter the connection would have no subscription.
        add("filter", Some(if self.filter.is_empty() { "true".to_owned() } else { self.filter.clone() }));
        add("batch_size", self.size.map(|size| size.to_string()));
        add("batch_cutoff", self.cutoff.clone());
        add("batch_bytes", self.bytes.map(|bytes| bytes.to_string()));
        add("after", self.after.clone());
        upgrade(host, &path, None)
    }
}

/// A request that upgrades, for a subprotocol if there is one to ask for.
pub fn upgrade(host: &str, path: &str, subprotocol: Option<&str>) -> Vec<u8> {
    let subprotocol = subprotocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n"));
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{}User-Agent: tagcast-loadtest\r\n\r\n",
        subprotocol.unwrap_or_default()
    )
    .into_bytes()
}

/// Whether this answer upgrades.
pub fn upgraded(answer: &Answer<'_>) -> bool {
    answer.status == 101 && answer.accept == ACCEPT.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::read_answer;

    #[test]
    fn asks_for_everything() {
        let subscription = Subscription {
            filter: "tag == \"a b\"".into(),
            after: Some("earliest".into()),
            size: Some(7),
            cutoff: Some("0".into()),
            bytes: None,
        };
        let request = String::from_utf8(subscription.request("h:1")).unwrap();
        let line = request.lines().next().unwrap();
        let expected = "GET /v1/ws?filter=tag%20%3D%3D%20%22a%20b%22&batch_size=7&batch_cutoff=0&after=earliest HTTP/1.1";
        assert_eq!(line, expected);
    }

    #[test]
    fn checks_the_answer() {
        let answer = |accept: &str| format!("HTTP/1.1 101 x\r\nSec-WebSocket-Accept: {accept}\r\n\r\n");
        let check = |text: String| upgraded(&read_answer(text.as_bytes()).unwrap().unwrap());
        assert!(check(answer(ACCEPT)));
        assert!(!check(answer("x")));
    }
}
