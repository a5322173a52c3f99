//! The window of repeats as it is kept in memory and on disk.

/// A key in as few bytes as it has, without the alignment of a number.
pub(super) type Key = [u8; 16];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyEntry {
    /// Bytes rather than a number, so that an entry needs no alignment to 8.
    pub(super) content: [u8; 8],
    /// Seconds since 1970.
    pub(super) accepted: u32,
    /// Seconds.
    pub(super) window: u32,
    /// Whose it is, for the shares. It is not stored: what was there before a start is nobody's in particular.
    pub(super) owner: u32,
}

const KIND: u8 = b'k';
const VERSION: u8 = 1;

impl KeyEntry {
    /// When its window is over.
    pub(super) fn end(self) -> u32 {
        self.accepted.saturating_add(self.window)
    }
}

/// Sorts by the end of the window, so that what is dropped together lies together.
pub(super) fn stored_key(key: Key, known: KeyEntry) -> Vec<u8> {
    let mut stored = vec![KIND];
    stored.extend_from_slice(&known.end().to_be_bytes());
    stored.extend_from_slice(&key);
    stored
}

pub(super) fn stored_value(known: KeyEntry) -> Vec<u8> {
    let mut stored = vec![VERSION];
    stored.extend_from_slice(&known.accepted.to_be_bytes());
    stored.extend_from_slice(&known.window.to_be_bytes());
    stored.extend_from_slice(&known.content);
    stored
}

/// Reads both back.
pub(super) fn restore(key: &[u8], value: &[u8]) -> Option<(Key, KeyEntry)> {
    let (&[KIND, ..], key) = key.split_first_chunk::<5>()? else { return None };
    let (&VERSION, value) = value.split_first()? else { return None };
    let (accepted, value) = value.split_first_chunk::<4>()?;
    let (window, content) = value.split_first_chunk::<4>()?;
    let known = KeyEntry {
        content: content.try_into().ok()?,
        accepted: u32::from_be_bytes(*accepted),
        window: u32::from_be_bytes(*window),
        owner: 0,
    };
    Some((key.try_into().ok()?, known))
}
