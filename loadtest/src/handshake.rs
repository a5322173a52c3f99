//! The WebSocket handshake, with one fixed key, whose answer RFC 6455 (1.3) gives: nothing to hash here.

use clap::Args;
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
    /// In which batches.
    pub batches: Batches,
}

/// The window that is asked for; of what is not said, the server's default.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
pub struct Batches {
    /// Events in a batch at most.
    #[arg(long)]
    pub batch_size: Option<u32>,
    /// Bytes in a batch at most.
    #[arg(long)]
    pub batch_bytes: Option<u32>,
    /// Time since a batch's first event, as the protocol writes it.
    #[arg(long, default_value = "0")]
    pub cutoff: Option<String>,
}

impl Subscription {
    /// The request that upgrades and subscribes.
    pub fn request(&self, host: &str) -> Vec<u8> {
        let Batches { batch_size, batch_bytes, cutoff } = &self.batches;
        // Without any parameter the connection would have no subscription.
        let filter = if self.filter.is_empty() { "true" } else { &self.filter };
        let parameters = [
            ("filter", Some(filter.to_owned())),
            ("batch_size", batch_size.map(|size| size.to_string())),
            ("batch_cutoff", cutoff.clone()),
            ("batch_bytes", batch_bytes.map(|bytes| bytes.to_string())),
            ("after", self.after.clone()),
        ];
        let given = parameters.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let given: Vec<_> =
            given.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, PLAIN))).collect();
        upgrade(host, &format!("/v1/ws?{}", given.join("&")), None)
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
            batches: Batches { batch_size: Some(7), batch_bytes: None, cutoff: Some("0".into()) },
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
