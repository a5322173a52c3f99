//! WebSocket frames (RFC 6455, 5.2) as a client reads and writes them. Reading copies nothing and allocates nothing.
//!
//! A header is read here and not by a library, because it is read for every delivery: tungstenite's parser takes two
//! to three times as long, which the figures of a fast server would show. A test holds the two against each other.

use anyhow::bail;

/// What a frame is, as far as a subscriber cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole text message.
    Text,
    /// A whole binary message, which a Tagcast server never sends.
    Binary,
    /// The server asks for a pong with the same payload.
    Ping,
    /// The answer to a ping of ours.
    Pong,
    /// The end, with a code and a reason.
    Close,
}

/// One frame at the start of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it is.
    pub kind: Kind,
    /// What it carries.
    pub payload: &'a [u8],
    /// Bytes of header and payload.
    pub length: usize,
}

/// Reads the frame at the start of `bytes`; `None` as long as it is not whole.
///
/// # Errors
///
/// If it is one that no server sends here: a fragment, masked, or with extension bits.
#[inline]
pub fn read_frame(bytes: &[u8]) -> anyhow::Result<Option<Frame<'_>>> {
    let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
    let kind = match first {
        0x81 => Kind::Text,
        0x82 => Kind::Binary,
        0x88 => Kind::Close,
        0x89 => Kind::Ping,
        0x8A => Kind::Pong,
        _ => bail!("a frame with {first:#04x}"),
    };
    let (header, length) = match second {
        0..=125 => (2, usize::from(second)),
        126 => match rest.first_chunk() {
            Some(&length) => (4, usize::from(u16::from_be_bytes(length))),
            None => return Ok(None),
        },
        127 => match rest.first_chunk() {
            // A length beyond the address space can't become whole.
            Some(&length) => (10, usize::try_from(u64::from_be_bytes(length)).unwrap_or(usize::MAX)),
            None => return Ok(None),
        },
        _ => bail!("a frame with a length of {second:#04x}"),
    };
    let Some(end) = length.checked_add(header) else { return Ok(None) };
    Ok(bytes.get(header..end).map(|payload| Frame { kind, payload, length: end }))
}

/// A pong that carries `payload`, of which control frames take 125 bytes.
pub fn pong(payload: &[u8]) -> Vec<u8> {
    client_frame(0x8A, &payload[..payload.len().min(125)])
}

/// A close with code 1000.
pub fn close() -> Vec<u8> {
    client_frame(0x88, &1000u16.to_be_bytes())
}

/// A frame of a client, masked with a key of zeros: no proxy stands between that it could protect. `first`: 0x81
/// text, 0x82 binary.
pub fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + 14);
    header(first, 0x80, payload.len(), &mut frame);
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

/// Appends the header of a server's text frame of `length` bytes to `out`.
pub fn text_header(length: usize, out: &mut Vec<u8>) {
    header(0x81, 0, length, out);
}

/// `masked`: 128 or nothing.
fn header(first: u8, masked: u8, length: usize, out: &mut Vec<u8>) {
    out.push(first);
    if let Ok(short) = u8::try_from(length)
        && short <= 125
    {
        out.push(masked + short);
    } else if let Ok(middle) = u16::try_from(length) {
        out.push(masked + 126);
        out.extend_from_slice(&middle.to_be_bytes());
    } else {
        out.push(masked + 127);
        out.extend_from_slice(&(length as u64).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;
    use tungstenite::protocol::frame::FrameHeader;
    use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

    use super::*;

    #[test]
    fn control_frames() {
        let ping = read_frame(b"\x89\x02hi").unwrap().unwrap();
        assert_eq!((ping.kind, ping.payload, ping.length), (Kind::Ping, &b"hi"[..], 4));
        assert_eq!(pong(b"hi"), b"\x8A\x82\0\0\0\0hi");
        assert_eq!(close(), b"\x88\x82\0\0\0\0\x03\xE8");
        let data = client_frame(0x82, &[7; 126]);
        assert_eq!(data[..8], [0x82, 0xFE, 0, 126, 0, 0, 0, 0]);
    }

    /// What tungstenite makes of the bytes; an error also where it is a frame that no server sends here.
    fn reference(bytes: &[u8]) -> anyhow::Result<Option<(OpCode, usize)>> {
        let mut cursor = Cursor::new(bytes);
        let Some((header, length)) = FrameHeader::parse(&mut cursor)? else { return Ok(None) };
        let FrameHeader { is_final, rsv1, rsv2, rsv3, opcode, mask } = header;
        let is_plain = is_final && !(rsv1 || rsv2 || rsv3) && mask.is_none();
        let end = usize::try_from(cursor.position().saturating_add(length)).unwrap();
        anyhow::ensure!(is_plain && opcode != OpCode::Data(Data::Continue));
        Ok((end <= bytes.len()).then_some((opcode, end)))
    }

    proptest! {
        #[test]
        fn reads_what_tungstenite_reads(
            first in any::<u8>(), second in prop_oneof![0u8..=130, any::<u8>()],
            rest in prop::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 12..300),
        ) {
            let bytes = [&[first, second], &rest[..]].concat();
            let read = read_frame(&bytes).ok().map(|frame| {
                frame.map(|frame| {
                    let opcode = match frame.kind {
                        Kind::Text => OpCode::Data(Data::Text),
                        Kind::Binary => OpCode::Data(Data::Binary),
                        Kind::Ping => OpCode::Control(Control::Ping),
                        Kind::Pong => OpCode::Control(Control::Pong),
                        Kind::Close => OpCode::Control(Control::Close),
                    };
                    (opcode, frame.length)
                })
            });
            prop_assert_eq!(read, reference(&bytes).ok());
        }

        #[test]
        fn frames_cut_anywhere_are_read_one_by_one(
            lengths in prop::collection::vec(prop_oneof![0usize..130, 65_530usize..65_540, 0usize..3_000], 1..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = Vec::new();
            for (i, &length) in lengths.iter().enumerate() {
                text_header(length, &mut bytes);
                bytes.extend(std::iter::repeat_n(u8::try_from(i).unwrap(), length));
            }
            let cut = cut.index(bytes.len());
            let mut at = 0;
            let mut read = Vec::new();
            for end in [cut, bytes.len()] {
                while let Some(frame) = read_frame(&bytes[at..end]).unwrap() {
                    prop_assert!(frame.payload.iter().all(|&b| usize::from(b) == read.len()));
                    read.push(frame.payload.len());
                    at += frame.length;
                }
            }
            prop_assert_eq!(read, lengths);
            prop_assert_eq!(at, bytes.len());
        }
    }
}
