use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Connection;
use super::intake::{Intake, TooMuch};
use crate::protocol::Inflater;
use crate::transport::Stream;

/// The connection as tungstenite sees it: it reads the socket, and what it writes (pongs, the answer
/// to a close) goes through the outbox like everything else.
pub(super) struct Socket {
    connection: Arc<Connection>,
    intake: Intake,
    /// What the client sent with its handshake was too much already.
    too_much: Option<TooMuch>,
    /// Where the client may compress.
    inflater: Option<Box<Inflater>>,
}

impl Socket {
    /// The socket, and what of `early` tungstenite is to read first. Where the client may compress, that goes
    /// through the inflater too; messages have `max` bytes at most.
    pub(super) fn new(connection: &Arc<Connection>, early: Vec<u8>, max: Option<usize>) -> (Self, Vec<u8>) {
        let mut intake = Intake::default();
        let too_much = connection.count_frames(&mut intake, &early).err();
        let socket = |inflater| Self { connection: Arc::clone(connection), intake, too_much, inflater };
        let Some(max) = max else { return (socket(None), early) };
        let mut inflater = Inflater::new(max);
        inflater.feed(&early);
        (socket(Some(Box::new(inflater))), Vec::new())
    }
}

/// One read's worth of the socket, where it has to be inflated.
const PIECE: usize = 2_048;
/// The first byte of a whole pong.
const PONG: u8 = 0x8a;

impl Connection {
    fn count_frames(&self, intake: &mut Intake, bytes: &[u8]) -> Result<(), TooMuch> {
        intake.take(bytes, self.age(), self.outbox.limits())
    }
}

impl From<TooMuch> for io::Error {
    fn from(too_much: TooMuch) -> Self {
        Self::other(too_much)
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { connection, intake, too_much, inflater } = self.get_mut();
        let Some(socket) = &connection.outbox.socket else { return Poll::Ready(Ok(())) };
        if let Some(too_much) = *too_much {
            return Poll::Ready(Err(too_much.into()));
        }
        let mut count = |bytes: &[u8]| connection.count_frames(intake, bytes);
        if let Some(inflater) = inflater {
            return poll_inflated(socket, inflater, count, cx, buf);
        }
        loop {
            // The socket's slot for reading also holds the waker of the HTTP connection that it was, and
            // with it that connection's memory; asking here lets go of it.
            ready!(socket.poll_read_ready(cx))?;
            match socket.try_read(buf.initialize_unfilled()) {
                Ok(read) => {
                    buf.advance(read);
                    let new = buf.filled().len() - read;
                    return Poll::Ready(count(&buf.filled()[new..]).map_err(io::Error::from));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

/// The same through an inflater.
fn poll_inflated(
    socket: &Stream,
    inflater: &mut Inflater,
    mut count: impl FnMut(&[u8]) -> Result<(), TooMuch>,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    loop {
        let taken = inflater.take(buf.initialize_unfilled());
        if taken > 0 {
            buf.advance(taken);
            return Poll::Ready(Ok(()));
        }
        ready!(socket.poll_read_ready(cx))?;
        let mut piece = [0; PIECE];
        match socket.try_read(&mut piece) {
            Ok(0) => return Poll::Ready(Ok(())),
            Ok(read) => {
                count(&piece[..read])?;
                inflater.feed(&piece[..read]);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        // Tungstenite writes whole frames, one by one, and all of each is taken, so frames stay whole.
        let outbox = &self.connection.outbox;
        if buf.first() == Some(&PONG) {
            outbox.push_pong(buf);
        } else {
            outbox.push(Bytes::copy_from_slice(buf));
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
