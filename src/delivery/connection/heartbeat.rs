use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Connection, ConnectionLimits};
use crate::bus::Subscription;
use crate::protocol::{Close, Framing};

impl Connection {
    /// Notes that the peer sent something.
    pub(super) fn hear(&self) {
        self.heard.store(self.age(), Ordering::Relaxed);
    }

    /// Milliseconds since it was opened.
    pub(super) fn age(&self) -> u64 {
        millis(self.outbox.started.elapsed())
    }

    /// The newest of its subscriptions, if its client is to be told now where that stands: it was sent no message for
    /// long.
    pub(super) fn reminder(&self) -> Option<Arc<Subscription>> {
        let heartbeat = self.peer.heartbeat?;
        if self.outbox.silence() < spread(heartbeat, self.id) {
            return None;
        }
        self.subscriptions().iter().rev().find(|subscription| !subscription.ended()).cloned()
    }

    /// Ends the connection at once: what waits is dropped.
    pub(super) fn cut(&self) {
        self.outbox.abort();
        if let Some(cut) = &self.peer.cut {
            cut.notify_one();
        }
    }

    /// Pings a silent peer, and ends a connection whose peer is gone, stuck, or has been here long.
    pub(super) fn check(&self, limits: &ConnectionLimits) {
        let age = Duration::from_millis(self.age());
        let heard = Duration::from_millis(self.heard.load(Ordering::Relaxed));
        let pinged = Duration::from_millis(self.pinged.load(Ordering::Relaxed));
        if self.outbox.stalled().0 > limits.write_stall {
            // A closing frame would wait behind all the rest: it is cut off.
            self.count(Close::SlowConsumer);
            self.cut();
        } else if pinged > heard && age > pinged + limits.pong {
            self.close(Close::PongTimeout);
        } else if self.age() > self.end {
            self.close(Close::MaxLifetime);
        } else if self.peer.framing != Framing::WebSocket {
            // Nobody answers to it; it is there to be sent.
            if self.outbox.quiet() >= limits.ping {
                self.outbox.push(self.peer.framing.heartbeat());
            }
        } else if pinged <= heard && age >= heard + limits.ping {
            // Never while an answer is awaited: that would begin its time anew.
            self.pinged.store(self.age(), Ordering::Relaxed);
            self.outbox.push(self.peer.framing.heartbeat());
        }
    }
}

/// Up to a fifth sooner, so that those who were sent the same do not all come at once.
fn spread(heartbeat: Duration, id: u64) -> Duration {
    let part = u32::try_from(id % 64).unwrap_or(0);
    heartbeat / 320 * (320 - part)
}

/// A duration in milliseconds, as the times of a connection are kept.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeats_are_spread_over_connections_and_never_late() {
        let heartbeat = Duration::from_secs(15);
        let mut pauses: Vec<_> = (0..64).map(|id| spread(heartbeat, id)).collect();
        assert!(pauses.iter().all(|pause| (Duration::from_secs(12)..=heartbeat).contains(pause)));
        pauses.dedup();
        assert_eq!(pauses.len(), 64);
    }
}
