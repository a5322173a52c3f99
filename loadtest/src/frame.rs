//! WebSocket frames (RFC 6455, 5.2) as a client reads and writes them. No allocation, no copy.

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

/// Bytes that no server sends here: fragments, masked frames, or with extension bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unexpected(pub u8);

/// Reads the frame at the start of `bytes`; `None` as long as it is not whole.
///
/// # Errors
///
/// [`Unexpected`], with the byte that is wrong.
#[inline]
pub fn read_frame(bytes: &[u8]) -> Result<Option<Frame<'_>>, Unexpected> {
    let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
    let kind = match first {
        0x81 => Kind::Text,
        0x82 => Kind::Binary,
        0x88 => Kind::Close,
        0x89 => Kind::Ping,
        0x8A => Kind::Pong,
        _ => return Err(Unexpected(first)),
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
        _ => return Err(Unexpected(second)),
    };
    let Some(end) = length.checked_add(header) else { return Ok(None) };
    Ok(bytes.get(header..end).map(|payload| Frame { kind, payload, length: end }))
}

/// A pong that carries `payload`, masked with a key of zeros: no proxy stands between that it could protect.
pub fn pong(payload: &[u8]) -> Vec<u8> {
    client_frame(0x8A, payload)
}

/// A close with code 1000.
pub fn close() -> Vec<u8> {
    client_frame(0x88, &1000u16.to_be_bytes())
}

fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    // Control frames carry 125 bytes at most.
    let payload = &payload[..payload.len().min(125)];
    let mut frame = Vec::with_capacity(payload.len() + 6);
    client_data(first, payload, &mut frame);
    frame
}

/// Appends a frame of a client to `out`, with a key of zeros too. `first`: 0x81 text, 0x82 binary.
pub fn client_data(first: u8, payload: &[u8], out: &mut Vec<u8>) {
    header(first, 0x80, payload.len(), out);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_frames() {
        let ping = read_frame(b"\x89\x02hi").unwrap().unwrap();
        assert_eq!((ping.kind, ping.payload, ping.length), (Kind::Ping, &b"hi"[..], 4));
        assert_eq!(pong(b"hi"), b"\x8A\x82\0\0\0\0hi");
        assert_eq!(close(), b"\x88\x82\0\0\0\0\x03\xE8");
        let mut data = Vec::new();
        client_data(0x82, &[7; 126], &mut data);
        assert_eq!(data[..8], [0x82, 0xFE, 0, 126, 0, 0, 0, 0]);
    }

    #[test]
    fn what_a_server_never_sends() {
        for (wrong, byte) in
            [(&b"\x02\x00"[..], 0x02), (b"\x01\x00", 0x01), (b"\x81\x80", 0x80), (b"\xC1\x00", 0xC1)]
        {
            assert_eq!(read_frame(wrong), Err(Unexpected(byte)));
        }
    }

    proptest! {
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
