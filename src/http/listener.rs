use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket};

/// Connections that wait to be accepted; the kernel takes less where `somaxconn` is less.
const BACKLOG: u32 = 65_535;
/// Bytes that the kernel queues for a peer before it says that the socket is full. What waits beyond
/// lies in the outbox, as references to shared bytes; without it a stuck client pins 4 MB of the kernel's memory.
const UNSENT: u32 = 16 << 10;
/// A peer that acknowledges nothing for so long is gone.
const USER_TIMEOUT: Duration = Duration::from_secs(30);
const KEEPALIVE: Duration = Duration::from_mins(1);

/// Listens on `address`. Accepted sockets inherit the options that are set here.
///
/// # Errors
///
/// If the address can't be had.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_nodelay(true)?;
    {
        let socket = SockRef::from(&socket);
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
        socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
        socket.set_tcp_notsent_lowat(UNSENT)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
