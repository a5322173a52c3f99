//! Whom a proxy speaks for: `X-Forwarded-For` and `Forwarded` (RFC 7239), believed of those alone who are trusted.
//!
//! Whoever sends a request may write such a header; a proxy adds at its end. So it is read from its end, and only as far
//! as what stands there was written by someone trusted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::{FORWARDED, HeaderName};
use ipnet::IpNet;

use crate::transport::PeerAddress;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Proxies whose word is taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedProxies {
    all: Arc<[TrustedProxy]>,
    /// Whether each connection of theirs begins with a PROXY header.
    introduce: bool,
}

/// One of them, or many: `10.0.0.0/8`, `10.0.0.5`, or `unix`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrustedProxy {
    /// Whoever has an address of this network.
    Network(IpNet),
    /// Whoever comes by a Unix socket.
    Unix,
}

/// One hop of a header, as it is written: who sent, and what stands before it.
type Hop<'a> = (Option<SocketAddr>, Option<&'a [u8]>);

impl TrustedProxy {
    /// Whether it would trust everyone.
    pub(crate) fn is_everyone(self) -> bool {
        matches!(self, Self::Network(network) if network.prefix_len() == 0)
    }
}

impl FromStr for TrustedProxy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(Self::Network).map_err(|_| "a proxy is a network, as \"10.0.0.5/32\", or \"unix\"")
    }
}

impl TrustedProxies {
    pub(crate) fn new(proxies: &[TrustedProxy]) -> Self {
        Self { all: proxies.into(), introduce: false }
    }

    /// Those whose connections begin with a PROXY header, where that is so.
    pub(crate) fn introducing(self, introduce: bool) -> Self {
        Self { introduce, ..self }
    }

    /// Whether a connection of this peer's begins with a PROXY header.
    pub(super) fn introduces(&self, peer: PeerAddress) -> bool {
        self.introduce && self.holds(peer)
    }

    /// Whether this is one of them.
    pub(crate) fn holds(&self, peer: PeerAddress) -> bool {
        self.all.iter().any(|proxy| match (proxy, peer) {
            (TrustedProxy::Network(network), PeerAddress::Tcp(address)) => {
                network.contains(&address.ip().to_canonical())
            }
            (TrustedProxy::Unix, PeerAddress::Unix) => true,
            _ => false,
        })
    }

    /// Who sent a request that came from `peer`: the last in the header who is no trusted proxy. What can't be read, or
    /// names nobody, ends the search, and the trusted one that wrote it counts. Port 0: the proxy tells none.
    ///
    /// Of the two headers, `X-Forwarded-For` counts where both are there: it is what proxies write by default.
    pub(super) fn client(&self, peer: PeerAddress, headers: &HeaderMap) -> PeerAddress {
        let (name, last): (_, fn(&[u8]) -> Hop<'_>) = if headers.contains_key(X_FORWARDED_FOR) {
            (X_FORWARDED_FOR, last_plain)
        } else {
            (FORWARDED, last_element)
        };
        let mut client = peer;
        for line in headers.get_all(name).iter().rev() {
            let mut rest = Some(line.as_bytes());
            while let Some(text) = rest {
                let (true, (Some(hop), before)) = (self.holds(client), last(text)) else {
                    return client;
                };
                (client, rest) = (PeerAddress::Tcp(hop), before);
            }
        }
        client
    }
}

/// The last address of `X-Forwarded-For`.
fn last_plain(line: &[u8]) -> Hop<'_> {
    let (before, last) = match line.iter().rposition(|byte| *byte == b',') {
        Some(comma) => (Some(&line[..comma]), &line[comma + 1..]),
        None => (None, line),
    };
    (str::from_utf8(last).ok().and_then(|text| node(text.trim())), before)
}

/// The `for` of the last element of `Forwarded`. Quotes are paired from the end as well: one that a client left open
/// must not swallow what the proxy wrote behind it.
fn last_element(line: &[u8]) -> Hop<'_> {
    let mut quoted = false;
    let comma = (0..line.len()).rev().find(|&at| {
        quoted ^= line[at] == b'"' && !is_escaped(&line[..at]);
        line[at] == b',' && !quoted
    });
    let (before, last) = match comma {
        Some(comma) => (Some(&line[..comma]), &line[comma + 1..]),
        None => (None, line),
    };
    (str::from_utf8(last).ok().and_then(sender), before)
}

/// Whether backslashes before a character take its meaning from it.
fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Who an element of `Forwarded` says that sent; it says so once.
fn sender(element: &str) -> Option<SocketAddr> {
    let mut found = None;
    for pair in pairs(element)? {
        let (name, value) = pair.split_once('=')?;
        if name.trim().eq_ignore_ascii_case("for") && found.replace(unquoted(value.trim())?).is_some() {
            return None;
        }
    }
    node(&found?)
}

/// The pairs of an element; `None` where a quote is left open.
fn pairs(element: &str) -> Option<Vec<&str>> {
    let (mut pairs, mut begin, mut quoted) = (Vec::new(), 0, false);
    for (at, byte) in element.bytes().enumerate() {
        match byte {
            b'"' => quoted ^= !is_escaped(&element.as_bytes()[begin..at]),
            b';' if !quoted => {
                pairs.push(element[begin..at].trim());
                begin = at + 1;
            }
            _ => {}
        }
    }
    pairs.push(element[begin..].trim());
    pairs.retain(|pair| !pair.is_empty());
    (!quoted).then_some(pairs)
}

fn unquoted(value: &str) -> Option<String> {
    let Some(open) = value.strip_prefix('"') else { return Some(value.to_owned()) };
    let inner = open.strip_suffix('"')?;
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        plain.push(if character == '\\' { characters.next()? } else { character });
    }
    Some(plain)
}

/// An address, perhaps with a port. `unknown` and names that hide one are none.
fn node(text: &str) -> Option<SocketAddr> {
    if let Some(open) = text.strip_prefix('[') {
        let (address, port) = open.split_once(']')?;
        let port = if port.is_empty() { 0 } else { port_of(port.strip_prefix(':')?)? };
        return Some(SocketAddr::new(address.parse::<Ipv6Addr>().ok()?.to_canonical(), port));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(SocketAddr::new(address.to_canonical(), 0));
    }
    let (address, port) = text.split_once(':')?;
    Some(SocketAddr::new(address.parse::<Ipv4Addr>().ok()?.into(), port_of(port)?))
}

/// A port; one that is hidden is not told.
fn port_of(text: &str) -> Option<u16> {
    if text.len() > 1 && text.starts_with('_') {
        return Some(0);
    }
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text)?.parse().ok()
}

#[cfg(test)]
mod tests;
