use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE32HEX_NOPAD, Encoding, Specification};
use std::sync::LazyLock;

/// Number of an event in the log: the first is 1, each next one more.
pub type Offset = u64;

/// Random name of one life of the log. Offsets mean something only together with it.
pub(crate) type Epoch = u32;

/// The largest offset: 2^53 − 1, so that it is exact in JSON.
pub(crate) const MAX_OFFSET: Offset = (1 << 53) - 1;

const PREFIX: &str = "crt";
const DIGITS: usize = 17;

/// A life of the log and an offset in it: everything up to and including `offset` lies behind it.
///
/// As text it is an event id: `crt` and 17 characters of lower-case base32hex, 85 bits, the epoch in the high 32. Base32hex
/// keeps the order of the bits, so ids of an epoch sort as text in the order of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Which life of the log.
    pub epoch: Epoch,
    /// Which event of it; 0 stands before the first.
    pub offset: Offset,
}

/// A text that is no event id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an event id (crt and 17 characters of 0-9, a-v)")]
pub struct ParsePositionError(pub String);

/// Lower-case base32hex without padding.
pub(crate) static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec: Specification = BASE32HEX_NOPAD.specification();
    spec.symbols.make_ascii_lowercase();
    spec.encoding().unwrap_or(BASE32HEX_NOPAD)
});

/// `crt` and the 85 low bits of `bits`, as 17 characters.
pub(crate) fn spell(bits: u128) -> String {
    // 85 bits are 17 whole characters: shifted to the top of 88 bits they fill
    // 11 bytes, whose 18th character (the 3 bits of padding) is dropped.
    let bytes = (bits << 3).to_be_bytes();
    let mut text = String::with_capacity(PREFIX.len() + DIGITS + 1);
    text.push_str(PREFIX);
    BASE32.encode_append(&bytes[5..], &mut text);
    text.truncate(PREFIX.len() + DIGITS);
    text
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&spell((u128::from(self.epoch) << 53) | u128::from(self.offset & MAX_OFFSET)))
    }
}

impl FromStr for Position {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || ParsePositionError(text.chars().take(40).collect());
        let digits = text.strip_prefix(PREFIX).filter(|d| d.len() == DIGITS).ok_or_else(bad)?;
        let mut bits: u128 = 0;
        for byte in digits.bytes() {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'v' => byte - b'a' + 10,
                _ => return Err(bad()),
            };
            bits = (bits << 5) | u128::from(digit);
        }
        let epoch = Epoch::try_from(bits >> 53).map_err(|_| bad())?;
        let offset = Offset::try_from(bits & u128::from(MAX_OFFSET)).map_err(|_| bad())?;
        Ok(Self { epoch, offset })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spelling_is_fixed() {
        let at = |epoch, offset| Position { epoch, offset }.to_string();
        assert_eq!(at(0, 0), "crt00000000000000000");
        assert_eq!(at(u32::MAX, MAX_OFFSET), "crtvvvvvvvvvvvvvvvvv");
        assert_eq!(at(0, 1), "crt00000000000000001");
        assert_eq!(at(1, 0), "crt00000080000000000");
    }

    #[test]
    fn refuses_what_is_no_id() {
        for bad in [
            "",
            "crt",
            "crt0000000000000000",
            "crt000000000000000000",
            "crtV0000000000000000",
            "xyz00000000000000000",
        ] {
            assert!(bad.parse::<Position>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn text_leads_back_and_sorts_in_log_order(epoch: u32, a in 0..=MAX_OFFSET, b in 0..=MAX_OFFSET) {
            let (a, b) = (Position { epoch, offset: a }, Position { epoch, offset: b });
            prop_assert_eq!(a.to_string().parse(), Ok(a));
            prop_assert_eq!(a.offset.cmp(&b.offset), a.to_string().cmp(&b.to_string()));
        }
    }
}
