use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;

use super::{Guest, Seat};
use crate::transport::{PeerAddress, Stream};

/// A connection that speaks HTTP; what comes is noted.
pub(in crate::http) struct Wire {
    // Closed before its descriptor counts as free.
    stream: Stream,
    seat: Seat,
}

impl Wire {
    pub(in crate::http) fn new(stream: Stream, seat: Seat) -> Self {
        Self { stream, seat }
    }

    pub(in crate::http) fn guest(&self) -> &Arc<Guest> {
        &self.seat.guest
    }

    /// From now on it counts as a client's whom a proxy speaks for.
    pub(in crate::http) async fn introduce(&mut self, client: PeerAddress) {
        self.seat.introduce(client).await;
    }

    /// The socket, and the right to its descriptor.
    pub(in crate::http) fn into_parts(self) -> (Stream, Option<OwnedSemaphorePermit>) {
        (self.stream, self.seat.into_permit())
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.seat.guest.hear();
        }
        polled
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
