use std::fmt;

use data_encoding::HEXLOWER;

/// A digest in as few bytes as it has: text would take more than twice as many.
///
/// Its order is the byte order of the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Digest {
    Sha256([u8; 32]),
    // Rare, so it must not make every other digest larger.
    Sha512(Box<[u8; 64]>),
}

const SHA256: u8 = 1;
const SHA512: u8 = 2;

impl Digest {
    /// Reads `sha256:…` or `sha512:…`; anything else counts as not told.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("sha256", hex) => Some(Self::Sha256(decode(hex)?)),
            ("sha512", hex) => Some(Self::Sha512(Box::new(decode(hex)?))),
            _ => None,
        }
    }

    /// Appends the stored form: a byte for the algorithm, then the hash.
    pub(super) fn store(&self, out: &mut Vec<u8>) {
        out.push(if matches!(self, Self::Sha256(_)) { SHA256 } else { SHA512 });
        out.extend_from_slice(self.hash());
    }

    /// Reads the stored form.
    pub(super) fn restore(stored: &[u8]) -> Option<Self> {
        match stored.split_first()? {
            (&SHA256, hash) => Some(Self::Sha256(hash.try_into().ok()?)),
            (&SHA512, hash) => Some(Self::Sha512(Box::new(hash.try_into().ok()?))),
            _ => None,
        }
    }

    fn hash(&self) -> &[u8] {
        match self {
            Self::Sha256(hash) => hash,
            Self::Sha512(hash) => &hash[..],
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl Digest {
    /// The digest as registries write it.
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(7 + 2 * self.hash().len());
        text.push_str(if matches!(self, Self::Sha256(_)) { "sha256:" } else { "sha512:" });
        HEXLOWER.encode_append(self.hash(), &mut text);
        text
    }
}

fn decode<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut hash = [0; N];
    if hex.len() != 2 * N {
        return None;
    }
    HEXLOWER.decode_mut(hex.as_bytes(), &mut hash).ok()?;
    Some(hash)
}
