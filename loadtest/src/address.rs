//! Where connections go, and from where they come.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use socket2::{Domain, Socket, Type};

/// A server that does not take a connection for so long counts as away.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// An `http://host:port`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The first address that the name has.
    pub address: SocketAddr,
    /// For the `Host` header.
    pub host: String,
}

impl FromStr for Target {
    type Err = anyhow::Error;

    fn from_str(url: &str) -> anyhow::Result<Self> {
        let rest = url.strip_prefix("http://").context("the URL must begin with http://")?;
        let host = rest.trim_end_matches('/');
        ensure!(!host.contains('/'), "the URL must be http://host:port, without a path");
        let named = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let address = named.to_socket_addrs().with_context(|| named.clone())?.next().context("no address")?;
        Ok(Self { address, host: host.to_owned() })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.host)
    }
}

/// Local addresses to connect from. One address has about 28,000 ports towards one server.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Spread(pub u8);

impl Spread {
    /// The address of connection `index`; `None` leaves the choice to the kernel.
    pub fn local(self, index: usize) -> Option<IpAddr> {
        let last = u8::try_from(index % usize::from(self.0.max(1))).unwrap_or(0);
        (self.0 > 1).then(|| Ipv4Addr::new(127, 0, 0, last.saturating_add(1)).into())
    }
}

impl Target {
    /// A connected, non-blocking socket. `index` chooses the local address.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn connect(&self, spread: Spread, index: usize) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(self.address), Type::STREAM, None)?;
        if let Some(local) = spread.local(index) {
            socket.bind(&SocketAddr::new(local, 0).into())?;
        }
        socket.set_tcp_nodelay(true)?;
        socket.connect_timeout(&self.address.into(), CONNECT_TIME)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    }

    /// A connected socket that blocks, for reads and writes so long at most.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn dial(&self, patience: Duration) -> anyhow::Result<TcpStream> {
        let stream = self.connect(Spread(1), 0).context("can't connect")?;
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_urls() {
        let target: Target = "http://127.0.0.1:8080/".parse().unwrap();
        assert_eq!(
            (target.address.to_string().as_str(), target.host.as_str()),
            ("127.0.0.1:8080", "127.0.0.1:8080")
        );
        assert_eq!("http://127.0.0.1".parse::<Target>().unwrap().address.port(), 80);
        for wrong in ["127.0.0.1:80", "https://127.0.0.1", "http://127.0.0.1/v1/ws", "http://"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn spreads_in_turn() {
        assert_eq!(Spread(1).local(7), None);
        let locals: Vec<_> = (0..3).filter_map(|i| Spread(2).local(i)).map(|a| a.to_string()).collect();
        assert_eq!(locals, ["127.0.0.1", "127.0.0.2", "127.0.0.1"]);
    }
}
