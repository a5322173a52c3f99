use data_encoding::HEXLOWER_PERMISSIVE;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::SecretConfig;
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
    pub(super) fn keys(&self) -> Result<SealingKeys, String> {
        if self.key.is_none() && !self.previous_keys.is_empty() {
            return Err("secrets.previous_keys needs secrets.key".into());
        }
        let present = self.key.iter().map(|key| ("secrets.key".to_owned(), key));
        let former = self.previous_keys.iter().enumerate();
        let former = former.map(|(index, key)| (format!("secrets.previous_keys[{index}]"), key));
        let mut keys = Vec::new();
        for (name, written) in present.chain(former) {
            let key = read(written).map_err(|why| format!("{name}: {why}"))?;
            if keys.contains(&key) {
                return Err(format!("{name}: the same key stands there twice"));
            }
            keys.push(key);
        }
        SealingKeys::new(keys.iter().map(|key| &**key)).ok_or_else(|| "secrets.key can't be used".to_owned())
    }
}

fn read(written: &SecretConfig) -> Result<Zeroizing<[u8; KEY_LENGTH]>, String> {
    let text = Zeroizing::new(written.read()?);
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map(Zeroizing::new);
    let key = bytes.ok().and_then(|bytes| bytes.as_slice().try_into().ok());
    key.map(Zeroizing::new).ok_or_else(|| "a key is 64 hexadecimal digits: openssl rand -hex 32".to_owned())
}
