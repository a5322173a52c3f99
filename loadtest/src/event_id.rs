//! Event ids: `crt` and 17 characters of lower-case base32hex, 85 bits, the resume point of the protocol.

use std::fmt;

use memchr::memmem;
use serde::{Deserialize, Serialize};

/// Characters of an id.
pub const LENGTH: usize = 20;

/// An event id as a number: within one epoch it grows in log order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId(pub u128);

impl EventId {
    /// Reads the id at the start of `text`.
    pub fn read(text: &[u8]) -> Option<Self> {
        let digits = text.get(..LENGTH)?.strip_prefix(b"crt")?;
        let mut bits = 0;
        for &byte in digits {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'v' => byte - b'a' + 10,
                _ => return None,
            };
            bits = (bits << 5) | u128::from(digit);
        }
        Some(Self(bits))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("crt")?;
        for place in (0..17).rev() {
            let digit = u8::try_from((self.0 >> (5 * place)) & 31).unwrap_or(0);
            let symbol = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
            write!(f, "{}", char::from(symbol))?;
        }
        Ok(())
    }
}

/// Every id that stands as a whole JSON string in `json`.
pub fn ids_in(json: &[u8]) -> impl Iterator<Item = EventId> {
    memmem::find_iter(json, b"\"crt").filter_map(|at| {
        (json.get(at + 1 + LENGTH) == Some(&b'"')).then(|| EventId::read(&json[at + 1..])).flatten()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_whole_ids_only() {
        let json = br#"{"events":["crtjsu23lo00000004j7","crt00000000000000001"],"tag":"crt1","x":"crtjsu23lo00000004j7x"}"#;
        let found: Vec<_> = ids_in(json).map(|id| id.to_string()).collect();
        assert_eq!(found, ["crtjsu23lo00000004j7", "crt00000000000000001"]);
    }

    proptest! {
        #[test]
        fn reads_what_it_writes_in_order(a in 0u128..1 << 85, b in 0u128..1 << 85) {
            let (a, b) = (EventId(a), EventId(b));
            prop_assert_eq!(EventId::read(a.to_string().as_bytes()), Some(a));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }
    }
}
