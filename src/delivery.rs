//! How batches leave: to a connection, WebSocket or HTTP stream. Implements what [`crate::bus`] asks of a subscriber.

pub mod connection;
