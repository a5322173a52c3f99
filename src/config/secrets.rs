use data_encoding::HEXLOWER_PERMISSIVE;
use zeroize::Zeroizing;

use super::secret::SecretText;
use super::section::Section;
use crate::delivery::trigger::{KEY_LENGTH, SealingKeys};

/// What a key looks like.
const RULE: &str = "a key is 64 hexadecimal digits: openssl rand -hex 32";

/// `[secrets]`: what stored secrets are encrypted with; the present key and those before it.
pub(super) fn keys(section: &mut Section<'_>) -> SealingKeys {
    let present = section.secret("key");
    let is_there = section.has("key");
    let previous = section.secrets("previous_keys");
    if !is_there && !previous.is_empty() {
        section.note("previous_keys", "needs secrets.key");
    }
    let mut keys: Vec<Zeroizing<[u8; KEY_LENGTH]>> = Vec::new();
    if let Some(present) = present {
        match key(&present) {
            Some(key) => keys.push(key),
            None => section.note("key", RULE),
        }
    }
    for (index, previous) in previous {
        match key(&previous) {
            Some(key) if keys.contains(&key) => {
                section.note_item("previous_keys", index, "the same key stands there twice");
            }
            Some(key) => keys.push(key),
            None => section.note_item("previous_keys", index, RULE),
        }
    }
    let keys = SealingKeys::new(keys.iter().map(|key| &**key));
    keys.unwrap_or_else(|| {
        section.note("key", "can't be used");
        SealingKeys::default()
    })
}

fn key(written: &SecretText) -> Option<Zeroizing<[u8; KEY_LENGTH]>> {
    let bytes = HEXLOWER_PERMISSIVE.decode(written.expose().as_bytes()).map(Zeroizing::new).ok()?;
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}
