//! Keys, by which an event finds filters: 64 bits under a secret seed.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::event::{Attributes, EventType, Field};

/// Lengths of prefixes and suffixes that keys have; a longer text has a key of the next shorter length. They are so few
/// that an event has a bounded number of keys, whatever filters there are.
pub(super) const LENGTHS: [usize; 18] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 48, 64];

/// What a key is made of. Numbers are indexes in [`LENGTHS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Type,
    Exact(Field),
    Prefix(Field, u8),
    Suffix(Field, u8),
    /// Repository and tag.
    Tag,
    /// Repository and actor.
    Actor,
    /// Repository and the tag's beginning.
    TagPrefix(u8),
    /// Repository and the tag's end.
    TagSuffix(u8),
}

/// The index in [`LENGTHS`] of the longest that is no longer than the text.
pub(super) fn longest(text: &str) -> Option<u8> {
    let place = LENGTHS.partition_point(|length| *length <= text.len()).checked_sub(1)?;
    u8::try_from(place).ok()
}

pub(super) fn length(place: u8) -> usize {
    LENGTHS[usize::from(place)]
}

impl Kind {
    /// Different for all kinds.
    fn code(self) -> [u8; 3] {
        match self {
            Self::Type => [0, 0, 0],
            Self::Exact(field) => [1, field as u8, 0],
            Self::Prefix(field, length) => [2, field as u8, length],
            Self::Suffix(field, length) => [3, field as u8, length],
            Self::Tag => [4, 0, 0],
            Self::Actor => [5, 0, 0],
            Self::TagPrefix(length) => [6, 0, length],
            Self::TagSuffix(length) => [7, 0, length],
        }
    }

    /// Keeps keys of one kind and cloud apart from all others. `seed` is the cloud's.
    pub(super) fn salt(self, seed: u64) -> u64 {
        xxh3_64_with_seed(&self.code(), seed)
    }
}

/// The hash of a text.
pub(super) fn hash(text: &[u8], seed: u64) -> u64 {
    xxh3_64_with_seed(text, seed)
}

/// The key of one value.
pub(super) fn single(salt: u64, value: u64) -> u64 {
    fold(value ^ salt, 0x9e37_79b9_7f4a_7c15)
}

/// The key of a repository and a second value.
pub(super) fn pair(salt: u64, repository: u64, value: u64) -> u64 {
    fold(repository ^ salt, value.rotate_left(32) ^ 0xd1b5_4a32_d192_ed03)
}

pub(super) fn of_type(salt: u64, event_type: EventType) -> u64 {
    single(salt, u64::from(event_type.code()))
}

#[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    (product >> 64) as u64 ^ product as u64
}

/// Hashes of one event's fields, each made at most once.
pub(super) struct Hashes<'e> {
    event: &'e Attributes,
    seed: u64,
    known: u16,
    values: [u64; Field::ALL.len()],
}

impl<'e> Hashes<'e> {
    pub(super) fn new(event: &'e Attributes, seed: u64) -> Self {
        Self { event, seed, known: 0, values: [0; Field::ALL.len()] }
    }

    pub(super) fn whole(&mut self, field: Field) -> u64 {
        let index = field as usize;
        if self.known & (1 << index) == 0 {
            self.known |= 1 << index;
            self.values[index] = hash(self.event.bytes(field), self.seed);
        }
        self.values[index]
    }

    fn prefix(&self, field: Field, place: u8) -> Option<u64> {
        let head = self.event.bytes(field).get(..length(place))?;
        Some(hash(head, self.seed))
    }

    fn suffix(&self, field: Field, place: u8) -> Option<u64> {
        let value = self.event.bytes(field);
        Some(hash(&value[value.len().checked_sub(length(place))?..], self.seed))
    }

    /// The event's key of this kind, if it carries one.
    pub(super) fn key(&mut self, kind: Kind, salt: u64) -> Option<u64> {
        Some(match kind {
            Kind::Type => of_type(salt, self.event.event_type()),
            Kind::Exact(field) => single(salt, self.whole(field)),
            Kind::Prefix(field, place) => single(salt, self.prefix(field, place)?),
            Kind::Suffix(field, place) => single(salt, self.suffix(field, place)?),
            Kind::Tag => pair(salt, self.whole(Field::Repository), self.whole(Field::Tag)),
            Kind::Actor => pair(salt, self.whole(Field::Repository), self.whole(Field::Actor)),
            Kind::TagPrefix(place) => {
                let head = self.prefix(Field::Tag, place)?;
                pair(salt, self.whole(Field::Repository), head)
            }
            Kind::TagSuffix(place) => {
                let end = self.suffix(Field::Tag, place)?;
                pair(salt, self.whole(Field::Repository), end)
            }
        })
    }
}
