use std::mem;

use super::deflate::{BadDeflate, EIGHT_BYTES, RSV1, TWO_BYTES, inflate, push_length};

/// What a client of `permessage-deflate` sends, as plain frames, for a reader that knows nothing of compression. What
/// is not compressed passes as it is; a compressed message is gathered, inflated, and goes on as one frame. What
/// breaks the protocol passes too, or goes on as something else that breaks it: the reader says so.
#[derive(Debug, Default)]
pub struct Inflater {
    /// Bytes of a message, inflated.
    max: usize,
    /// What came and was not looked at yet; it is looked at when the reader has taken what was made of the rest, so
    /// that a connection never holds more than one message.
    input: Vec<u8>,
    seen: usize,
    state: State,
    /// Of a frame's header, what is there.
    header: Vec<u8>,
    /// The opcode of the compressed message that is being gathered.
    kind: Option<u8>,
    message: Vec<u8>,
    output: Vec<u8>,
    taken: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Header,
    /// So many bytes of a payload pass.
    Pass(u64),
    /// So many are gathered, under this mask, from this place in it.
    Gather { left: u64, mask: [u8; 4], at: usize, last: bool },
    /// Nothing after a fault matters.
    Over,
}

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
const CONTROL: u8 = 0x08;
/// What no extension of ours uses.
const RSV2_RSV3: u8 = 0x30;
const TEXT: u8 = 1;
/// An opcode that does not exist.
const NONE: u8 = 3;

impl Inflater {
    /// For messages of `max` bytes, inflated.
    pub fn new(max: usize) -> Self {
        Self { max, ..Self::default() }
    }

    /// Keeps what came from the client.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.input.extend(bytes);
    }

    /// Moves what is ready into `into`; how many bytes that was. None are left when it was none.
    pub fn take(&mut self, into: &mut [u8]) -> usize {
        while self.output.is_empty() && self.seen < self.input.len() {
            self.step();
        }
        if self.seen == self.input.len() {
            (self.input, self.seen) = (Vec::new(), 0);
        }
        let ready = &self.output[self.taken..];
        let count = ready.len().min(into.len());
        into[..count].copy_from_slice(&ready[..count]);
        self.taken += count;
        if self.taken == self.output.len() {
            // Nothing of a burst stays with an idle connection.
            (self.output, self.taken) = (Vec::new(), 0);
        }
        count
    }

    /// Reads one byte of a header, or all that is there of a payload.
    fn step(&mut self) {
        let input = &self.input[self.seen..];
        match self.state {
            State::Over => self.seen = self.input.len(),
            State::Header => {
                self.header.extend(input.first());
                self.seen += 1;
                if self.header.len() == header_length(&self.header) {
                    self.begin();
                }
            }
            State::Pass(left) => {
                let now = up_to(left, input.len());
                self.output.extend(&input[..now]);
                self.seen += now;
                let left = left - now as u64;
                self.state = if left == 0 { State::Header } else { State::Pass(left) };
            }
            State::Gather { left, mask, at, last } => {
                let now = up_to(left, input.len());
                let unmasked = input[..now].iter().enumerate().map(|(n, byte)| byte ^ mask[(at + n) % 4]);
                self.message.extend(unmasked);
                self.seen += now;
                self.gather(left - now as u64, mask, (at + now) % 4, last);
            }
        }
    }

    /// Decides about a frame by its header.
    fn begin(&mut self) {
        let header = mem::take(&mut self.header);
        let (first, length) = (header[0], payload_length(&header));
        let opcode = first & 0x0f;
        let says_compressed = first & RSV1 != 0;
        let ours = if self.kind.is_some() {
            opcode & CONTROL == 0
        } else {
            says_compressed && (1..=2).contains(&opcode)
        };
        // What is wrong with these is seen by the reader.
        let foreign = header[1] & MASKED == 0 || first & RSV2_RSV3 != 0;
        if foreign || !ours {
            self.output.extend(header);
            self.state = if length == 0 { State::Header } else { State::Pass(length) };
            return;
        }
        match self.kind {
            None => self.kind = Some(opcode),
            // A new message within another, or a fragment that says again that it is compressed.
            Some(_) if opcode != 0 || says_compressed => return self.fail(BadDeflate::Invalid),
            Some(_) => {}
        }
        // What can't be compressed gets a little longer.
        let max = self.max + self.max / 1_024 + 64;
        if length > (max - self.message.len()) as u64 {
            return self.fail(BadDeflate::TooLong);
        }
        let mask = header.last_chunk().copied().unwrap_or_default();
        self.gather(length, mask, 0, first & FINAL != 0);
    }

    /// Goes on with a fragment, or with what follows it.
    fn gather(&mut self, left: u64, mask: [u8; 4], at: usize, last: bool) {
        self.state = if left == 0 { State::Header } else { State::Gather { left, mask, at, last } };
        if left > 0 || !last {
            return;
        }
        let (kind, message) = (self.kind.take().unwrap_or(NONE), mem::take(&mut self.message));
        match inflate(&message, self.max) {
            Ok(plain) => {
                self.put_header(kind, plain.len());
                self.output.extend(plain);
            }
            Err(why) => self.fail(why),
        }
    }

    /// Goes on as what is refused for the same reason.
    fn fail(&mut self, why: BadDeflate) {
        match why {
            BadDeflate::Invalid => self.put_header(NONE, 0),
            BadDeflate::TooLong => self.put_header(TEXT, self.max + 1),
        }
        self.message = Vec::new();
        self.state = State::Over;
    }

    /// The header of a client's whole message, under a mask that changes nothing.
    fn put_header(&mut self, opcode: u8, length: usize) {
        self.output.push(FINAL | opcode);
        push_length(&mut self.output, length, MASKED);
        self.output.extend([0; 4]);
    }
}

fn up_to(left: u64, there: usize) -> usize {
    usize::try_from(left).map_or(there, |left| left.min(there))
}

/// How long a header is, as far as it can be told.
fn header_length(header: &[u8]) -> usize {
    let Some(second) = header.get(1) else { return 2 };
    let extended = match second & 0x7f {
        TWO_BYTES => 2,
        EIGHT_BYTES => 8,
        _ => 0,
    };
    2 + extended + if second & MASKED == 0 { 0 } else { 4 }
}

fn payload_length(header: &[u8]) -> u64 {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    match header[1] & 0x7f {
        TWO_BYTES => number(&header[2..4]),
        EIGHT_BYTES => number(&header[2..10]),
        short => short.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::deflate::deflate;

    const MASK: [u8; 4] = [7, 0, 0xff, 0x55];

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![first];
        push_length(&mut out, payload.len(), MASKED);
        out.extend(MASK);
        out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        out
    }

    /// What a reader gets of `input`, which comes in pieces.
    fn pass(max: usize, input: &[u8], piece: usize) -> Vec<u8> {
        let mut inflater = Inflater::new(max);
        let (mut out, mut into) = (Vec::new(), [0; 100]);
        for piece in input.chunks(piece) {
            inflater.feed(piece);
            loop {
                match inflater.take(&mut into) {
                    0 => break,
                    taken => out.extend(&into[..taken]),
                }
            }
        }
        out
    }

    fn plain(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![FINAL | opcode];
        push_length(&mut out, payload.len(), MASKED);
        [out, vec![0; 4], payload.to_vec()].concat()
    }

    #[test]
    fn what_breaks_the_rules_of_compression_is_told_as_broken() {
        let small = deflate(b"hello").unwrap();
        let (head, tail) = small.split_at(2);
        let begun = frame(0x41, head);
        let wrong = plain(NONE, b"");
        for second in [frame(0xc0, tail), frame(0x81, b"new"), frame(0xc1, tail)] {
            assert_eq!(pass(100, &[begun.clone(), second].concat(), 1), wrong);
        }
        assert_eq!(pass(100, &frame(0xc1, b"\xff\xff"), 1_000), wrong);
        // Nothing behind it matters.
        assert_eq!(pass(100, &[frame(0xc1, b"\xff"), frame(0x81, b"x")].concat(), 3), wrong);
    }

    #[test]
    fn a_message_is_bounded_before_and_after_it_is_inflated() {
        let refused = &plain(TEXT, &[0; 1_001])[..8];
        assert_eq!(
            pass(1_000, &frame(0xc1, &deflate(&[b'x'; 1_000]).unwrap()), 9),
            plain(TEXT, &[b'x'; 1_000])
        );
        assert_eq!(pass(1_000, &frame(0xc1, &deflate(&[b'x'; 1_001]).unwrap()), 9), refused);
        let mut announced = vec![0xc1, MASKED | EIGHT_BYTES];
        announced.extend(u64::MAX.to_be_bytes());
        announced.extend(MASK);
        assert_eq!(pass(1_000, &announced, 9), refused);
        let fragments = [frame(0x41, &[0; 1_000]), frame(0, &[0; 65])].concat();
        assert_eq!(pass(1_000, &fragments, 9), refused);
    }

    proptest! {
        #[test]
        fn plain_frames_pass_and_compressed_ones_become_plain(
            text in prop::collection::vec(97_u8..100, 0..2_000),
            cut in 0_usize..50,
            piece in 1_usize..300,
        ) {
            let small = deflate(&text).unwrap();
            let (head, tail) = small.split_at(cut.min(small.len()));
            let ping = frame(0x89, b"ping");
            let ask = frame(0x81, &text);
            let input = [ask.clone(), frame(0x42, head), ping.clone(), frame(0x80, tail), ask.clone()].concat();
            let expected = [ask.clone(), ping, plain(2, &text), ask].concat();
            prop_assert_eq!(pass(2_000, &input, piece), expected);
        }

        #[test]
        fn any_bytes_come_to_an_end_in_bounds(input: Vec<u8>, piece in 1_usize..50) {
            // The longest answer to a byte is a whole message.
            prop_assert!(pass(500, &input, piece).len() <= input.len() * 510);
        }
    }
}
