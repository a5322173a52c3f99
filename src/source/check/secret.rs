use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Something only the source and this gateway know. It never shows itself.
#[derive(Clone)]
pub struct Secret {
    bytes: Box<[u8]>,
    hash: [u8; 32],
}

impl Secret {
    /// Keeps the secret.
    pub fn new(secret: impl AsRef<[u8]>) -> Self {
        let bytes: Box<[u8]> = secret.as_ref().into();
        let hash = Sha256::digest(&bytes).into();
        Self { bytes, hash }
    }

    /// Whether `candidate` is the secret. An empty secret is nobody's.
    pub(super) fn is(&self, candidate: &[u8]) -> bool {
        let same = self.hash.ct_eq(Sha256::digest(candidate).as_slice());
        bool::from(same) && !self.bytes.is_empty()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self::new(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_is_the_secret() {
        let secret = Secret::from("opensesame");
        assert!(secret.is(b"opensesame"));
        for wrong in ["", "opensesam", "opensesame ", "Opensesame"] {
            assert!(!secret.is(wrong.as_bytes()), "{wrong}");
        }
        assert!(!Secret::from("").is(b""));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
