use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3Default;

use crate::event::{Attributes, AttributesBuilder, EventType, Field, Offset};

/// One event as the log keeps it: its fields for filters, and its message exactly as readers get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its place.
    pub offset: Offset,
    /// When it was accepted, Unix milliseconds; never less than its predecessor's.
    pub accepted_at: i64,
    /// What a filter may name.
    pub attributes: Attributes,
    /// The encoded JSON message.
    pub message: Bytes,
}

/// Stored bytes that are no record, or not the one that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("damaged record")]
pub struct BadRecord;

/// Version of the stored form, its first byte.
const VERSION: u8 = 1;
/// version, checksum
const HEADER: usize = 1 + 8;

impl Record {
    /// The stored form: version, checksum (XXH3, 64 bits, over offset and body), then the body:
    /// time, event type, size, each field with its length, the message. Integers are little-endian.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER + 64 + 2 * self.message.len());
        out.push(VERSION);
        out.extend([0; 8]);
        out.extend(self.accepted_at.to_le_bytes());
        out.push(self.attributes.event_type().code());
        out.extend(self.attributes.size().to_le_bytes());
        for field in Field::ALL {
            let text = self.attributes.get(field);
            out.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
            out.extend(text.as_bytes());
        }
        out.extend(&self.message);
        let checksum = checksum(self.offset, &out[HEADER..]);
        out[1..HEADER].copy_from_slice(&checksum.to_le_bytes());
        out
    }

    /// Reads a stored record that stands under `offset`.
    ///
    /// # Errors
    ///
    /// [`BadRecord`] if the checksum of offset and body is not the stored one, or the form is unknown.
    pub fn decode(offset: Offset, stored: &[u8]) -> Result<Self, BadRecord> {
        let (header, body) = stored.split_at_checked(HEADER).ok_or(BadRecord)?;
        if header[0] != VERSION || header[1..] != checksum(offset, body).to_le_bytes() {
            return Err(BadRecord);
        }
        let mut rest = body;
        let accepted_at = i64::from_le_bytes(take(&mut rest)?);
        let [code] = take(&mut rest)?;
        let mut builder = AttributesBuilder::new(EventType::from_code(code).ok_or(BadRecord)?);
        builder.size(i64::from_le_bytes(take(&mut rest)?));
        for field in Field::ALL {
            let len = u32::from_le_bytes(take(&mut rest)?) as usize;
            let (text, after) = rest.split_at_checked(len).ok_or(BadRecord)?;
            builder.set(field, std::str::from_utf8(text).map_err(|_| BadRecord)?);
            rest = after;
        }
        Ok(Self { offset, accepted_at, attributes: builder.build(), message: Bytes::copy_from_slice(rest) })
    }

    /// What the record weighs in memory, about.
    pub(super) fn weight(&self) -> usize {
        // The message, the fields (nearly all of which stand in it too), the fixed parts.
        2 * self.message.len() + 160
    }
}

fn checksum(offset: Offset, body: &[u8]) -> u64 {
    let mut hash = Xxh3Default::new();
    hash.update(&offset.to_le_bytes());
    hash.update(body);
    hash.digest()
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], BadRecord> {
    let (head, tail) = rest.split_first_chunk().ok_or(BadRecord)?;
    *rest = tail;
    Ok(*head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(offset: Offset, texts: &[String], size: i64, message: Vec<u8>) -> Record {
        let mut builder = AttributesBuilder::new(EventType::CreateImageTag);
        for (field, text) in Field::ALL.into_iter().zip(texts) {
            builder.set(field, text);
        }
        Record { offset, accepted_at: 7, attributes: builder.size(size).build(), message: message.into() }
    }

    proptest! {
        #[test]
        fn comes_back(offset in 1..1u64 << 53, texts in prop::collection::vec(".{0,20}", 10), size: i64, message: Vec<u8>) {
            let record = record(offset, &texts, size, message);
            prop_assert_eq!(Record::decode(offset, &record.encode()), Ok(record));
        }

        #[test]
        fn any_flipped_bit_is_seen(bit: prop::sample::Index, texts in prop::collection::vec("[a-z]{0,9}", 10)) {
            let mut stored = record(9, &texts, 1, b"{}".to_vec()).encode();
            let bit = bit.index(stored.len() * 8);
            stored[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Record::decode(9, &stored), Err(BadRecord));
        }

        #[test]
        fn any_bytes_are_read_without_harm(stored: Vec<u8>) {
            let _ = Record::decode(1, &stored);
        }
    }

    #[test]
    fn a_record_under_another_offset_is_damage() {
        let stored = record(9, &[], 1, b"{}".to_vec()).encode();
        assert_eq!(Record::decode(10, &stored), Err(BadRecord));
    }
}
