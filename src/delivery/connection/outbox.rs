use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};
use futures_util::task::AtomicWaker;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use super::ConnectionLimits;
use super::frame_memory::{FrameMemory, SharedFrame};
use crate::bus::Offer;
use crate::transport::Stream;

/// Frames that go out in one system call, at most: the kernel's own bound (`IOV_MAX`).
const WRITE_FRAMES: usize = 1_024;
/// Bytes that a server takes at once. Small, so that a slow client is seen to move.
const PIECE: usize = 16 << 10;
/// What is read from the log takes one part in so many of an outbox.
const REPLAY_SHARE: usize = 4;

/// What waits for a client, bounded in bytes (and one frame more) and frames. While nothing waits, a
/// frame goes to the socket at once.
pub(super) struct Outbox {
    /// `None` where the HTTP server writes: it asks for each piece.
    pub(super) socket: Option<Stream>,
    limits: Arc<ConnectionLimits>,
    memory: FrameMemory,
    queue: Mutex<Queue>,
    /// Wakes the one task that drains.
    filled: AtomicWaker,
    /// There is room again, or nobody is there any more.
    room: Notify,
    pub(super) started: Instant,
    /// Milliseconds since `started` when the socket last took a byte, or had nothing to take.
    progress: AtomicU64,
    /// The same of the last message that was handed to it.
    spoken: AtomicU64,
}

#[derive(Default)]
struct Queue {
    /// The first one may be partly sent.
    frames: VecDeque<Bytes>,
    bytes: usize,
    /// Of the first one a part is sent, or it is a pong: nothing may go before it.
    begun: bool,
    /// The answer to the client's newest ping, which goes before what waits. Those to older ones need not be given.
    pong: Option<Box<[u8]>>,
    /// The last frame is queued: none follows.
    ending: bool,
    /// The socket is of no use any more.
    gone: bool,
}

/// What a write to the socket came to.
enum Progress {
    /// Nothing waits.
    All,
    /// The socket takes no more now.
    Blocked,
    /// The last frame is out, or the socket broke.
    Over,
}

impl Outbox {
    pub(super) fn new(socket: Option<Stream>, limits: Arc<ConnectionLimits>, memory: FrameMemory) -> Self {
        let (filled, room) = (AtomicWaker::new(), Notify::new());
        let (started, progress, spoken) = (Instant::now(), AtomicU64::new(0), AtomicU64::new(0));
        Self { socket, limits, memory, queue: Mutex::default(), filled, room, started, progress, spoken }
    }

    pub(super) fn limits(&self) -> &ConnectionLimits {
        &self.limits
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock()
    }

    /// Sends or queues a frame that all of a group share.
    pub(super) fn offer(&self, frame: &SharedFrame) -> Offer {
        let mut queue = self.queue();
        if queue.ending || queue.gone {
            return Offer::Gone;
        }
        if !queue.frames.is_empty() {
            // Where half is free a frame is taken, however large: who waited for room must not find none.
            if queue.bytes >= self.bytes() || queue.frames.len() >= self.limits.outbox_frames {
                return Offer::Full;
            }
            queue.push(frame.waiting(&self.memory));
            return Offer::Taken;
        }
        let now = self.moved();
        self.spoken.store(now, Ordering::Relaxed);
        let Some(socket) = &self.socket else {
            queue.push(frame.waiting(&self.memory));
            self.filled.wake();
            return Offer::Taken;
        };
        match socket.try_write(frame.bytes()) {
            Ok(sent) if sent == frame.bytes().len() => {}
            Ok(sent) => {
                queue.push(frame.waiting(&self.memory).slice(sent..));
                queue.begun = true;
                self.filled.wake();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // Nothing waited until now: the stall begins here.
                queue.push(frame.waiting(&self.memory));
                self.filled.wake();
            }
            Err(_) => {
                self.lose(&mut queue);
                return Offer::Gone;
            }
        }
        Offer::Taken
    }

    /// Queues an answer or a control frame, which is small, whatever else waits.
    pub(super) fn push(&self, frame: Bytes) {
        let frame = self.memory.keep(frame);
        let mut queue = self.queue();
        if !queue.ending && !queue.gone {
            if queue.frames.is_empty() {
                self.moved();
            }
            queue.push(frame);
            self.filled.wake();
        }
    }

    /// Has a pong sent next, in place of one that still waits for that.
    pub(super) fn push_pong(&self, frame: &[u8]) {
        let mut queue = self.queue();
        if !queue.ending && !queue.gone {
            if queue.frames.is_empty() {
                self.moved();
            }
            queue.pong = Some(frame.into());
            self.filled.wake();
        }
    }

    /// Queues the last frame, if there is one: after it, the outbox is over. False if it was ending already.
    pub(super) fn end(&self, frame: Option<Bytes>) -> bool {
        let mut queue = self.queue();
        let first = !queue.ending && !queue.gone;
        if !queue.ending {
            if let Some(frame) = frame {
                queue.push(frame);
            }
            queue.ending = true;
            self.filled.wake();
            self.room.notify_waiters();
        }
        first
    }

    /// Gives up at once: what waits is dropped.
    pub(super) fn abort(&self) {
        self.lose(&mut self.queue());
    }

    fn lose(&self, queue: &mut Queue) {
        queue.gone = true;
        queue.frames.clear();
        (queue.bytes, queue.pong) = (0, None);
        self.filled.wake();
        self.room.notify_waiters();
    }

    /// Waits until half of the outbox is free, or nobody is there any more.
    pub(super) async fn room(&self) {
        self.until_below(1).await;
    }

    /// Waits for room for what is read from the log, and says how many bytes that is: little, since the log is there to
    /// keep the rest, but enough that the socket never waits. It returns as well where nobody is there any more.
    pub(super) async fn replay_room(&self) -> usize {
        self.until_below(REPLAY_SHARE).await;
        (self.bytes() / REPLAY_SHARE).saturating_sub(self.queue().bytes)
    }

    /// Waits until no more waits than half of a share of the outbox, or nobody is there any more.
    async fn until_below(&self, share: usize) {
        loop {
            let room = self.room.notified();
            let bytes = self.bytes() / share;
            if self.queue().has_room(bytes, self.limits.outbox_frames) {
                return;
            }
            room.await;
        }
    }

    /// What it may hold now.
    fn bytes(&self) -> usize {
        self.memory.share(self.limits.outbox_bytes)
    }

    /// An outbox that gets empty wakes all who wait for room in it, however little there may be for each.
    fn tell_room(&self, queue: &Queue) {
        if queue.has_room(self.bytes(), self.limits.outbox_frames) {
            self.room.notify_waiters();
        }
    }

    /// How long the socket has taken nothing of what waits, and how many bytes that is.
    pub(super) fn stalled(&self) -> (Duration, usize) {
        let bytes = self.queue().bytes;
        let now = self.started.elapsed();
        let progress = Duration::from_millis(self.progress.load(Ordering::Relaxed));
        (if bytes == 0 { Duration::ZERO } else { now.saturating_sub(progress) }, bytes)
    }

    /// How long nothing went out; nothing while something waits.
    pub(super) fn quiet(&self) -> Duration {
        self.since(&self.progress)
    }

    /// How long no message was handed to it, whatever of pings and comments went out; nothing while something waits.
    pub(super) fn silence(&self) -> Duration {
        self.since(&self.spoken)
    }

    fn since(&self, milliseconds: &AtomicU64) -> Duration {
        let idle = self.queue().frames.is_empty();
        let at = Duration::from_millis(milliseconds.load(Ordering::Relaxed));
        if idle { self.started.elapsed().saturating_sub(at) } else { Duration::ZERO }
    }

    /// Notes that a message is handed to it.
    pub(super) fn speak(&self) {
        self.spoken.store(self.now(), Ordering::Relaxed);
    }

    fn moved(&self) -> u64 {
        let now = self.now();
        self.progress.store(now, Ordering::Relaxed);
        now
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Sends what waits whenever the socket takes it; ready when the last frame is out or the socket broke. One task asks.
    pub(super) fn poll_drain(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(socket) = &self.socket else { return Poll::Ready(()) };
        // First, so that nothing is queued between the look and the wait.
        self.filled.register(cx.waker());
        loop {
            match self.write(socket) {
                Progress::All => return Poll::Pending,
                // An error shows itself in the next write.
                Progress::Blocked => drop(ready!(socket.poll_write_ready(cx))),
                Progress::Over => {
                    self.lose(&mut self.queue());
                    return Poll::Ready(());
                }
            }
        }
    }

    /// Writes all that waits in as few calls as the socket allows.
    fn write(&self, socket: &Stream) -> Progress {
        let mut queue = self.queue();
        loop {
            queue.begin_pong();
            if queue.frames.is_empty() || queue.gone {
                return if queue.ending || queue.gone { Progress::Over } else { Progress::All };
            }
            // A pong that waits has its place behind the first.
            let frames = if queue.pong.is_some() { 1 } else { WRITE_FRAMES };
            let slices: Vec<IoSlice> = queue.frames.iter().take(frames).map(|f| IoSlice::new(f)).collect();
            match socket.try_write_vectored(&slices) {
                Ok(0) => return Progress::Over,
                Ok(sent) => {
                    queue.sent(sent);
                    self.moved();
                    self.tell_room(&queue);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Progress::Blocked,
                Err(_) => return Progress::Over,
            }
        }
    }
}

impl Outbox {
    /// The next piece of what waits, for a server that writes by itself; `None` behind the last one. One task asks.
    pub(super) fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<Bytes>> {
        self.filled.register(cx.waker());
        self.piece()
    }

    /// What can be said now: a piece, the end, or nothing yet.
    fn piece(&self) -> Poll<Option<Bytes>> {
        let mut queue = self.queue();
        let Some(piece) = queue.frames.front().map(|first| first.slice(..first.len().min(PIECE))) else {
            return if queue.ending || queue.gone { Poll::Ready(None) } else { Poll::Pending };
        };
        queue.sent(piece.len());
        self.moved();
        self.tell_room(&queue);
        Poll::Ready(Some(piece))
    }
}

impl Queue {
    fn push(&mut self, frame: Bytes) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    /// Whether half of so many bytes and frames is free, or nobody is there any more.
    fn has_room(&self, bytes: usize, frames: usize) -> bool {
        let half = self.bytes <= bytes / 2 && self.frames.len() <= frames / 2;
        self.gone || self.ending || half
    }

    /// Puts the pong first, where that is between frames.
    fn begin_pong(&mut self) {
        if let Some(pong) = self.pong.take_if(|_| !self.begun) {
            self.bytes += pong.len();
            self.frames.push_front(pong.into());
            self.begun = true;
        }
    }

    /// Takes off what the socket took.
    fn sent(&mut self, mut sent: usize) {
        self.bytes -= sent;
        self.begun = false;
        while let Some(first) = self.frames.front_mut() {
            if sent < first.len() {
                first.advance(sent);
                self.begun |= sent > 0;
                return;
            }
            sent -= first.len();
            self.frames.pop_front();
        }
        // Nothing of a burst stays with an idle connection.
        self.frames = VecDeque::new();
    }
}

#[cfg(test)]
mod tests;
