use std::mem;

use crate::protocol::{BadDeflate, inflate, push_length};

/// What a client of `permessage-deflate` sends, as plain frames: tungstenite knows nothing of compression. What is
/// not compressed passes as it is, a compressed message is gathered, inflated, and goes on as one frame.
#[derive(Default)]
pub(super) struct Inflater {
    /// Bytes of a message, compressed and not.
    max: usize,
    /// Of a header that is not all there.
    header: Vec<u8>,
    state: State,
    /// The opcode of the compressed message that is being gathered.
    kind: Option<u8>,
    message: Vec<u8>,
    ready: Vec<u8>,
    /// Of `ready`, what was taken.
    taken: usize,
}

#[derive(Default)]
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

const RSV1: u8 = 0x40;
const MASKED: u8 = 0x80;
/// An opcode that does not exist, by which tungstenite sees that the frames break the protocol.
const BROKEN: u8 = 0x83;

impl Inflater {
    pub(super) fn new(max: usize) -> Self {
        Self { max, ..Self::default() }
    }

    /// Moves what is ready into `into`; how much that was.
    pub(super) fn take(&mut self, into: &mut [u8]) -> usize {
        let waiting = &self.ready[self.taken..];
        let count = waiting.len().min(into.len());
        into[..count].copy_from_slice(&waiting[..count]);
        self.taken += count;
        if self.taken == self.ready.len() {
            (self.ready, self.taken) = (Vec::new(), 0);
        }
        count
    }

    /// Reads on.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        loop {
            match &mut self.state {
                State::Over => return,
                State::Header => {
                    let wanted = header_length(&self.header);
                    if self.header.len() >= wanted {
                        self.begin();
                        continue;
                    }
                    let Some((first, rest)) = bytes.split_first() else { return };
                    self.header.push(*first);
                    bytes = rest;
                    continue;
                }
                State::Pass(left) => {
                    let now = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    self.ready.extend(&bytes[..now]);
                    bytes = &bytes[now..];
                    *left -= now as u64;
                    if *left == 0 {
                        self.state = State::Header;
                    }
                }
                State::Gather { left, mask, at, last } => {
                    let now = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    for byte in &bytes[..now] {
                        self.message.push(byte ^ mask[*at % 4]);
                        *at += 1;
                    }
                    bytes = &bytes[now..];
                    *left -= now as u64;
                    if *left == 0 {
                        let last = *last;
                        self.state = State::Header;
                        if last {
                            self.finish();
                        }
                    }
                }
            }
            if bytes.is_empty() && !matches!(self.state, State::Header) {
                return;
            }
            if bytes.is_empty() && self.header.is_empty() {
                return;
            }
        }
    }

    /// Decides about a frame by its header.
    fn begin(&mut self) {
        let header = mem::take(&mut self.header);
        let (first, length) = (header[0], payload_length(&header));
        let (opcode, is_control) = (first & 0x0f, first & 0x08 != 0);
        let is_compressed = first & RSV1 != 0 && matches!(opcode, 1 | 2);
        let goes_on = opcode == 0 && self.kind.is_some();
        // What is not ours to judge passes: tungstenite knows what is wrong with it.
        if is_control
            || header[1] & MASKED == 0
            || first & 0x30 != 0
            || !(is_compressed || goes_on || self.kind.is_some())
        {
            self.ready.extend(header);
            if length > 0 {
                self.state = State::Pass(length);
            }
            return;
        }
        // A new message within another, or a fragment that says again that it is compressed.
        if (is_compressed && self.kind.is_some())
            || (!is_compressed && !goes_on)
            || (goes_on && first & RSV1 != 0)
        {
            return self.fail(BadDeflate::Invalid);
        }
        if is_compressed {
            self.kind = Some(opcode);
        }
        if self.message.len() as u64 + length > self.max as u64 {
            return self.fail(BadDeflate::TooLong);
        }
        let mask = header[header.len() - 4..].try_into().unwrap_or_default();
        let last = first & 0x80 != 0;
        if length > 0 {
            self.state = State::Gather { left: length, mask, at: 0, last };
        } else if last {
            self.finish();
        }
    }

    fn finish(&mut self) {
        let (kind, message) = (self.kind.take().unwrap_or_default(), mem::take(&mut self.message));
        match inflate(&message, self.max) {
            Ok(plain) => {
                self.frame(0x80 | kind, plain.len());
                self.ready.extend(plain);
            }
            Err(why) => self.fail(why),
        }
    }

    /// Goes on as what tungstenite refuses for the same reason.
    fn fail(&mut self, why: BadDeflate) {
        match why {
            BadDeflate::Invalid => self.frame(BROKEN, 0),
            BadDeflate::TooLong => self.frame(0x81, self.max + 1),
        }
        self.state = State::Over;
    }

    /// The header of a client's frame under a mask that changes nothing.
    fn frame(&mut self, first: u8, length: usize) {
        self.ready.push(first);
        push_length(&mut self.ready, length, MASKED);
        self.ready.extend([0; 4]);
    }
}

/// How long a header is, as far as it can be told.
fn header_length(header: &[u8]) -> usize {
    let Some(second) = header.get(1) else { return 2 };
    let extended = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + extended + if second & MASKED == 0 { 0 } else { 4 }
}

fn payload_length(header: &[u8]) -> u64 {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    match header[1] & 0x7f {
        126 => number(&header[2..4]),
        127 => number(&header[2..10]),
        short => short.into(),
    }
}
