use data_encoding::HEXLOWER_PERMISSIVE;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::SecretConfig;
use super::SettingError::{self, Rule};
use crate::delivery::trigger::{KEY_LENGTH, SealingKeys};

/// `[secrets]`: what stored secrets are encrypted with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretsConfig {
    /// The key; none: they are stored as they are.
    pub key: Option<SecretConfig>,
    /// Keys that were used before.
    pub previous_keys: Vec<SecretConfig>,
}

impl SecretsConfig {
    /// The present key and those before it.
    pub(super) fn keys(&self) -> Result<SealingKeys, SettingError> {
        if self.key.is_none() && !self.previous_keys.is_empty() {
            return Err(Rule("secrets.previous_keys needs secrets.key"));
        }
        let present = self.key.iter().map(|key| ("secrets.key".to_owned(), key));
        let former = self.previous_keys.iter().enumerate();
        let former = former.map(|(index, key)| (format!("secrets.previous_keys[{index}]"), key));
        let mut keys = Vec::new();
        for (name, written) in present.chain(former) {
            match read(written) {
                Ok(key) if keys.contains(&key) => {
                    return Err(Rule("the same key stands there twice").found_in(name));
                }
                Ok(key) => keys.push(key),
                Err(error) => return Err(error.found_in(name)),
            }
        }
        SealingKeys::new(keys.iter().map(|key| &**key)).ok_or(Rule("secrets.key can't be used"))
    }
}

fn read(written: &SecretConfig) -> Result<Zeroizing<[u8; KEY_LENGTH]>, SettingError> {
    let text = Zeroizing::new(written.read()?);
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map(Zeroizing::new);
    let key = bytes.ok().and_then(|bytes| bytes.as_slice().try_into().ok());
    key.map(Zeroizing::new).ok_or(Rule("a key is 64 hexadecimal digits: openssl rand -hex 32"))
}
