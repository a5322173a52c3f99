use serde::Deserialize;

use super::SecretConfig;

/// Shortest token that is taken; 32 characters of hex are 128 bits.
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
    pub(super) fn check(&self) -> Result<(), String> {
        self.token().map(drop)
    }

    /// The token itself.
    pub(crate) fn token(&self) -> Result<String, String> {
        let token = self.token.read().map_err(|why| format!("reader '{}': {why}", self.name))?;
        if token.len() < MIN_TOKEN {
            return Err(format!("reader '{}': a token has at least {MIN_TOKEN} characters", self.name));
        }
        Ok(token)
    }
}
