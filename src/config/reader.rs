use serde::Deserialize;

use super::{SecretConfig, SettingError};

/// Checks each, and that no two are one: who shows a token has to be one person.
pub(super) fn check(readers: &[ReaderConfig]) -> Result<(), SettingError> {
    let mut tokens: Vec<String> = Vec::new();
    for (index, reader) in readers.iter().enumerate() {
        let token = reader.token()?;
        if readers[..index].iter().any(|other| other.name == reader.name) {
            return Err(SettingError::Twice("readers", reader.name.clone()));
        }
        if let Some(other) = tokens.iter().position(|known| *known == token) {
            return Err(SettingError::SameToken(readers[other].name.clone(), reader.name.clone()));
        }
        tokens.push(token);
    }
    Ok(())
}

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
    /// Whether it may see and change what is its cloud's; without one, what is everybody's.
    #[serde(default)]
    pub admin: bool,
}

impl std::fmt::Debug for ReaderConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReaderConfig").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ReaderConfig {
    /// The token itself.
    pub(crate) fn token(&self) -> Result<String, SettingError> {
        let found = match self.token.read() {
            Ok(token) if token.len() < MIN_TOKEN => Err(SettingError::ShortToken(MIN_TOKEN)),
            found => found,
        };
        found.map_err(|error| error.found_in(format!("reader '{}'", self.name)))
    }
}
