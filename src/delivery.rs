//! How batches leave: to a WebSocket connection. Implements what [`crate::bus`] asks of a subscriber.

pub mod connection;
