//! The values of stored entries: a byte for the version of this form, a byte that says what
//! follows, and that.

use super::digest::Digest;
use super::mark::Note;
use super::repository::Chart;
use super::stamp::Stamp;

const VERSION: u8 = 1;
const HAS_EMITTER: u8 = 1;
const HAS_SINCE: u8 = 2;
const HAS_DIGEST: u8 = 4;
const TOLD: u8 = 8;

/// What the values of images, tags, charts and marks have in common.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) at: Stamp,
    pub(super) since: Option<i64>,
    pub(super) told: bool,
    pub(super) digest: Option<Digest>,
}

impl Value {
    pub(super) fn store(&self) -> Vec<u8> {
        let mut shape = 0;
        for (has, bit) in [
            (self.at.emitter() != 0, HAS_EMITTER),
            (self.since.is_some(), HAS_SINCE),
            (self.digest.is_some(), HAS_DIGEST),
            (self.told, TOLD),
        ] {
            shape |= if has { bit } else { 0 };
        }
        let mut value = vec![VERSION, shape];
        value.extend_from_slice(&self.at.nanos().to_be_bytes());
        if self.at.emitter() != 0 {
            value.extend_from_slice(&self.at.emitter().to_be_bytes());
        }
        if let Some(since) = self.since {
            value.extend_from_slice(&since.to_be_bytes());
        }
        if let Some(digest) = &self.digest {
            digest.store(&mut value);
        }
        value
    }

    pub(super) fn restore(stored: &[u8]) -> Option<Self> {
        let (&[VERSION, shape], rest) = stored.split_first_chunk::<2>()? else { return None };
        let (nanos, mut rest) = rest.split_first_chunk::<8>()?;
        let mut value =
            Self { at: Stamp::stored(i64::from_be_bytes(*nanos), 0), since: None, told: false, digest: None };
        if shape & HAS_EMITTER != 0 {
            let (emitter, after) = rest.split_first_chunk::<4>()?;
            value.at = Stamp::stored(i64::from_be_bytes(*nanos), u32::from_be_bytes(*emitter));
            rest = after;
        }
        if shape & HAS_SINCE != 0 {
            let (since, after) = rest.split_first_chunk::<8>()?;
            value.since = Some(i64::from_be_bytes(*since));
            rest = after;
        }
        value.told = shape & TOLD != 0;
        if shape & HAS_DIGEST != 0 {
            value.digest = Some(Digest::restore(rest)?);
            rest = &[];
        }
        (rest.is_empty() && shape <= HAS_EMITTER | HAS_SINCE | HAS_DIGEST | TOLD).then_some(value)
    }

    /// Of an image or a tag.
    pub(super) fn plain(at: Stamp, digest: Option<Digest>) -> Self {
        Self { at, since: None, told: false, digest }
    }
}

impl From<&Note> for Value {
    fn from(note: &Note) -> Self {
        Self { at: note.at, since: Some(note.since), told: note.told, digest: note.digest.clone() }
    }
}

impl From<&Chart> for Value {
    fn from(chart: &Chart) -> Self {
        Self::plain(chart.at, chart.digest.clone())
    }
}

/// A plain number as a value.
pub(super) fn number(value: i64) -> Vec<u8> {
    let mut stored = vec![VERSION];
    stored.extend_from_slice(&value.to_be_bytes());
    stored
}

/// The number again.
pub(super) fn restore_number(stored: &[u8]) -> Option<i64> {
    let (&VERSION, rest) = stored.split_first()? else { return None };
    Some(i64::from_be_bytes(rest.try_into().ok()?))
}

/// A repository's key as a value.
pub(super) fn name(key: &[u8]) -> Vec<u8> {
    let mut stored = vec![VERSION];
    stored.extend_from_slice(key);
    stored
}

/// The key again.
pub(super) fn restore_name(stored: &[u8]) -> Option<&[u8]> {
    let (&VERSION, rest) = stored.split_first()? else { return None };
    Some(rest)
}
