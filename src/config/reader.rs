use serde::Deserialize;

use super::{SecretConfig, SettingError};

/// Characters of the shortest token that is taken; 32 of hex are 128 bits.
const MIN_TOKEN: usize = 32;

/// Someone who may read.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReaderConfig {
    /// For people and diagnostics.
    pub name: String,
    /// What it shows.
    pub token: SecretConfig,
    /// The one cloud it may read; none: all.
    pub cloud: Option<String>,
    /// Whether it may see and empty the quarantine.
    #[serde(default)]
    pub admin: bool,
}

impl std::fmt::Debug for ReaderConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReaderConfig").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ReaderConfig {
    pub(super) fn check(&self) -> Result<(), SettingError> {
        self.token().map(drop)
    }

    /// The token itself.
    pub(crate) fn token(&self) -> Result<String, SettingError> {
        let found = match self.token.read() {
            Ok(token) if token.len() < MIN_TOKEN => Err(SettingError::ShortToken(MIN_TOKEN)),
            found => found,
        };
        found.map_err(|error| error.found_in(format!("reader '{}'", self.name)))
    }
}
