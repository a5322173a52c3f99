use std::collections::VecDeque;
use std::pin::Pin;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::bus::{Batch, Content, Delivery, Form, GapNotice, Offer, Spec, Subscriber};
use crate::event::Position;

/// What waits for one trigger at most, in items and in bytes of messages (and what came together with the last). The
/// rest waits in the log.
const ITEMS: usize = 8;
const BYTES: usize = 1 << 20;

/// What a trigger's subscription brings, until it is delivered.
#[derive(Default)]
pub(super) struct Inbox {
    waiting: Mutex<Queue>,
    filled: Notify,
    room: Notify,
}

/// One thing that a trigger has to do.
#[derive(Debug)]
pub(super) enum Item {
    /// Deliver these events.
    Batch(Batch),
    /// Nothing matched up to here.
    Position(Position),
    /// Events are missing.
    Gap(GapNotice),
    /// Its filter searches more than may be; everything up to here was brought, and nothing follows.
    Stopped(Position),
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Self::Batch(batch) => batch.weight,
            Self::Position(_) | Self::Gap(_) | Self::Stopped(_) => 0,
        }
    }
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    closed: bool,
}

impl Queue {
    fn is_full(&self, share: usize) -> bool {
        !self.closed && (self.items.len() >= ITEMS / share || self.bytes >= BYTES / share)
    }

    fn push(&mut self, item: Item) {
        self.bytes += item.bytes();
        self.items.push_back(item);
    }
}

impl Inbox {
    /// The next item.
    pub(super) async fn next(&self) -> Item {
        loop {
            let next = {
                let mut waiting = self.waiting.lock();
                let next = waiting.items.pop_front();
                waiting.bytes -= next.as_ref().map_or(0, Item::bytes);
                if !waiting.is_full(2) {
                    self.room.notify_waiters();
                }
                next
            };
            match next {
                Some(item) => return item,
                None => self.filled.notified().await,
            }
        }
    }

    /// Takes no more.
    pub(super) fn close(&self) {
        self.waiting.lock().closed = true;
        self.room.notify_waiters();
    }
}

impl Subscriber for Inbox {
    fn offer(&self, delivery: &Delivery, _: Form) -> Offer {
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return Offer::Gone;
        }
        if waiting.is_full(1) {
            return Offer::Full;
        }
        match &delivery.content {
            // Batches that came together are delivered one by one.
            Content::Batches(batches) => {
                for batch in batches {
                    waiting.push(Item::Batch(batch.clone()));
                }
            }
            Content::Position(position) => waiting.push(Item::Position(*position)),
            Content::Gap(gap) => waiting.push(Item::Gap(*gap)),
        }
        drop(waiting);
        self.filled.notify_one();
        Offer::Taken
    }

    fn stopped(&self, _: &Spec, position: Position) {
        self.waiting.lock().push(Item::Stopped(position));
        self.filled.notify_one();
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
        Box::pin(async {
            loop {
                let room = self.room.notified();
                {
                    let waiting = self.waiting.lock();
                    if !waiting.is_full(2) {
                        return BYTES.saturating_sub(waiting.bytes);
                    }
                }
                room.await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(inbox: &Inbox, content: Content) -> Offer {
        inbox.offer(&Delivery::sample(content), Form::VALUES)
    }

    fn position(offset: u64) -> Position {
        Position { epoch: 1, offset }
    }

    #[tokio::test]
    async fn it_is_bounded_and_says_when_there_is_room() {
        let inbox = Inbox::default();
        for _ in 0..ITEMS {
            assert_eq!(offer(&inbox, Content::Position(position(1))), Offer::Taken);
        }
        assert_eq!(offer(&inbox, Content::Position(position(1))), Offer::Full);
        let mut room = inbox.room();
        let has_room = |room: &mut Pin<Box<dyn Future<Output = usize> + Send + '_>>| {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            room.as_mut().poll(&mut context).is_ready()
        };
        for left in (0..ITEMS).rev() {
            assert!(!has_room(&mut room), "{left}");
            inbox.next().await;
            if left < ITEMS / 2 {
                break;
            }
        }
        assert!(has_room(&mut room));
        drop(room);
        inbox.close();
        assert_eq!(offer(&inbox, Content::Position(position(1))), Offer::Gone);
    }

    #[tokio::test]
    async fn batches_that_come_together_stay_apart_and_count_by_their_weight() {
        let inbox = Inbox::default();
        let batch = |weight| Batch { items: Vec::new(), weight, opened: std::time::Instant::now() };
        assert_eq!(offer(&inbox, Content::Batches(vec![batch(7), batch(BYTES)])), Offer::Taken);
        assert_eq!(offer(&inbox, Content::Position(position(1))), Offer::Full);
        for weight in [7, BYTES] {
            assert!(matches!(inbox.next().await, Item::Batch(batch) if batch.weight == weight));
        }
        assert_eq!(offer(&inbox, Content::Position(position(1))), Offer::Taken);
    }
}
