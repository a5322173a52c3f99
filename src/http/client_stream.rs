mod answer;
mod head_wait;
mod request_body;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use self::head_wait::HeadWait;
use crate::metrics::Counter;

pub(in crate::http) use self::answer::AnswerBody;
pub(in crate::http) use self::head_wait::HeadLimits;
pub(in crate::http) use self::request_body::RequestBody;

/// Whose turn it is: nothing is asked, or not yet all of a head;
const CLIENT: u8 = 0;
/// a request is worked on, or its answer is on the way;
const GATEWAY: u8 = 1;
/// that has ended, and nobody has taken note of it yet.
const ANSWERED: u8 = 2;

/// What a client's connection is bound by.
#[derive(Clone, Debug)]
pub(in crate::http) struct StreamLimits {
    pub writes: WriteLimits,
    pub heads: HeadLimits,
}

/// For how long what is written may wait for a client.
#[derive(Clone, Debug)]
pub(in crate::http) struct WriteLimits {
    /// A client that takes no byte for so long is cut off.
    pub stall: Duration,
    /// An answer that has an end is out by then.
    pub answer: Duration,
    /// Counts who was cut off.
    pub cut: Counter,
}

/// A client's connection as the HTTP server uses it. One that takes too long to ask, or to take what it asked for, is cut
/// off; until it has all of it, nothing more is read from it, so that no answers gather for it.
pub(in crate::http) struct ClientStream<S> {
    inner: S,
    limits: Arc<StreamLimits>,
    flow: Arc<Flow>,
    head: HeadWait,
    /// While the client takes less than is written.
    blocked: Option<Box<Blocked>>,
}

/// What the server and the connection under it know of each other.
#[derive(Debug, Default)]
pub(in crate::http) struct Flow {
    /// Something waits for the client.
    is_blocked: AtomicBool,
    /// The answer that is written has an end.
    has_end: AtomicBool,
    /// Not all of the request's body was read yet.
    is_unread: AtomicBool,
    turn: AtomicU8,
}

struct Blocked {
    since: Instant,
    /// When the client last took a byte.
    moved: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Flow {
    /// Waits until the client has taken what was written before. The connection's own task asks.
    pub(in crate::http) async fn clear(&self) {
        // Whoever clears it wakes the task.
        std::future::poll_fn(|_| if self.is_blocked() { Poll::Pending } else { Poll::Ready(()) }).await;
    }

    /// Says of the answer that follows whether it has an end.
    pub(in crate::http) fn begin(&self, has_end: bool) {
        self.has_end.store(has_end, Ordering::Relaxed);
    }

    /// A whole head came, and perhaps a body after it.
    pub(in crate::http) fn ask(&self, has_body: bool) {
        self.turn.store(GATEWAY, Ordering::Relaxed);
        self.note_unread(has_body);
    }

    fn note_unread(&self, is_unread: bool) {
        self.is_unread.store(is_unread, Ordering::Relaxed);
    }

    /// Whether the request is answered before all of it came, so that the connection ends with the answer.
    pub(in crate::http) fn is_unread(&self) -> bool {
        self.is_unread.load(Ordering::Relaxed)
    }

    /// The answer has ended, one way or another.
    fn answered(&self) {
        self.turn.store(ANSWERED, Ordering::Relaxed);
    }

    fn is_blocked(&self) -> bool {
        self.is_blocked.load(Ordering::Relaxed)
    }
}

impl<S> ClientStream<S> {
    /// The time for the first head begins now.
    pub(in crate::http) fn new(inner: S, limits: Arc<StreamLimits>, flow: Arc<Flow>) -> Self {
        let head = HeadWait::new(&limits.heads);
        Self { inner, limits, flow, head, blocked: None }
    }

    /// The connection under it.
    pub(in crate::http) fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The same, before it is HTTP.
    pub(in crate::http) fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The same, once it is no HTTP any more.
    pub(in crate::http) fn into_inner(self) -> S {
        self.inner
    }

    /// Whether the client is to send a head.
    fn is_clients_turn(&mut self) -> bool {
        let turn = self.flow.turn.load(Ordering::Relaxed);
        if turn == ANSWERED {
            self.flow.turn.store(CLIENT, Ordering::Relaxed);
            self.head.rest(&self.limits.heads);
        }
        turn != GATEWAY
    }

    /// Waits for a head, not for ever; ready when that is over.
    fn wait_for_head(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_clients_turn() { self.head.poll(cx, &self.limits.heads) } else { Poll::Pending }
    }

    fn written(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_pending() {
            return self.wait(cx);
        }
        if let Some(blocked) = &mut self.blocked {
            blocked.moved = Instant::now();
        }
        written
    }

    /// Waits for the client, not for ever.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let limits = &self.limits.writes;
        let blocked = self.blocked.get_or_insert_with(|| {
            self.flow.is_blocked.store(true, Ordering::Relaxed);
            let now = Instant::now();
            Box::new(Blocked { since: now, moved: now, timer: Box::pin(sleep_until(now)) })
        });
        let mut end = blocked.moved + limits.stall;
        if self.flow.has_end.load(Ordering::Relaxed) {
            end = end.min(blocked.since + limits.answer);
        }
        if blocked.timer.deadline() != end {
            blocked.timer.as_mut().reset(end);
        }
        ready!(blocked.timer.as_mut().poll(cx));
        limits.cut.inc();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ClientStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        if stream.blocked.is_some() {
            // The task is woken when the client has taken what waits.
            return Poll::Pending;
        }
        let before = buf.filled().len();
        if Pin::new(&mut stream.inner).poll_read(cx, buf)?.is_pending() {
            // To the server it looks as if the client had gone.
            return stream.wait_for_head(cx).map(Ok);
        }
        if stream.is_clients_turn() {
            stream.head.hear(&buf.filled()[before..], &stream.limits.heads);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ClientStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        let written = Pin::new(&mut stream.inner).poll_write(cx, buf);
        stream.written(written, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        let written = Pin::new(&mut stream.inner).poll_write_vectored(cx, bufs);
        stream.written(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// The server asks when all is written.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        if stream.blocked.take().is_some() {
            stream.flow.is_blocked.store(false, Ordering::Relaxed);
            cx.waker().wake_by_ref();
        }
        // The server may read nothing more until something comes: this has its task woken when nothing does.
        if stream.flow.turn.load(Ordering::Relaxed) == ANSWERED && stream.wait_for_head(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut stream.inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
