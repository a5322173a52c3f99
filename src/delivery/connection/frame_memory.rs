use std::sync::OnceLock;

use bytes::Bytes;

use crate::metrics::Gauge;

/// The bytes that wait for connections, all of them together. A frame counts once, for as long as any of them holds it.
#[derive(Clone, Debug)]
pub(super) struct FrameMemory {
    waiting: Gauge,
    most: usize,
}

/// A bound that is near shows in what one connection may hold: of what is free, one part in so many.
const SHARES: usize = 64;

impl FrameMemory {
    /// Of `most` bytes, which `waiting` counts.
    pub(super) const fn new(most: usize, waiting: Gauge) -> Self {
        Self { waiting, most }
    }

    /// What one connection may hold of `of` bytes: less, the less is free, so that those who hold most pause first.
    pub(super) fn share(&self, of: usize) -> usize {
        let waiting = usize::try_from(self.waiting.get()).unwrap_or(0);
        of.min(self.most.saturating_sub(waiting) / SHARES)
    }

    /// The frame as it waits: it counts until its last copy is gone.
    pub(super) fn keep(&self, frame: Bytes) -> Bytes {
        let bytes = i64::try_from(frame.len()).unwrap_or(i64::MAX);
        self.waiting.inc_by(bytes);
        Bytes::from_owner(Waiting { frame, bytes, waiting: self.waiting.clone() })
    }
}

struct Waiting {
    frame: Bytes,
    bytes: i64,
    waiting: Gauge,
}

impl AsRef<[u8]> for Waiting {
    fn as_ref(&self) -> &[u8] {
        &self.frame
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.waiting.dec_by(self.bytes);
    }
}

/// A frame that many are sent. Those who take it at once cost nothing more; those for whom it waits share one copy.
#[derive(Debug)]
pub(super) struct SharedFrame {
    bytes: Bytes,
    waiting: OnceLock<Bytes>,
}

impl SharedFrame {
    pub(super) const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The same as it waits.
    pub(super) fn waiting(&self, memory: &FrameMemory) -> Bytes {
        self.waiting.get_or_init(|| memory.keep(self.bytes.clone())).clone()
    }
}

impl From<Bytes> for SharedFrame {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, waiting: OnceLock::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_counts_once_while_anyone_holds_it() {
        let waiting = Gauge::default();
        let memory = FrameMemory::new(1_000, waiting.clone());
        let frame = SharedFrame::from(Bytes::from_static(b"frame"));
        let (one, other) = (frame.waiting(&memory), frame.waiting(&memory));
        assert_eq!((waiting.get(), &one[..], &other[..]), (5, &b"frame"[..], &b"frame"[..]));
        drop((frame, one));
        let rest = other.slice(3..);
        drop(other);
        assert_eq!(waiting.get(), 5);
        drop(rest);
        assert_eq!(waiting.get(), 0);
    }

    #[test]
    fn the_less_is_free_the_less_one_may_hold() {
        let waiting = Gauge::default();
        let memory = FrameMemory::new(64 << 10, waiting.clone());
        let share = |held| {
            waiting.set(held);
            memory.share(500)
        };
        let most = 64 << 10;
        assert_eq!([share(0), share(most - 64 * 501), share(most - 64 * 500)], [500; 3]);
        assert_eq!([share(most - 64 * 499), share(most - 64), share(most - 63)], [499, 1, 0]);
        assert_eq!([share(most), share(most + 1)], [0, 0]);
    }
}
