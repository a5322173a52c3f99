use std::time::Duration;

use crate::limits::Rate;

/// Bounds of connections; `docs/limits.md` says what happens at each.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionLimits {
    /// Connections in all.
    pub total: usize,
    /// Connections from one address; loopback, where a proxy may stand, is not counted.
    pub per_address: usize,
    /// Handshakes from one address; loopback is not counted.
    pub handshakes: Rate,
    /// Bytes of one client message.
    pub message: usize,
    /// Commands of one client.
    pub commands: Rate,
    /// Pings, pongs and closes of one client.
    pub control: Rate,
    /// Frames that one message of a client may come in.
    pub fragments: u32,
    /// Subscriptions of one connection.
    pub subscriptions: usize,
    /// Bytes that wait for a slow client before its subscriptions pause.
    pub outbox_bytes: usize,
    /// Bytes that wait for all clients together; towards it, those for whom most waits pause first.
    pub outboxes: usize,
    /// Frames that wait for a slow client before its subscriptions pause.
    pub outbox_frames: usize,
    /// A client that takes no byte for so long is cut off.
    pub write_stall: Duration,
    /// Time between pings.
    pub ping: Duration,
    /// Time for the answer to one.
    pub pong: Duration,
    /// Silence after which a browser's connection, and a stream of server-sent events, is told its position.
    pub heartbeat: Duration,
    /// Whether clients that offer `permessage-deflate` get it.
    pub compression: bool,
    /// Age at which a connection is asked to come back, ±10 %.
    pub lifetime: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        let rate = |per_second, burst| Rate::new(per_second, burst).expect("positive");
        Self {
            total: 20_000,
            per_address: 256,
            handshakes: rate(20, 60),
            message: 16 << 10,
            commands: rate(10, 30),
            control: rate(10, 20),
            fragments: 16,
            subscriptions: 32,
            outbox_bytes: 1 << 20,
            outboxes: 512 << 20,
            outbox_frames: 256,
            write_stall: Duration::from_secs(20),
            ping: Duration::from_secs(25),
            pong: Duration::from_secs(10),
            heartbeat: Duration::from_secs(15),
            compression: false,
            lifetime: Duration::from_hours(24),
        }
    }
}
