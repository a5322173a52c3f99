use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A connection's socket, of either kind.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The same of either kind.
macro_rules! either {
    ($stream:expr, $inner:ident => $what:expr) => {
        match $stream {
            Stream::Tcp($inner) => $what,
            Stream::Unix($inner) => $what,
        }
    };
}

impl Stream {
    /// Reads what is there.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] where nothing is; what the socket tells.
    pub(crate) fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        either!(self, socket => socket.try_read(into))
    }

    /// Writes what the socket takes.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] where it takes nothing; what the socket tells.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        either!(self, socket => socket.try_write(bytes))
    }

    /// The same of several pieces.
    ///
    /// # Errors
    ///
    /// As of one.
    pub(crate) fn try_write_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        either!(self, socket => socket.try_write_vectored(pieces))
    }

    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, socket => socket.poll_read_ready(cx))
    }

    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, socket => socket.poll_write_ready(cx))
    }

    /// Waits until something can be read.
    ///
    /// # Errors
    ///
    /// What the socket tells.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        either!(self, socket => socket.readable().await)
    }

    /// Says that nothing more will be written.
    ///
    /// # Errors
    ///
    /// What the socket tells.
    pub(crate) fn finish(&self) -> io::Result<()> {
        either!(self, socket => SockRef::from(socket).shutdown(Shutdown::Write))
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), socket => Pin::new(socket).poll_read(cx, into))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self.get_mut(), socket => Pin::new(socket).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self.get_mut(), socket => Pin::new(socket).poll_write_vectored(cx, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), socket => Pin::new(socket).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), socket => Pin::new(socket).poll_shutdown(cx))
    }
}
