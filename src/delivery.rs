//! How batches leave: to a connection, WebSocket or HTTP stream, or to a trigger's target. Implements what
//! [`crate::bus`] asks of a subscriber.

pub(crate) mod connection;

pub(crate) mod trigger;

mod feeds;

pub(crate) use feeds::renew_feeds;

use crate::bus::Spec;
use crate::protocol::Batching;
use crate::window::Bounds;

/// The bounds of a window whose batches keep to `batching` on the wire.
fn window(batching: Batching, id: Option<&str>) -> Bounds {
    Bounds { count: batching.size, weight: batching.weight(id), age: batching.cutoff }
}

/// What was asked for, of a window whose bounds were made of it.
fn batching(Spec { window, id, .. }: &Spec) -> Batching {
    let bytes = Batching::bytes_of(window.weight, id.as_deref());
    Batching { size: window.count, cutoff: window.age, bytes }
}
