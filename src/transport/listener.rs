use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, UnixListener};

use super::socket_file::{self, SocketFile, SocketFileError};
use super::{ListenAddress, PeerAddress, Stream};

/// Connections that wait to be accepted; the kernel takes less where `somaxconn` is less.
const BACKLOG: u32 = 65_535;
/// Bytes that the kernel queues for a peer before it says that the socket is full. What waits beyond
/// lies in the outbox, as references to shared bytes; without it a stuck client pins 4 MB of the kernel's memory.
const UNSENT: u32 = 16 << 10;
/// A peer that acknowledges nothing for so long is gone.
const USER_TIMEOUT: Duration = Duration::from_secs(30);
const KEEPALIVE: Duration = Duration::from_mins(1);

/// Who may connect to a Unix socket that the gateway makes: the mode of its file, written "0660".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SocketMode(u32);

impl Default for SocketMode {
    fn default() -> Self {
        Self(0o660)
    }
}

/// A socket that clients connect to.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Socket,
    /// Where that is; the port is a real one.
    address: ListenAddress,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    /// With the file that is made for it, and removed with it.
    Unix(UnixListener, #[expect(dead_code, reason = "it is there to be dropped")] Option<SocketFile>),
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Listeners {
    all: Vec<Listener>,
    /// Who is asked first, so that a crowd at one door holds up none at another.
    turn: usize,
}

/// An address can't be had.
#[derive(Debug, thiserror::Error)]
#[error("{address}: {why}")]
pub(crate) struct ListenError {
    address: ListenAddress,
    why: SocketFileError,
}

impl FromStr for SocketMode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let digits = matches!(text.len(), 3 | 4) && text.bytes().all(|b| matches!(b, b'0'..=b'7'));
        let mode = u32::from_str_radix(text, 8).ok().filter(|mode| digits && *mode <= 0o777);
        mode.map(Self).ok_or("a mode is written in octal digits, as \"0660\"")
    }
}

impl Listener {
    /// Listens there, and nowhere else where `alone`: an IPv6 address takes IPv4's too otherwise, as the system has it.
    ///
    /// # Errors
    ///
    /// If the address can't be had.
    pub(crate) fn bind(address: &ListenAddress, mode: SocketMode, alone: bool) -> Result<Self, ListenError> {
        let bound = match address {
            ListenAddress::Tcp(address) => bind_tcp(*address, alone).map_err(SocketFileError::Io),
            ListenAddress::Unix(path) => socket_file::bind(path, mode.0).and_then(|(listener, file)| {
                let socket = Socket::Unix(UnixListener::from_std(listener)?, Some(file));
                Ok(Self { socket, address: address.clone() })
            }),
        };
        bound.map_err(|why| ListenError { address: address.clone(), why })
    }

    /// Takes one that listens already.
    pub(super) fn of_tcp(listener: std::net::TcpListener) -> io::Result<Self> {
        tune(&SockRef::from(&listener))?;
        listener.set_nonblocking(true)?;
        Self::tcp(TcpListener::from_std(listener)?)
    }

    /// The same; its file is not ours.
    pub(super) fn of_unix(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let path = address.as_pathname().ok_or_else(|| io::Error::other("a Unix socket without a file"))?;
        let address = ListenAddress::Unix(path.to_owned());
        Ok(Self { socket: Socket::Unix(UnixListener::from_std(listener)?, None), address })
    }

    fn tcp(listener: TcpListener) -> io::Result<Self> {
        let address = ListenAddress::Tcp(listener.local_addr()?);
        Ok(Self { socket: Socket::Tcp(listener), address })
    }

    /// Where it listens; the port is a real one, also if 0 was asked for.
    pub(crate) fn address(&self) -> &ListenAddress {
        &self.address
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Stream, PeerAddress)>> {
        match &self.socket {
            Socket::Tcp(listener) => listener
                .poll_accept(cx)
                .map_ok(|(socket, address)| (Stream::Tcp(socket), PeerAddress::Tcp(address))),
            Socket::Unix(listener, _) => {
                listener.poll_accept(cx).map_ok(|(socket, _)| (Stream::Unix(socket), PeerAddress::Unix))
            }
        }
    }
}

/// Accepted sockets inherit the options that are set here.
fn bind_tcp(address: SocketAddr, alone: bool) -> io::Result<Listener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    if alone && address.is_ipv6() {
        SockRef::from(&socket).set_only_v6(true)?;
    }
    tune(&SockRef::from(&socket))?;
    socket.bind(address)?;
    Listener::tcp(socket.listen(BACKLOG)?)
}

fn tune(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    socket.set_tcp_notsent_lowat(UNSENT)
}

impl Listeners {
    pub(crate) fn new(all: Vec<Listener>) -> Self {
        Self { all, turn: 0 }
    }

    /// Listens on all of them.
    ///
    /// # Errors
    ///
    /// [`ListenError`] of the first that can't be had; none is listened on then.
    pub(crate) fn bind(addresses: &[ListenAddress], mode: SocketMode) -> Result<Self, ListenError> {
        let has_v4 = |port| {
            let mut sockets = addresses.iter().filter_map(ListenAddress::tcp);
            sockets.any(|other| other.is_ipv4() && other.port() == port)
        };
        let bind = |address: &ListenAddress| {
            let alone = address.tcp().is_some_and(|own| own.is_ipv6() && has_v4(own.port()));
            Listener::bind(address, mode, alone)
        };
        addresses.iter().map(bind).collect::<Result<_, _>>().map(Self::new)
    }

    /// Where each listens.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &ListenAddress> {
        self.all.iter().map(Listener::address)
    }

    /// Addresses and ports, of those that have one.
    pub(crate) fn tcp(&self) -> impl Iterator<Item = SocketAddr> {
        self.addresses().filter_map(ListenAddress::tcp)
    }

    /// The next connection, to any of them.
    ///
    /// # Errors
    ///
    /// What the system tells: no descriptors are left, say.
    pub(crate) async fn accept(&mut self) -> io::Result<(Stream, PeerAddress)> {
        std::future::poll_fn(|cx| self.poll_accept(cx)).await
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Stream, PeerAddress)>> {
        let count = self.all.len();
        for next in self.turn..self.turn + count {
            if let Poll::Ready(accepted) = self.all[next % count].poll_accept(cx) {
                self.turn = (next + 1) % count;
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    }
}

impl From<Listener> for Listeners {
    fn from(listener: Listener) -> Self {
        Self::new(vec![listener])
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpStream, UnixStream};

    use super::*;

    fn mode(text: &str) -> Result<SocketMode, &'static str> {
        text.parse()
    }

    #[test]
    fn a_mode_is_octal() {
        assert_eq!((mode("0660"), mode("600")), (Ok(SocketMode(0o660)), Ok(SocketMode(0o600))));
        for bad in ["", "66", "0680", "1777", "00660", "0o660", "+660", "rw-rw----"] {
            assert!(mode(bad).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn all_are_listened_on_and_nobody_waits_for_a_crowd_elsewhere() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let unix = ListenAddress::Unix(path.clone());
        let addresses = ["127.0.0.1:0".parse().unwrap(), "127.0.0.1:0".parse().unwrap(), unix.clone()];
        let mut listeners = Listeners::bind(&addresses, mode("0600").unwrap()).unwrap();
        let bound: Vec<_> = listeners.addresses().cloned().collect();
        let ports: Vec<_> = bound.iter().filter_map(ListenAddress::tcp).collect();
        assert!(ports[0].port() != 0 && ports[1].port() != 0 && ports[0] != ports[1]);
        assert_eq!(bound[2], unix);

        let mut crowd = Vec::new();
        for _ in 0..3 {
            crowd.push(TcpStream::connect(ports[0]).await.unwrap());
        }
        let mut client = UnixStream::connect(&path).await.unwrap();
        let mut came = Vec::new();
        for _ in 0..2 {
            came.push(listeners.accept().await.unwrap());
        }
        let (mut stream, _) = came.into_iter().find(|(_, peer)| *peer == PeerAddress::Unix).unwrap();
        stream.write_all(b"hello").await.unwrap();
        stream.finish().unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "hello");
    }

    #[tokio::test]
    async fn the_address_that_is_taken_is_named() {
        let first = Listener::bind(&"127.0.0.1:0".parse().unwrap(), mode("0600").unwrap(), false).unwrap();
        let taken = first.address().clone();
        let error = Listeners::bind(&["127.0.0.1:0".parse().unwrap(), taken.clone()], mode("0600").unwrap());
        assert!(error.unwrap_err().to_string().starts_with(&format!("{taken}: ")));
    }

    #[tokio::test]
    async fn one_port_is_had_in_both_families() {
        let first = Listener::bind(&"0.0.0.0:0".parse().unwrap(), mode("0600").unwrap(), false).unwrap();
        let port = first.address().tcp().unwrap().port();
        drop(first);
        let both = [format!("[::]:{port}").parse().unwrap(), format!("0.0.0.0:{port}").parse().unwrap()];
        assert!(Listeners::bind(&both, mode("0600").unwrap()).is_ok());
    }
}
