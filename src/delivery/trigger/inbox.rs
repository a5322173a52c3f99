use std::collections::VecDeque;
use std::pin::Pin;

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::bus::{Offer, Subscriber};
use crate::protocol::SharedFrames;

/// What waits for one trigger at most, in batches and in bytes (and what came together with the last). The rest waits in the log.
const FRAMES: usize = 8;
const BYTES: usize = 1 << 20;

/// What a trigger's subscription brings, until it is delivered.
#[derive(Default)]
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    filled: Notify,
    room: Notify,
}

#[derive(Default)]
struct Waiting {
    frames: VecDeque<Bytes>,
    bytes: usize,
    closed: bool,
}

impl Waiting {
    fn is_full(&self, share: usize) -> bool {
        !self.closed && (self.frames.len() >= FRAMES / share || self.bytes >= BYTES / share)
    }
}

impl Inbox {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock()
    }

    /// The next frame.
    pub(super) async fn next(&self) -> Bytes {
        loop {
            let next = {
                let mut waiting = self.waiting();
                let next = waiting.frames.pop_front();
                waiting.bytes -= next.as_ref().map_or(0, Bytes::len);
                if !waiting.is_full(2) {
                    self.room.notify_waiters();
                }
                next
            };
            match next {
                Some(frame) => return frame,
                None => self.filled.notified().await,
            }
        }
    }

    /// Takes no more.
    pub(super) fn close(&self) {
        self.waiting().closed = true;
        self.room.notify_waiters();
    }
}

impl Subscriber for Inbox {
    fn offer(&self, frames: &SharedFrames) -> Offer {
        let mut waiting = self.waiting();
        if waiting.closed {
            return Offer::Gone;
        }
        if waiting.is_full(1) {
            return Offer::Full;
        }
        waiting.bytes += frames.plain().len();
        // Batches that came together are delivered one by one.
        waiting.frames.extend(frames.each());
        drop(waiting);
        self.filled.notify_one();
        Offer::Taken
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            loop {
                let room = self.room.notified();
                if !self.waiting().is_full(2) {
                    return;
                }
                room.await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_bounded_and_tells_when_there_is_room() {
        let (inbox, frame) = (Inbox::default(), SharedFrames::from(Bytes::from_static(b"x\n")));
        for _ in 0..FRAMES {
            assert_eq!(inbox.offer(&frame), Offer::Taken);
        }
        assert_eq!(inbox.offer(&frame), Offer::Full);
        let mut room = inbox.room();
        let has_room = |room: &mut Pin<Box<dyn Future<Output = ()> + Send + '_>>| {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            room.as_mut().poll(&mut context).is_ready()
        };
        for left in (0..FRAMES).rev() {
            assert!(!has_room(&mut room), "{left}");
            inbox.next().await;
            if left < FRAMES / 2 {
                break;
            }
        }
        assert!(has_room(&mut room));
        drop(room);
        inbox.close();
        assert_eq!(inbox.offer(&frame), Offer::Gone);
    }

    #[tokio::test]
    async fn batches_that_come_together_stay_apart() {
        let inbox = Inbox::default();
        let frames = ["a\n", "bb\n"].map(|text| Bytes::from_static(text.as_bytes()));
        assert_eq!(inbox.offer(&SharedFrames::together(frames.iter().cloned())), Offer::Taken);
        assert_eq!([inbox.next().await, inbox.next().await], frames);
    }
}
