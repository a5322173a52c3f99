use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use fjall::config::CompressionPolicy;
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions};

use super::super::{Gap, GapReason, Max, Read, ReadError, Record};
use super::damage;
use super::meta::SegmentMeta;
use crate::event::Offset;

/// A run of consecutive offsets from its first to the next segment's.
#[derive(Clone)]
pub(super) struct Segment {
    pub(super) meta: SegmentMeta,
    pub(super) keyspace: Keyspace,
}

impl Segment {
    pub(super) fn first(&self) -> Offset {
        self.meta.first
    }
}

const PREFIX: &str = "events-";

/// Opens the keyspace of the segment that begins at `first`, or makes it.
pub(super) fn segment_keyspace(db: &Database, first: Offset) -> fjall::Result<Keyspace> {
    // The engine by itself compresses what it merges, and segments never are.
    let compressed = CompressionPolicy::all(CompressionType::Lz4);
    db.keyspace(&name_of(first), || {
        KeyspaceCreateOptions::default().data_block_compression_policy(compressed)
    })
}

/// The name of the keyspace of the segment that begins at `first`.
pub(super) fn name_of(first: Offset) -> String {
    format!("{PREFIX}{first:016x}")
}

/// The first offset of the segment that a keyspace's name tells; `None` for other keyspaces.
pub(super) fn segment_of(name: &str) -> Option<Offset> {
    Offset::from_str_radix(name.strip_prefix(PREFIX)?, 16).ok()
}

/// Walks the records from `after + 1` to `newest` until `max`, or until one is missing or damaged. What
/// can't be read is damage too, unless the process merely lacks something just now.
pub(super) fn read(segments: &[Segment], after: Offset, newest: Offset, max: Max) -> Result<Read, ReadError> {
    let mut walk = Walk { records: Vec::new(), bytes: 0, expected: after + 1, max };
    for (index, segment) in segments.iter().enumerate() {
        let end = segments.get(index + 1).map_or(newest, |next| newest.min(next.first() - 1));
        if walk.expected > end {
            continue;
        }
        match guarded(|| walk.through(segment, end))? {
            WalkEnd::Whole => {}
            WalkEnd::Damage if walk.records.is_empty() => {
                return Ok(Read::Gap(damaged(segment, walk.expected, end)?));
            }
            WalkEnd::Full | WalkEnd::Damage => return Ok(Read::Records(walk.records)),
        }
    }
    Ok(if walk.records.is_empty() {
        Read::Gap(Gap { from: walk.expected, to: newest, reason: GapReason::Damaged })
    } else {
        Read::Records(walk.records)
    })
}

struct Walk {
    records: Vec<Arc<Record>>,
    bytes: usize,
    expected: Offset,
    max: Max,
}

/// What a walk through a segment came to.
#[derive(Default)]
enum WalkEnd {
    /// Everything up to the segment's end.
    Whole,
    /// As much as was asked for.
    Full,
    /// What is expected next is missing, or its bytes are not what was written.
    #[default]
    Damage,
}

impl Walk {
    fn through(&mut self, segment: &Segment, end: Offset) -> Result<WalkEnd, ReadError> {
        for row in segment.keyspace.range(self.expected.to_be_bytes()..=end.to_be_bytes()) {
            let (key, value) = match row.into_inner() {
                Ok(row) => row,
                Err(error) => return judge(&error).map(|()| WalkEnd::Damage),
            };
            let found = offset_of(&key).filter(|found| *found == self.expected);
            let Some(record) = found.and_then(|offset| Record::decode(offset, &value).ok()) else {
                return Ok(WalkEnd::Damage);
            };
            self.bytes += record.message.len();
            let full = !self.records.is_empty() && self.bytes > self.max.bytes;
            if full || self.records.len() >= self.max.records {
                return Ok(WalkEnd::Full);
            }
            self.records.push(Arc::new(record));
            self.expected += 1;
        }
        Ok(if self.expected > end { WalkEnd::Whole } else { WalkEnd::Damage })
    }
}

/// The damage from `from` up to the next record of the segment that can be read.
fn damaged(segment: &Segment, from: Offset, end: Offset) -> Result<Gap, ReadError> {
    let mut to = from;
    while to < end && !is_whole(segment, to + 1)? {
        to += 1;
    }
    Ok(Gap { from, to, reason: GapReason::Damaged })
}

fn is_whole(segment: &Segment, offset: Offset) -> Result<bool, ReadError> {
    guarded(|| match segment.keyspace.get(offset.to_be_bytes()) {
        Ok(stored) => Ok(stored.is_some_and(|stored| Record::decode(offset, &stored).is_ok())),
        Err(error) => judge(&error).map(|()| false),
    })
}

/// The offset of the segment's last record; `None` if it can't be told.
pub(super) fn last_offset(segment: &Segment) -> Result<Option<Offset>, ReadError> {
    guarded(|| match segment.keyspace.last_key_value().map(fjall::Guard::key) {
        None => Ok(Some(segment.first() - 1)),
        Some(Ok(key)) => Ok(offset_of(&key)),
        Some(Err(error)) => judge(&error).map(|()| None),
    })
}

/// Whether an error is damage (`Ok`), or a lack of ours that may pass.
fn judge(error: &fjall::Error) -> Result<(), ReadError> {
    let ours = damage::io_error(error).is_some_and(damage::is_ours);
    if ours { Err(ReadError(error.to_string())) } else { Ok(()) }
}

/// The engine may panic over bytes that it can't make sense of: the default stands for damage.
fn guarded<T: Default>(call: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Ok(T::default()))
}

fn offset_of(key: &[u8]) -> Option<Offset> {
    key.try_into().ok().map(Offset::from_be_bytes)
}
