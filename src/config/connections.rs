use super::quantity::{Size, Span};
use super::section::Section;
use crate::delivery::connection::ConnectionLimits;
use crate::limits::Rate;
use crate::protocol::HEARTBEATS;

/// More connections than any machine has.
const MOST: usize = 10_000_000;

/// What clients that are silent for a minute give up, as this program's own do, has to be sent before.
const LONGEST_PING: Span = Span::seconds(50);

/// `[connections]`
#[derive(Clone, Debug)]
pub(crate) struct ConnectionsConfig {
    /// In all.
    pub(crate) total: usize,
    /// From one address.
    per_address: usize,
    /// Without a credential yet.
    pub(crate) unproven: usize,
    /// The same from one address.
    pub(crate) unproven_per_address: usize,
    /// From one address.
    handshakes: Rate,
    /// Bytes of a client's message.
    message: Size,
    /// Of one client.
    commands: Rate,
    /// Pings, pongs and closes of one client.
    control: Rate,
    /// Frames of a client's message.
    fragments: u32,
    /// On one connection.
    subscriptions: usize,
    /// Bytes that wait.
    outbox: Size,
    /// Bytes that wait for all together.
    pub(super) outboxes: Size,
    /// Frames that wait.
    outbox_frames: usize,
    /// Without a byte taken.
    write_stall: Span,
    /// Between pings.
    ping: Span,
    /// For an answer.
    pong: Span,
    /// Of silence, until a position is sent.
    heartbeat: Span,
    /// Of a connection.
    lifetime: Span,
    /// Whether to compress.
    compression: bool,
}

impl ConnectionsConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let second = Span::seconds(1);
        let connections = Self {
            total: section.within("total", 1..=MOST),
            per_address: section.within("per_address", 1..=MOST),
            unproven: section.within("unproven", 1..=MOST),
            unproven_per_address: section.within("unproven_per_address", 1..=MOST),
            handshakes: section.rate("handshakes_per_second", "handshakes_burst"),
            message: section.within("message", Size::kib(1)..=Size::mib(64)),
            commands: section.rate("commands_per_second", "commands_burst"),
            control: section.rate("control_frames_per_second", "control_frames_burst"),
            fragments: section.within("fragments", 1..=1_000_000_000),
            subscriptions: section.within("subscriptions", 1..=128),
            outbox: section.within("outbox", Size::kib(1)..=Size::gib(1)),
            outboxes: section.within("outboxes", Size::kib(1)..=Size::MEMORY),
            outbox_frames: section.within("outbox_frames", 1..=1_000_000),
            write_stall: section.within("write_stall", second..=Span::HOUR),
            ping: section.within("ping", second..=LONGEST_PING),
            pong: section.within("pong", second..=Span::HOUR),
            heartbeat: section.within("heartbeat", Span(*HEARTBEATS.start())..=Span(*HEARTBEATS.end())),
            lifetime: section.within("lifetime", second..=Span::CENTURY),
            compression: section.switch("compression"),
        };
        let Self { outbox, outboxes, .. } = &connections;
        if outbox > outboxes {
            let key = if section.has("outboxes") { "outboxes" } else { "outbox" };
            section.note(
                key,
                format_args!(
                    "connections.outboxes ({outboxes}) must be at least connections.outbox ({outbox})"
                ),
            );
        }
        connections
    }

    pub(crate) fn limits(&self) -> ConnectionLimits {
        ConnectionLimits {
            total: self.total,
            per_address: self.per_address,
            handshakes: self.handshakes,
            message: self.message.bytes(),
            commands: self.commands,
            control: self.control,
            fragments: self.fragments,
            subscriptions: self.subscriptions,
            outbox_bytes: self.outbox.bytes(),
            outboxes: self.outboxes.bytes(),
            outbox_frames: self.outbox_frames,
            write_stall: self.write_stall.0,
            ping: self.ping.0,
            pong: self.pong.0,
            heartbeat: self.heartbeat.0,
            lifetime: self.lifetime.0,
            compression: self.compression,
        }
    }
}
