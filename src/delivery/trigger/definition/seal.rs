//! Rows that hold secrets: encrypted with ChaCha20-Poly1305 where the operator gave a key, else as they are.
//!
//! A sealed row is a mark, the id of its key, a random nonce, then what is encrypted and its tag. Mark, key id and the
//! row's own key are authenticated with it, so that no row can stand in another's place. What is not sealed is JSON,
//! which never begins with the mark.

use std::fmt;

use data_encoding::HEXLOWER;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use zeroize::Zeroizing;

/// What a sealed row begins with; another form would have another one.
const MARK: u8 = 1;
const ID: usize = 8;
const HEAD: usize = 1 + ID;

/// Bytes of a key.
pub(crate) const KEY_LENGTH: usize = 32;

/// Tells keys apart, and nothing about them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyId([u8; ID]);

/// The operator's key, and those before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SealingKeys {
    /// What is written is sealed with the first. With none at all, nothing is sealed.
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    id: KeyId,
    key: LessSafeKey,
}

/// A row has more bytes than the cipher takes. It is not stored then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too large to be encrypted")]
pub(crate) struct SealError;

/// Why a row can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpenError {
    /// It is sealed, and there is no key.
    #[error("secrets.key is not set, but it is encrypted, with key {0}: set that one")]
    NoKey(KeyId),
    /// None of the keys sealed it.
    #[error(
        "it is encrypted with key {sealed}, and secrets.key is {current}: set that one, or list it in secrets.previous_keys"
    )]
    OtherKey { sealed: KeyId, current: KeyId },
    /// Its key is there, and it is not what was sealed.
    #[error("its stored secrets are damaged")]
    Damaged,
}

/// A row as it was before it was sealed.
pub(crate) struct PlainRow {
    pub(crate) plain: Zeroizing<Vec<u8>>,
    /// Whether it is stored as it would be stored now.
    pub(crate) is_current: bool,
}

impl Key {
    fn new(bytes: &[u8; KEY_LENGTH]) -> Option<Self> {
        let id = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), b"tagcast key id");
        let id = KeyId(id.as_ref().first_chunk().copied()?);
        Some(Self { id, key: LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, bytes).ok()?) })
    }

    /// What is authenticated beside the secret itself.
    fn about(&self, row: &[u8]) -> Aad<Vec<u8>> {
        Aad::from([&[MARK], self.id.0.as_slice(), row].concat())
    }
}

impl SealingKeys {
    /// The present key first, then those before it; `None` if the cipher takes one of them for no key.
    pub(crate) fn new<'a>(keys: impl IntoIterator<Item = &'a [u8; KEY_LENGTH]>) -> Option<Self> {
        let keys = keys.into_iter().map(Key::new).collect::<Option<_>>()?;
        Some(Self { keys })
    }

    /// The id of the present key.
    pub(crate) fn current(&self) -> Option<KeyId> {
        self.keys.first().map(|key| key.id)
    }

    /// What to store under the key `row`. `nonce` is random: of so few rows no two ever get the same.
    pub(crate) fn seal(
        &self,
        row: &[u8],
        mut plain: Zeroizing<Vec<u8>>,
        nonce: [u8; NONCE_LEN],
    ) -> Result<Vec<u8>, SealError> {
        let Some(key) = self.keys.first() else { return Ok(std::mem::take(&mut *plain)) };
        let once = Nonce::assume_unique_for_key(nonce);
        let tag = key.key.seal_in_place_separate_tag(once, key.about(row), &mut plain);
        let tag = tag.map_err(|_| SealError)?;
        Ok([&[MARK], key.id.0.as_slice(), &nonce, &plain, tag.as_ref()].concat())
    }

    /// What was stored under the key `row`, whichever of the keys sealed it.
    pub(crate) fn open(&self, row: &[u8], stored: Vec<u8>) -> Result<PlainRow, OpenError> {
        if stored.first() != Some(&MARK) {
            return Ok(PlainRow { plain: Zeroizing::new(stored), is_current: self.keys.is_empty() });
        }
        let (head, rest) = stored.split_at_checked(HEAD).ok_or(OpenError::Damaged)?;
        let (nonce, sealed) = rest.split_first_chunk().ok_or(OpenError::Damaged)?;
        let id = KeyId(head[1..].try_into().map_err(|_| OpenError::Damaged)?);
        let Some(key) = self.keys.iter().find(|key| key.id == id) else {
            return Err(match self.current() {
                Some(current) => OpenError::OtherKey { sealed: id, current },
                None => OpenError::NoKey(id),
            });
        };
        let mut plain = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = key.key.open_in_place(nonce, key.about(row), &mut plain);
        let length = opened.map_err(|_| OpenError::Damaged)?.len();
        plain.truncate(length);
        Ok(PlainRow { plain, is_current: self.current() == Some(id) })
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.id).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> SealingKeys {
        let all: Vec<_> = bytes.iter().map(|byte| [*byte; KEY_LENGTH]).collect();
        SealingKeys::new(&all).unwrap()
    }

    fn sealed(by: &SealingKeys) -> Vec<u8> {
        by.seal(b"dt", Zeroizing::new(b"{\"hush\":1}".to_vec()), [7; NONCE_LEN]).unwrap()
    }

    fn opened(by: &SealingKeys, row: &[u8], stored: Vec<u8>) -> Result<(Vec<u8>, bool), OpenError> {
        by.open(row, stored).map(|opened| (opened.plain.to_vec(), opened.is_current))
    }

    #[test]
    fn what_is_sealed_is_opened_by_its_key_present_or_former() {
        let (none, one, other, both) = (keys(&[]), keys(&[1]), keys(&[2]), keys(&[2, 1]));
        let plain = b"{\"hush\":1}".to_vec();
        assert_eq!(sealed(&none), plain);
        assert_eq!(opened(&none, b"dt", plain.clone()), Ok((plain.clone(), true)));
        assert_eq!(opened(&one, b"dt", plain.clone()), Ok((plain.clone(), false)), "it is to be sealed");
        let stored = sealed(&one);
        assert!(!stored.windows(4).any(|bytes| bytes == b"hush"));
        assert_eq!(opened(&one, b"dt", stored.clone()), Ok((plain.clone(), true)));
        assert_eq!(opened(&both, b"dt", stored.clone()), Ok((plain, false)), "it is to be sealed anew");
        assert!(matches!(opened(&other, b"dt", stored.clone()), Err(OpenError::OtherKey { .. })));
        assert!(matches!(opened(&none, b"dt", stored), Err(OpenError::NoKey(_))));
    }

    #[test]
    fn what_was_changed_or_moved_is_not_opened() {
        let one = keys(&[1]);
        let stored = sealed(&one);
        assert_eq!(opened(&one, b"dother", stored.clone()), Err(OpenError::Damaged));
        for at in HEAD..stored.len() {
            let mut changed = stored.clone();
            changed[at] ^= 1;
            assert_eq!(opened(&one, b"dt", changed), Err(OpenError::Damaged), "{at}");
        }
        for length in 1..stored.len() {
            assert!(opened(&one, b"dt", stored[..length].to_vec()).is_err(), "{length}");
        }
    }

    #[test]
    fn keys_do_not_show() {
        assert!(!format!("{:?}", keys(b"k")).contains("kk"));
    }
}
