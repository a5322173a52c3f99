use std::sync::OnceLock;

use bytes::Bytes;

use super::deflate::deflate_frame;

/// What all readers of a group are sent: one run of bytes, and one that is compressed, which is made when the first
/// reader that takes it is there.
#[derive(Debug)]
pub struct SharedFrame {
    plain: Bytes,
    /// `None` if compressing it is not worth it.
    deflated: OnceLock<Option<Bytes>>,
}

impl From<Bytes> for SharedFrame {
    fn from(plain: Bytes) -> Self {
        Self { plain, deflated: OnceLock::new() }
    }
}

impl SharedFrame {
    /// For those who take no compressed frame.
    pub const fn plain(&self) -> &Bytes {
        &self.plain
    }

    /// For those of `permessage-deflate`; short frames stay as they are. `made` is called if it was compressed
    /// just now.
    pub fn deflated(&self, made: impl FnOnce()) -> &Bytes {
        let deflated = self.deflated.get_or_init(|| deflate_frame(&self.plain).inspect(|_| made()));
        deflated.as_ref().unwrap_or(&self.plain)
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
        let long = SharedFrame::from(text_frame("long".repeat(1_000).into()));
        assert_eq!(made.get(), 0);
        let first = long.deflated(count).as_ptr();
        assert_eq!(long.deflated(count).as_ptr(), first);
        assert_eq!(made.get(), 1);
        assert!(long.deflated(count).len() < 100 && long.plain().len() > 4_000);
        let short = SharedFrame::from(text_frame("short".into()));
        assert_eq!(short.deflated(count), short.plain());
        assert_eq!(made.get(), 1);
    }
}
