//! How batches leave: to a connection, WebSocket or HTTP stream, or to a trigger's target. Implements what
//! [`crate::bus`] asks of a subscriber.

pub(crate) mod connection;

pub(crate) mod trigger;
