//! One client, at a WebSocket or an HTTP answer that goes on: its commands, its bounded outbox, its heartbeat, its end.
//!
//! A batch goes from the bus straight to the socket; only what the socket does
//! not take waits in the outbox. Reading, and answering control frames, is
//! tungstenite's; it writes through the same outbox, so frames never mix.
//!
//! Each WebSocket runs as one task, started where it was upgraded. An HTTP stream
//! has none: the server asks for its next piece; leaving is a short task. The table's
//! sweep, one task, watches heartbeats and stalls and ends when the table closes.

mod client;
mod conduct;
mod connections;
#[cfg(feature = "echo")]
mod echo;
mod encoding;
mod frame_memory;
mod frames;
mod heartbeat;
mod intake;
mod limits;
mod outbox;
mod plan;
mod reader;
mod report;
mod roster;
mod serve;
mod socket;
mod stream;

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use serde_json::json;
use tokio::sync::{Notify, Semaphore};

use crate::auth::Principal;
use crate::bus::{Delivery, Form, Offer, Spec, Subscriber, Subscription};
use crate::event::{Position, Timestamp};
use crate::protocol::{Close, Code, ErrorBody, Format, Framing, Recovery, ServerMessage};
use crate::transport::PeerAddress;
use crate::trigger::Feed;

pub(crate) use connections::{Connections, Refusal, Ticket};
#[cfg(feature = "echo")]
pub(crate) use echo::echo;
pub(crate) use frames::FrameWire;
pub(crate) use limits::ConnectionLimits;
pub(crate) use plan::{Plan, start_error};
pub(crate) use reader::{Reader, filter_error};
pub(crate) use roster::Which;
pub(crate) use serve::{Arrival, serve};
pub(crate) use stream::{StreamArrival, stream};

use connections::Place;
use encoding::Encoding;
use frame_memory::SharedFrame;
use frames::Frames;
use outbox::Outbox;

/// What a client is told whose filter searches too much.
const FILTER_STOPPED: &str = "the subscription ended: its filter, with others of this reader's, searches more of each event \
                              than may be; make it simpler, or name a repository";

/// Who is at the other end, and how it is spoken to.
struct Peer {
    address: PeerAddress,
    /// Whose token it showed.
    principal: Option<Arc<Principal>>,
    framing: Framing,
    /// Whether it takes compressed frames.
    deflate: bool,
    /// The feed that it listens to.
    feed: Option<Arc<Feed>>,
    /// It is told where it stands after so long without a message.
    heartbeat: Option<Duration>,
    /// Ends the TCP connection under an HTTP stream, which may be stuck in a write.
    cut: Option<Arc<Notify>>,
}

/// One open connection.
struct Connection {
    id: u64,
    all: Weak<Connections>,
    outbox: Outbox,
    peer: Peer,
    since: Timestamp,
    /// Frames and bytes that the bus handed to it.
    sent: (AtomicU64, AtomicU64),
    /// What its client asked for. They hold the connection too: whoever ends it takes them out.
    subscriptions: Mutex<Vec<Arc<Subscription>>>,
    /// One of them reads the past at a time.
    replays: Semaphore,
    /// Of those that its address may have; none where the address does not count.
    place: Option<Arc<Place>>,
    /// Milliseconds after it was opened: when it is to end, when the peer was last heard, and when it was last pinged.
    end: u64,
    heard: AtomicU64,
    pinged: AtomicU64,
}

impl Connection {
    fn new(
        id: u64,
        all: &Arc<Connections>,
        outbox: Outbox,
        peer: Peer,
        place: Option<Arc<Place>>,
        lifetime: Duration,
    ) -> Self {
        Self {
            id,
            all: Arc::downgrade(all),
            outbox,
            peer,
            since: Timestamp::now(),
            sent: (AtomicU64::new(0), AtomicU64::new(0)),
            subscriptions: Mutex::default(),
            replays: Semaphore::new(1),
            place,
            end: heartbeat::millis(lifetime),
            heard: AtomicU64::new(0),
            pinged: AtomicU64::new(0),
        }
    }

    /// Ends the connection with a reason, once what waits is sent.
    fn close(&self, close: Close) {
        let pause = rand::random_range(close.recovery().pause());
        let framing = self.peer.framing;
        if self.outbox.end(Some(framing.with_retry(&framing.close(close), pause))) {
            self.count(close);
            if let Some(place) = self.place.as_ref().filter(|_| close.is_ours()) {
                place.leave();
                self.note_return(place.address);
            }
        }
    }

    /// Queues what is the first that a stream says: it says as well when to come back, should the stream break.
    fn greet(&self, message: &ServerMessage<'_>) {
        let framing = self.peer.framing;
        if let Some(frame) = framing.message(message) {
            let pause = rand::random_range(Recovery::Soon.pause());
            self.outbox.speak();
            self.outbox.push(framing.with_retry(&frame, pause));
        }
    }

    /// Queues an answer.
    fn answer(&self, message: &ServerMessage<'_>) {
        if let Some(frame) = self.peer.framing.message(message) {
            self.outbox.speak();
            self.outbox.push(frame);
        }
    }

    /// Its subscriptions.
    fn subscriptions(&self) -> MutexGuard<'_, Vec<Arc<Subscription>>> {
        self.subscriptions.lock()
    }

    /// Whoever was sent away may come back.
    fn note_return(&self, address: IpAddr) {
        if let Some(all) = self.all.upgrade() {
            all.note_return(address);
        }
    }

    fn count(&self, close: Close) {
        if let Some(all) = self.all.upgrade() {
            all.count(close);
        }
    }

    /// How a subscription of its client becomes bytes.
    fn encoding(&self, format: Format) -> Encoding {
        Encoding { framing: self.peer.framing, format, deflate: self.peer.deflate }
    }

    /// Frames as this client takes them.
    fn shared<'a>(&self, frames: &'a Frames) -> &'a SharedFrame {
        if !self.peer.deflate {
            return frames.plain();
        }
        frames.deflated(|| {
            if let Some(all) = self.all.upgrade() {
                all.count_deflated();
            }
        })
    }

    /// Sends or queues frames, if there is room for them.
    fn send(&self, frames: &Frames) -> Offer {
        let frame = self.shared(frames);
        let offer = self.outbox.offer(frame);
        if offer == Offer::Taken {
            self.sent.0.fetch_add(frames.count(), Ordering::Relaxed);
            self.sent.1.fetch_add(frame.bytes().len() as u64, Ordering::Relaxed);
        }
        offer
    }

    /// Takes it out of the open ones.
    fn leave(&self) {
        if let Some(all) = self.all.upgrade() {
            all.forget(self);
        }
    }
}

impl Subscriber for Connection {
    fn offer(&self, delivery: &Delivery, form: Form) -> Offer {
        self.send(frames::frames(delivery, Encoding::of(form)))
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
        Box::pin(self.outbox.replay_room())
    }

    fn turns(&self) -> Option<&Semaphore> {
        Some(&self.replays)
    }

    fn stopped(&self, spec: &Spec, position: Position) {
        let error = ErrorBody {
            details: json!({"position": position.to_string()}),
            ..ErrorBody::new(Code::FilterStopped, FILTER_STOPPED)
        };
        self.answer(&ServerMessage::Error { error, id: spec.id.as_deref() });
        self.over();
    }

    fn over(&self) {
        // An answer over HTTP is of one subscription. On a WebSocket another may be asked for.
        if self.peer.framing != Framing::WebSocket {
            self.outbox.end(None);
        }
    }
}
