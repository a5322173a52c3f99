//! `permessage-deflate` (RFC 7692) without context takeover: each message stands alone, so one compressed
//! frame is the same for everyone, and no connection keeps a window.

use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::header::parameters;

/// The answer to an offer that says nothing of our window.
const ACCEPTED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
/// And to one that says how large it may be, which the answer must repeat (RFC 7692, 7.1.2.1).
const ACCEPTED_WITH_WINDOW: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                                    server_max_window_bits=15";

/// The bit of a frame's first byte that says that its message is compressed.
const RSV1: u8 = 0x40;
/// Payloads below this are sent as they are.
const WORTH_IT: usize = 256;
/// In place of a frame's length: it stands behind, in so many bytes.
const TWO_BYTES: u8 = 126;
pub(super) const EIGHT_BYTES: u8 = 127;
/// What ends each flushed block, and is left out on the wire.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The answer to what a client offers in `Sec-WebSocket-Extensions`: to the first offer that we can meet, if there is one.
pub(crate) fn accept<'a>(offers: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    offers.into_iter().find_map(answer)
}

/// The answer to one offer. It may have any window of its own, and of ours none that is smaller than deflate's; one with a
/// parameter that is unknown, wrong or there twice is declined (RFC 7692, 7.1).
fn answer(offer: &str) -> Option<&'static str> {
    let (name, parameters) = parameters(offer);
    let mut seen = Vec::new();
    for (parameter, value) in parameters {
        let is_right = match (parameter, value.as_deref()) {
            (
                "server_no_context_takeover" | "client_no_context_takeover" | "client_max_window_bits",
                None,
            )
            | ("server_max_window_bits", Some("15")) => true,
            ("client_max_window_bits", Some(bits)) => {
                matches!(bits, "8" | "9" | "10" | "11" | "12" | "13" | "14" | "15")
            }
            _ => false,
        };
        if !is_right || seen.contains(&parameter) {
            return None;
        }
        seen.push(parameter);
    }
    let answer = if seen.contains(&"server_max_window_bits") { ACCEPTED_WITH_WINDOW } else { ACCEPTED };
    (name == "permessage-deflate").then_some(answer)
}

/// A whole data frame of the server, compressed; `None` where that is not worth it.
pub(crate) fn deflate_frame(frame: &[u8]) -> Option<Bytes> {
    let header = match frame.get(1) {
        Some(&TWO_BYTES) => 4,
        Some(&EIGHT_BYTES) => 10,
        _ => 2,
    };
    let (first, payload) = (frame.first()?, frame.get(header..)?);
    // Control frames are never compressed.
    if payload.len() < WORTH_IT || first & 0x08 != 0 {
        return None;
    }
    let small = deflate(payload).filter(|small| small.len() < payload.len())?;
    let mut out = Vec::with_capacity(small.len() + 10);
    out.push(first | RSV1);
    push_length(&mut out, small.len(), 0);
    out.extend(small);
    Some(out.into())
}

pub(super) fn deflate(payload: &[u8]) -> Option<Vec<u8>> {
    let mut deflate = Compress::new(Compression::default(), false);
    let mut out = Vec::with_capacity(payload.len() / 2 + 64);
    loop {
        let read = usize::try_from(deflate.total_in()).ok()?;
        deflate.compress_vec(&payload[read..], &mut out, FlushCompress::Sync).ok()?;
        // Room that is left over says that all of it came out.
        if out.len() < out.capacity() {
            break;
        }
        out.reserve(out.len() + 64);
    }
    let len = out.len().checked_sub(TAIL.len()).filter(|len| out[*len..] == TAIL)?;
    out.truncate(len);
    Some(out)
}

/// Why a compressed message can't be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadDeflate {
    /// It would be longer than it may.
    TooLong,
    /// Its bytes mean nothing.
    Invalid,
}

/// A client's message, of `max` bytes at most.
///
/// # Errors
///
/// [`BadDeflate`].
pub(crate) fn inflate(payload: &[u8], max: usize) -> Result<Vec<u8>, BadDeflate> {
    let mut inflate = Decompress::new(false);
    let mut out = Vec::with_capacity(max.min(4 * payload.len() + 64));
    for (mut part, is_tail) in [(payload, false), (&TAIL, true)] {
        loop {
            let (had, written) = (inflate.total_in(), out.len());
            let status = inflate.decompress_vec(part, &mut out, FlushDecompress::Sync);
            let status = status.map_err(|_| BadDeflate::Invalid)?;
            if out.len() > max {
                return Err(BadDeflate::TooLong);
            }
            let read = usize::try_from(inflate.total_in() - had).unwrap_or(part.len());
            part = &part[read..];
            if status == Status::StreamEnd {
                // Behind a last block stands at most the empty one that the tail completes.
                let over = is_tail || matches!(part, [] | [0]);
                return if over { Ok(out) } else { Err(BadDeflate::Invalid) };
            }
            if out.len() == out.capacity() {
                out.reserve(out.len().min(max) + 64);
            } else if part.is_empty() {
                break;
            } else if read == 0 && written == out.len() {
                return Err(BadDeflate::Invalid);
            }
        }
    }
    Ok(out)
}

/// The length of a payload as a frame's header has it, with `mask` as the high bit's value.
pub(super) fn push_length(out: &mut Vec<u8>, length: usize, mask: u8) {
    if let Ok(short @ 0..126) = u8::try_from(length) {
        out.push(mask | short);
    } else if let Ok(middle) = u16::try_from(length) {
        out.push(mask | TWO_BYTES);
        out.extend(middle.to_be_bytes());
    } else {
        out.push(mask | EIGHT_BYTES);
        out.extend((length as u64).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::header::list;
    use crate::protocol::text_frame;

    #[test]
    fn the_first_offer_that_can_be_met_is_answered() {
        for (offers, answer) in [
            ("permessage-deflate", Some(ACCEPTED)),
            ("permessage-deflate; client_max_window_bits", Some(ACCEPTED)),
            (
                "permessage-deflate; server_max_window_bits=15; client_max_window_bits=9",
                Some(ACCEPTED_WITH_WINDOW),
            ),
            ("permessage-deflate; server_max_window_bits=\"15\"", Some(ACCEPTED_WITH_WINDOW)),
            ("permessage-deflate; client_max_window_bits = \"8\"", Some(ACCEPTED)),
            ("x-other, permessage-deflate; server_no_context_takeover", Some(ACCEPTED)),
            ("x-other; a=\"permessage-deflate, b\"", None),
            ("permessage-deflate; server_max_window_bits=10, permessage-deflate", Some(ACCEPTED)),
            ("permessage-deflate, permessage-deflate; server_max_window_bits=15", Some(ACCEPTED)),
            ("permessage-deflate; server_max_window_bits=15, permessage-deflate", Some(ACCEPTED_WITH_WINDOW)),
            ("", None),
            ("permessage-bzip2", None),
            ("permessage-deflate; server_max_window_bits=10", None),
            ("permessage-deflate; server_max_window_bits", None),
            ("permessage-deflate; server_max_window_bits=015", None),
            ("permessage-deflate; unknown", None),
            ("permessage-deflate; client_max_window_bits=16", None),
            ("permessage-deflate; client_max_window_bits=7", None),
            ("permessage-deflate; client_max_window_bits=08", None),
            ("permessage-deflate; client_max_window_bits=", None),
            ("permessage-deflate; client_no_context_takeover=1", None),
            ("permessage-deflate; server_no_context_takeover=\"\"", None),
            ("permessage-deflate; client_max_window_bits; client_max_window_bits", None),
            ("permessage-deflate; client_max_window_bits=9; client_max_window_bits", None),
            ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", None),
            ("permessage-deflate; server_max_window_bits=15; server_max_window_bits=15", None),
        ] {
            assert_eq!(accept(list(offers)), answer, "{offers}");
        }
    }

    #[test]
    fn a_bomb_is_stopped_at_the_bound() {
        let bomb = deflate(&vec![b'x'; 1 << 20]).unwrap();
        assert!(bomb.len() < 2_000);
        assert_eq!(inflate(&bomb, (1 << 20) - 1), Err(BadDeflate::TooLong));
        assert_eq!(inflate(&bomb, 1 << 20).map(|out| out.len()), Ok(1 << 20));
        assert_eq!(inflate(b"\xff\xff\xff", 100), Err(BadDeflate::Invalid));
    }

    #[test]
    fn a_last_block_ends_the_message() {
        // "hi" as a stored block, which says that it is the last.
        let last = b"\x01\x02\x00\xfd\xffhi";
        assert_eq!(inflate(last, 100).as_deref(), Ok(&b"hi"[..]));
        assert_eq!(inflate(&[&last[..], b"\0"].concat(), 100).as_deref(), Ok(&b"hi"[..]));
        assert_eq!(inflate(&[&last[..], last].concat(), 100), Err(BadDeflate::Invalid));
        assert_eq!(inflate(b"", 100).as_deref(), Ok(&b""[..]));
    }

    proptest! {
        #[test]
        fn comes_back(payload in prop::collection::vec(0_u8..4, 0..5_000), noise: Vec<u8>) {
            for payload in [payload, noise] {
                prop_assert_eq!(inflate(&deflate(&payload).unwrap(), payload.len()), Ok(payload.clone()));
            }
        }

        #[test]
        fn a_frame_gets_smaller_or_is_left(text in "[ab]{0,3000}") {
            let plain = text_frame(text.clone().into());
            if let Some(frame) = deflate_frame(&plain) {
                prop_assert!(frame.len() < plain.len());
                prop_assert_eq!(frame[0], 0xc1);
                let header = if frame[1] == 126 { 4 } else { 2 };
                prop_assert_eq!(inflate(&frame[header..], text.len()), Ok(text.into_bytes()));
            }
        }

        #[test]
        fn any_bytes_are_taken_without_harm(payload: Vec<u8>) {
            let _ = inflate(&payload, 1_000);
        }
    }
}
