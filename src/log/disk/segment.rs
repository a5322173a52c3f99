use std::sync::Arc;

use fjall::{Database, Keyspace, KeyspaceCreateOptions};

use super::super::{Gap, GapReason, Max, Read, ReadError, Record};
use crate::event::Offset;

/// A run of consecutive offsets from `first` to the next segment's.
#[derive(Clone)]
pub(super) struct Segment {
    pub(super) first: Offset,
    pub(super) keyspace: Keyspace,
}

const PREFIX: &str = "events-";

/// Opens the keyspace of the segment that begins at `first`, or makes it.
pub(super) fn segment_keyspace(db: &Database, first: Offset) -> fjall::Result<Keyspace> {
    db.keyspace(&format!("{PREFIX}{first:016x}"), KeyspaceCreateOptions::default)
}

/// The first offset of the segment that a keyspace's name tells; `None` for other keyspaces.
pub(super) fn segment_of(name: &str) -> Option<Offset> {
    Offset::from_str_radix(name.strip_prefix(PREFIX)?, 16).ok()
}

/// Walks the records from `after + 1` to `newest` until `max`, or until one is missing or damaged.
pub(super) fn read(segments: &[Segment], after: Offset, newest: Offset, max: Max) -> Result<Read, ReadError> {
    let mut records: Vec<Arc<Record>> = Vec::new();
    let (mut bytes, mut expected) = (0, after + 1);
    for segment in segments {
        for row in segment.keyspace.range(expected.to_be_bytes()..=newest.to_be_bytes()) {
            let (key, value) = row.into_inner().map_err(|error| ReadError(error.to_string()))?;
            let found = offset_of(&key).filter(|found| *found == expected);
            let Some(record) = found.and_then(|offset| Record::decode(offset, &value).ok()) else {
                let gap = damaged(expected, offset_of(&key), newest);
                return Ok(if records.is_empty() { Read::Gap(gap) } else { Read::Records(records) });
            };
            bytes += record.message.len();
            if records.len() >= max.records || (!records.is_empty() && bytes > max.bytes) {
                return Ok(Read::Records(records));
            }
            records.push(Arc::new(record));
            expected += 1;
        }
    }
    Ok(if records.is_empty() { Read::Gap(damaged(expected, None, newest)) } else { Read::Records(records) })
}

/// The damage from `expected` to before the record that was found there instead, or that record itself.
fn damaged(expected: Offset, found: Option<Offset>, newest: Offset) -> Gap {
    let to = match found {
        Some(found) if found > expected => found - 1,
        Some(_) => expected,
        None => newest,
    };
    Gap { from: expected, to, reason: GapReason::Damaged }
}

fn offset_of(key: &[u8]) -> Option<Offset> {
    key.try_into().ok().map(Offset::from_be_bytes)
}
