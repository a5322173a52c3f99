use std::io::Cursor;
use std::mem;

use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::OpCode;

use super::deflate::{BadDeflate, inflate, push_length};

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
    /// How much of `input` was looked at.
    read: usize,
    state: State,
    /// The opcode of the compressed message that is being gathered.
    kind: Option<u8>,
    message: Vec<u8>,
    output: Vec<u8>,
    /// How much of `output` the reader has.
    taken: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Header,
    /// So many bytes of a payload pass.
    Pass(u64),
    /// So many are gathered, under this mask, whose byte `at` is next.
    Gather { left: u64, mask: [u8; 4], at: usize, last: bool },
    /// Nothing after a fault matters.
    Over,
}

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
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

    /// Moves what is ready into `into`; how many bytes that was. Where it was none, more has to come first.
    pub fn take(&mut self, into: &mut [u8]) -> usize {
        while self.output.is_empty() && self.read < self.input.len() {
            if !self.step() {
                // A header is not all there; what came before it must not stay with it.
                self.input = self.input.split_off(self.read);
                self.read = 0;
                break;
            }
        }
        if self.read == self.input.len() {
            (self.input, self.read) = (Vec::new(), 0);
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

    /// Reads a header, or all that is there of a payload. False where more of a header has to come.
    fn step(&mut self) -> bool {
        let input = &self.input[self.read..];
        match self.state {
            State::Over => self.read = self.input.len(),
            State::Header => return self.read_header(),
            State::Pass(left) => {
                let now = up_to(left, input.len());
                self.output.extend(&input[..now]);
                self.read += now;
                self.state = pass(left - now as u64);
            }
            State::Gather { left, mask, at, last } => {
                let now = up_to(left, input.len());
                let unmasked = input[..now].iter().enumerate().map(|(n, byte)| byte ^ mask[(at + n) % 4]);
                self.message.extend(unmasked);
                self.read += now;
                self.gather(left - now as u64, mask, (at + now) % 4, last);
            }
        }
        true
    }

    fn read_header(&mut self) -> bool {
        let input = &self.input[self.read..];
        let mut cursor = Cursor::new(input);
        match FrameHeader::parse(&mut cursor) {
            Ok(None) => return false,
            Ok(Some((header, length))) => {
                let bytes = up_to(cursor.position(), input.len());
                self.read += bytes;
                if self.is_ours(&header) {
                    self.begin(&header, length);
                } else {
                    self.output.extend(&self.input[self.read - bytes..self.read]);
                    self.state = pass(length);
                }
            }
            // No such opcode.
            Err(_) => self.fail(BadDeflate::Invalid),
        }
        true
    }

    /// Whether a frame belongs to a compressed message. What is wrong with the others is seen by the reader.
    fn is_ours(&self, header: &FrameHeader) -> bool {
        let foreign = header.mask.is_none() || header.rsv2 || header.rsv3;
        let is_data = matches!(header.opcode, OpCode::Data(_));
        !foreign && is_data && (self.kind.is_some() || header.rsv1 && u8::from(header.opcode) != 0)
    }

    /// Begins a compressed message, or goes on with it.
    fn begin(&mut self, header: &FrameHeader, length: u64) {
        let opcode = u8::from(header.opcode);
        match self.kind {
            None => self.kind = Some(opcode),
            // A new message within another, or a fragment that says again that it is compressed.
            Some(_) if opcode != 0 || header.rsv1 => return self.fail(BadDeflate::Invalid),
            Some(_) => {}
        }
        // What can't be compressed gets a little longer.
        let max = self.max + self.max / 1_024 + 64;
        if length > (max - self.message.len()) as u64 {
            return self.fail(BadDeflate::TooLong);
        }
        self.gather(length, header.mask.unwrap_or_default(), 0, header.is_final);
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

fn pass(left: u64) -> State {
    if left == 0 { State::Header } else { State::Pass(left) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::deflate::{EIGHT_BYTES, deflate};

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
    fn what_breaks_the_rules_of_compression_goes_on_as_broken() {
        let small = deflate(b"hello").unwrap();
        let (head, tail) = small.split_at(2);
        let begun = frame(0x41, head);
        let wrong = plain(NONE, b"");
        for second in [frame(0xc0, tail), frame(0x81, b"new"), frame(0xc1, tail)] {
            assert_eq!(pass(100, &[begun.clone(), second].concat(), 1), wrong);
        }
        assert_eq!(pass(100, &frame(0xc1, b"\xff\xff"), 1_000), wrong);
        // No such opcode, within a message and without.
        assert_eq!(pass(100, &[begun, frame(0x83, b"")].concat(), 1), wrong);
        assert_eq!(pass(100, &frame(0x8b, b"x"), 4), wrong);
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
