use std::collections::BTreeMap;
use std::net::{AddrParseError, IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::report::ConnectionReport;
use super::{Connection, Connections};
use crate::bus::Offer;
use crate::log::Bounds;
use crate::protocol::{Close, Framing, ServerMessage};
use crate::transport::PeerAddress;
use crate::trigger::QualifiedName;

/// Which connections are meant. What is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Which {
    /// Bound to this cloud: all that an operator of one cloud may see.
    pub cloud: Option<String>,
    /// Over this transport.
    pub transport: Option<Framing>,
    /// With a token of this principal.
    pub identity: Option<String>,
    /// From there.
    pub address: Option<AddressFilter>,
}

/// Where connections come from, as their list shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressFilter {
    /// An IP address, and a port where one is told.
    Ip(IpAddr, Option<u16>),
    /// This machine's programs, by a Unix socket.
    Unix,
}

/// A page of connections, by id.
#[derive(Debug, Serialize)]
pub(crate) struct ConnectionPage {
    /// The connections.
    pub connections: Vec<ConnectionReport>,
    /// How many there are on all pages.
    pub total: usize,
    /// The `after` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Which {
    fn holds(&self, connection: &Connection) -> bool {
        let peer = &connection.peer;
        let principal = peer.principal.as_deref();
        self.cloud.as_deref().is_none_or(|cloud| principal.and_then(|p| p.cloud.as_deref()) == Some(cloud))
            && self.transport.is_none_or(|transport| transport.as_str() == peer.framing.as_str())
            && self.identity.as_deref().is_none_or(|name| principal.is_some_and(|p| p.name == name))
            && self.address.is_none_or(|address| address.holds(peer.address))
    }
}

impl AddressFilter {
    fn holds(self, peer: PeerAddress) -> bool {
        match (self, peer) {
            (Self::Unix, PeerAddress::Unix) => true,
            (Self::Ip(ip, port), PeerAddress::Tcp(peer)) => {
                ip == peer.ip().to_canonical() && port.is_none_or(|port| port == peer.port())
            }
            _ => false,
        }
    }
}

impl FromStr for AddressFilter {
    type Err = AddrParseError;

    /// Reads `unix`, or an address with a port or without, one of IPv6 in brackets or without; an IPv4 address may be
    /// written as one of IPv6.
    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        if text == PeerAddress::Unix.to_string() {
            return Ok(Self::Unix);
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self::Ip(address.ip().to_canonical(), Some(address.port())));
        }
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let ip: IpAddr = inner.map_or_else(|| text.parse(), |inner| inner.parse().map(IpAddr::V6))?;
        Ok(Self::Ip(ip.to_canonical(), None))
    }
}

impl Connections {
    /// Up to `limit` connections by id, those behind `after` only.
    pub(crate) fn page(
        &self,
        which: &Which,
        after: Option<u64>,
        limit: usize,
        bounds: Bounds,
    ) -> ConnectionPage {
        let mut total = 0;
        // One more than asked for is kept, always the lowest ids of all that were seen.
        let mut lowest = BTreeMap::new();
        self.each(|connection| {
            if !which.holds(connection) {
                return;
            }
            total += 1;
            if after.is_none_or(|after| connection.id > after) {
                lowest.insert(connection.id, Arc::clone(connection));
                if lowest.len() > limit + 1 {
                    lowest.pop_last();
                }
            }
        });
        let more = lowest.len() > limit;
        let connections: Vec<_> = lowest.values().take(limit).map(|c| c.report(bounds)).collect();
        let next = connections.last().filter(|_| more).map(|last| last.id.clone());
        ConnectionPage { connections, total, next }
    }

    fn one(&self, which: &Which, id: u64) -> Option<Arc<Connection>> {
        self.connection(id).filter(|connection| which.holds(connection))
    }

    /// One connection; `None` if there is no such.
    pub(crate) fn report(&self, which: &Which, id: u64, bounds: Bounds) -> Option<ConnectionReport> {
        Some(self.one(which, id)?.report(bounds))
    }

    /// Hands `data` to one client as a `notice`; `None` if there is no such connection. Like a batch it is
    /// refused where no room is.
    pub(crate) fn send(&self, which: &Which, id: u64, data: &Value) -> Option<Offer> {
        let connection = self.one(which, id)?;
        let frame = connection.peer.framing.message(&ServerMessage::Notice { data })?;
        Some(connection.send(&frame.into())).filter(|offer| *offer != Offer::Gone)
    }

    /// How many listen to a feed.
    pub(crate) fn listening(&self, feed: &QualifiedName) -> usize {
        let mut count = 0;
        self.each(|connection| count += usize::from(connection.listens_to(feed)));
        count
    }

    /// Hands `data` to all who listen to a feed, and tells how many had room for it.
    pub(crate) fn broadcast(&self, feed: &QualifiedName, data: &Value) -> usize {
        let mut sent = 0;
        self.each(|connection| {
            let frame = connection.peer.framing.message(&ServerMessage::Notice { data });
            let taken = |frame: Bytes| connection.send(&frame.into()) == Offer::Taken;
            sent += usize::from(connection.listens_to(feed) && frame.is_some_and(taken));
        });
        sent
    }

    /// Ends one connection once what waits is sent; false if there is no such.
    pub(crate) fn close(&self, which: &Which, id: u64, close: Close) -> bool {
        self.one(which, id).is_some_and(|connection| {
            connection.close(close);
            true
        })
    }

    /// How many are open, by transport.
    pub(crate) fn open(&self) -> [(Framing, i64); 3] {
        Framing::ALL.map(|framing| (framing, self.gauge(framing).get()))
    }
}

impl Connection {
    fn listens_to(&self, feed: &QualifiedName) -> bool {
        let listened = self.peer.feed.as_ref();
        listened.is_some_and(|listened| listened.name == feed.name && listened.cloud == feed.cloud)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_shown() {
        let holds = |text: &str, peer: &str| {
            let address = text.parse::<AddressFilter>().map_err(|error| format!("{text}: {error}")).unwrap();
            address.holds(PeerAddress::Tcp(peer.parse().unwrap()))
        };
        for (text, peer, expected) in [
            ("192.0.2.1", "192.0.2.1:80", true),
            ("192.0.2.1:80", "192.0.2.1:80", true),
            ("192.0.2.1:80", "192.0.2.1:81", false),
            ("192.0.2.2", "192.0.2.1:80", false),
            ("192.0.2.1", "[::ffff:192.0.2.1]:80", true),
            ("::ffff:192.0.2.1", "192.0.2.1:80", true),
            ("[::ffff:192.0.2.1]:80", "[::ffff:192.0.2.1]:80", true),
            ("[::ffff:192.0.2.1]:80", "192.0.2.1:80", true),
            ("2001:db8::1", "[2001:db8::1]:80", true),
            ("[2001:db8::1]", "[2001:db8::1]:80", true),
            ("[2001:db8:0::1]:80", "[2001:db8::1]:80", true),
            ("[2001:db8::1]:81", "[2001:db8::1]:80", false),
        ] {
            assert_eq!(holds(text, peer), expected, "{text} {peer}");
        }
        let unix: AddressFilter = PeerAddress::Unix.to_string().parse().unwrap();
        assert!(unix.holds(PeerAddress::Unix));
        assert!(!unix.holds(PeerAddress::Tcp(([127, 0, 0, 1], 80).into())));
        for none in
            ["", "x", "192.0.2", "[192.0.2.1]", "192.0.2.1:", "192.0.2.1:65536", "[2001:db8::1", "localhost"]
        {
            assert!(none.parse::<AddressFilter>().is_err(), "{none}");
        }
    }
}
