/// Follows what a client sends from frame to frame, by their headers alone, as the bytes come: control frames and
/// fragments cost a reader work, and come to no message that it could count.
#[derive(Debug, Default)]
pub(crate) struct FrameMeter {
    /// The header that is being read.
    header: [u8; LONGEST_HEADER],
    read: usize,
    /// Bytes of the payload that are to pass.
    payload: u64,
    /// Frames of the message that is being read.
    fragments: u32,
}

/// What some bytes were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FrameCounts {
    /// Pings, pongs and closes that began.
    pub control: u32,
    /// The most frames that one message has by now.
    pub fragments: u32,
}

/// Two bytes, eight of length, four of mask.
const LONGEST_HEADER: usize = 14;
const FINAL: u8 = 0x80;
const CONTROL: u8 = 0x08;
const MASKED: u8 = 0x80;

impl FrameMeter {
    /// Counts the frames whose headers end in the next bytes of the client's.
    pub(crate) fn count(&mut self, mut bytes: &[u8]) -> FrameCounts {
        let mut counts = FrameCounts::default();
        while let Some((first, rest)) = bytes.split_first() {
            if self.payload > 0 {
                let pass = usize::try_from(self.payload).map_or(bytes.len(), |left| left.min(bytes.len()));
                self.payload -= pass as u64;
                bytes = &bytes[pass..];
                continue;
            }
            self.header[self.read] = *first;
            self.read += 1;
            bytes = rest;
            if self.read >= 2 && self.read == self.header_length() {
                self.payload = self.payload_length();
                self.read = 0;
                self.count_frame(&mut counts);
            }
        }
        counts
    }

    fn length_bytes(&self) -> usize {
        match self.header[1] & !MASKED {
            126 => 2,
            127 => 8,
            _ => 0,
        }
    }

    fn header_length(&self) -> usize {
        2 + self.length_bytes() + if self.header[1] & MASKED == 0 { 0 } else { 4 }
    }

    fn payload_length(&self) -> u64 {
        let long = &self.header[2..2 + self.length_bytes()];
        if long.is_empty() {
            return u64::from(self.header[1] & !MASKED);
        }
        long.iter().fold(0, |length, byte| length << 8 | u64::from(*byte))
    }

    fn count_frame(&mut self, counts: &mut FrameCounts) {
        if self.header[0] & CONTROL != 0 {
            counts.control += 1;
            return;
        }
        self.fragments = self.fragments.saturating_add(1);
        counts.fragments = counts.fragments.max(self.fragments);
        if self.header[0] & FINAL != 0 {
            self.fragments = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::deflate::push_length;

    /// A client's frame.
    fn frame(first: u8, length: usize) -> Vec<u8> {
        let mut out = vec![first];
        push_length(&mut out, length, MASKED);
        // A payload that looks like pings.
        out.extend(vec![0x89; 4 + length]);
        out
    }

    fn count(bytes: &[u8], piece: usize) -> FrameCounts {
        let mut meter = FrameMeter::default();
        bytes.chunks(piece).map(|piece| meter.count(piece)).fold(FrameCounts::default(), |all, some| {
            FrameCounts { control: all.control + some.control, fragments: all.fragments.max(some.fragments) }
        })
    }

    #[test]
    fn every_control_frame_counts_and_a_message_has_as_many_fragments_as_frames() {
        let ping = frame(0x89, 125);
        let whole = frame(0x81, 70_000);
        let three = [frame(0x01, 0), ping.clone(), frame(0, 200), frame(0x8a, 0), frame(0x80, 3)].concat();
        for piece in [1, 2, 3, 1_000_000] {
            assert_eq!(count(&ping, piece), FrameCounts { control: 1, fragments: 0 });
            assert_eq!(count(&whole, piece), FrameCounts { control: 0, fragments: 1 });
            assert_eq!(count(&three, piece), FrameCounts { control: 2, fragments: 3 });
            let twice = [whole.clone(), three.clone(), whole.clone(), three.clone()].concat();
            assert_eq!(count(&twice, piece), FrameCounts { control: 4, fragments: 3 });
        }
    }

    #[test]
    fn a_frame_without_a_mask_has_a_shorter_header() {
        assert_eq!(count(&[0x89, 1, 0x89, 0x89, 0], 2), FrameCounts { control: 2, fragments: 0 });
    }

    proptest! {
        #[test]
        fn any_bytes_count_the_same_in_pieces(bytes: Vec<u8>, piece in 1_usize..50) {
            prop_assert_eq!(count(&bytes, piece), count(&bytes, usize::MAX));
        }
    }
}
