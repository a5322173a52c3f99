use std::sync::OnceLock;

use bytes::{Bytes, BytesMut};

use super::deflate::deflate_frame;

/// Whole frames in one run of bytes, which many are sent; and the same compressed, which is made when it is first asked
/// for.
#[derive(Debug)]
pub(crate) struct SharedFrames {
    plain: Bytes,
    /// The length of each frame; nothing where there is one.
    lengths: Vec<usize>,
    /// `None` if compressing is not worth it.
    deflated: OnceLock<Option<Bytes>>,
}

impl From<Bytes> for SharedFrames {
    fn from(plain: Bytes) -> Self {
        Self { plain, lengths: Vec::new(), deflated: OnceLock::new() }
    }
}

impl SharedFrames {
    /// Frames one behind the other, to be sent in one write.
    pub(crate) fn together(frames: impl Iterator<Item = Bytes>) -> Self {
        let mut frames = frames.peekable();
        let first = frames.next().unwrap_or_default();
        if frames.peek().is_none() {
            return first.into();
        }
        let frames: Vec<_> = std::iter::once(first).chain(frames).collect();
        let lengths: Vec<_> = frames.iter().map(Bytes::len).collect();
        let mut plain = BytesMut::with_capacity(lengths.iter().sum());
        for frame in &frames {
            plain.extend_from_slice(frame);
        }
        Self { plain: plain.freeze(), lengths, deflated: OnceLock::new() }
    }

    /// How many.
    pub(crate) fn count(&self) -> u64 {
        self.lengths.len().max(1) as u64
    }

    /// One by one.
    pub(crate) fn each(&self) -> impl Iterator<Item = Bytes> {
        let mut rest = self.plain.clone();
        let frames = 0..self.lengths.len().max(1);
        frames.map(move |frame| rest.split_to(self.lengths.get(frame).map_or(rest.len(), |length| *length)))
    }

    /// For those who take no compressed frame.
    pub(crate) const fn plain(&self) -> &Bytes {
        &self.plain
    }

    /// For those of `permessage-deflate`; short frames stay as they are. `made` is called for each that was
    /// compressed just now.
    pub(crate) fn deflated(&self, made: impl Fn()) -> &Bytes {
        let deflated = self.deflated.get_or_init(|| self.deflate(made));
        deflated.as_ref().unwrap_or(&self.plain)
    }

    fn deflate(&self, made: impl Fn()) -> Option<Bytes> {
        if self.lengths.is_empty() {
            return deflate_frame(&self.plain).inspect(|_| made());
        }
        let mut all = BytesMut::with_capacity(self.plain.len() / 2);
        for frame in self.each() {
            let deflated = deflate_frame(&frame).inspect(|_| made());
            all.extend_from_slice(deflated.as_ref().unwrap_or(&frame));
        }
        Some(all.freeze())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::protocol::text_frame;

    #[test]
    fn is_compressed_once_and_only_where_that_helps() {
        let made = Cell::new(0);
        let count = || made.set(made.get() + 1);
        let long = SharedFrames::from(text_frame("long".repeat(1_000).into()));
        assert_eq!(made.get(), 0);
        let first = long.deflated(count).as_ptr();
        assert_eq!(long.deflated(count).as_ptr(), first);
        assert_eq!(made.get(), 1);
        assert!(long.deflated(count).len() < 100 && long.plain().len() > 4_000);
        let short = SharedFrames::from(text_frame("short".into()));
        assert_eq!(short.deflated(count), short.plain());
        assert_eq!(made.get(), 1);
    }

    #[test]
    fn several_are_compressed_one_by_one() {
        let frame = |text: &str, times| text_frame(text.repeat(times).into());
        let frames = [frame("a", 10), frame("b", 1_000), frame("c", 300)];
        let together = SharedFrames::together(frames.iter().cloned());
        assert_eq!((together.count(), together.plain()[..] == frames.concat()), (3, true));
        assert!(together.each().eq(frames.iter().cloned()));
        let made = Cell::new(0);
        let one_by_one = frames.iter().map(|frame| SharedFrames::from(frame.clone()));
        let expected: Vec<_> = one_by_one.map(|one| one.deflated(|| ()).clone()).collect();
        assert_eq!(together.deflated(|| made.set(made.get() + 1))[..], expected.concat());
        assert_eq!(made.get(), 2);
        let one = SharedFrames::together(std::iter::once(frames[0].clone()));
        assert_eq!((one.count(), one.each().next()), (1, Some(frames[0].clone())));
    }
}
