use bytes::{BufMut, Bytes, BytesMut};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::Close;

/// `payload` as one whole text frame. A server's frames carry no mask, so these bytes are the same
/// for every connection and are made once for all of them.
pub(crate) fn text_frame(payload: Bytes) -> Bytes {
    encode(Frame::message(payload, OpCode::Data(Data::Text), true))
}

/// A ping without payload.
pub(crate) fn ping_frame() -> Bytes {
    encode(Frame::ping(Bytes::new()))
}

/// The frame that ends a connection.
pub(crate) fn close_frame(close: Close) -> Bytes {
    encode(Frame::close(Some(close.into())))
}

fn encode(frame: Frame) -> Bytes {
    let mut out = BytesMut::with_capacity(frame.len()).writer();
    // Writing to memory can't fail, and no server frame is refused.
    let _ = frame.format(&mut out);
    out.into_inner().freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_the_header_of_rfc_6455() {
        assert_eq!(&text_frame(Bytes::from_static(b"hi"))[..], b"\x81\x02hi");
        let long = text_frame(vec![b'x'; 70_000].into());
        assert_eq!(&long[..10], &[0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
        assert_eq!(&ping_frame()[..], &[0x89, 0]);
        assert_eq!(&close_frame(Close::SlowConsumer)[..4], &[0x88, 15, 0x0f, 0xa1]);
    }
}
