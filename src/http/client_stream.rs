use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::metrics::Counter;

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

/// A client's connection as the HTTP server uses it. One that takes too long to take what it asked for is cut off; until
/// it has all of it, nothing more is read from it, so that no answers gather for it.
pub(in crate::http) struct ClientStream<S> {
    inner: S,
    limits: Arc<WriteLimits>,
    flow: Arc<Flow>,
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

    fn is_blocked(&self) -> bool {
        self.is_blocked.load(Ordering::Relaxed)
    }
}

impl<S> ClientStream<S> {
    pub(in crate::http) fn new(inner: S, limits: Arc<WriteLimits>, flow: Arc<Flow>) -> Self {
        Self { inner, limits, flow, blocked: None }
    }

    /// The connection under it.
    pub(in crate::http) fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The same, once it is no HTTP any more.
    pub(in crate::http) fn into_inner(self) -> S {
        self.inner
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
        let limits = &self.limits;
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
        Pin::new(&mut stream.inner).poll_read(cx, buf)
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
        Pin::new(&mut stream.inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    /// After how many seconds a client is cut off that takes a kilobyte of the answer's hundred after so many seconds,
    /// and then after so many again; `None` if it has all.
    async fn cut_after(each: u64, has_end: bool) -> Option<u64> {
        let (mut client, server) = duplex(1 << 10);
        let (stall, answer) = (Duration::from_secs(20), Duration::from_mins(1));
        let limits = Arc::new(WriteLimits { stall, answer, cut: Counter::default() });
        let mut stream = ClientStream::new(server, Arc::clone(&limits), Arc::default());
        stream.flow.begin(has_end);
        let (begin, answer) = (Instant::now(), vec![b'x'; 100 << 10]);
        let read = async {
            let mut piece = [0; 1 << 10];
            loop {
                tokio::time::sleep(Duration::from_secs(each)).await;
                client.read_exact(&mut piece).await.expect("more");
            }
        };
        let written = tokio::select! {
            written = stream.write_all(&answer) => written,
            () = read => Ok(()),
        };
        assert_eq!(limits.cut.get(), u64::from(written.is_err()));
        written.is_err().then(|| begin.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_or_too_little_is_cut_off() {
        for (each, has_end, cut) in [
            (19, false, None),
            (21, false, Some(20)),
            (21, true, Some(20)),
            (19, true, Some(60)),
            (1, true, Some(60)),
        ] {
            assert_eq!(cut_after(each, has_end).await, cut, "{each} {has_end}");
        }
    }

    #[tokio::test]
    async fn from_who_has_not_taken_all_nothing_more_is_read() {
        let (mut client, server) = duplex(8);
        let limits =
            WriteLimits { stall: Duration::MAX / 4, answer: Duration::MAX / 4, cut: Counter::default() };
        let flow = Arc::<Flow>::default();
        let mut stream = ClientStream::new(server, Arc::new(limits), Arc::clone(&flow));
        client.write_all(b"ask").await.expect("room");
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut write = Box::pin(stream.write_all(b"more than eight bytes"));
        assert!(write.as_mut().poll(&mut context).is_pending());
        drop(write);
        assert!(flow.is_blocked());
        let mut got = [0; 8];
        assert!(Box::pin(stream.read(&mut got)).as_mut().poll(&mut context).is_pending());
        client.read_exact(&mut got).await.expect("what was written");
        stream.flush().await.expect("nothing waits");
        assert!(!flow.is_blocked());
        assert_eq!(stream.read(&mut got).await.expect("what was asked"), 3);
    }
}
