use std::env::VarError;
use std::path::PathBuf;

use serde::Deserialize;

use super::{SettingError, exposure};

/// A secret in a settings file: as it is, `{ env = "NAME" }`, or `{ file = "/run/secrets/name" }`.
#[derive(Clone, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "a secret is a text, { env = \"NAME\" } or { file = \"PATH\" }"
)]
pub enum SecretConfig {
    /// The secret itself.
    Text(String),
    /// The environment variable that holds it.
    Env {
        /// Its name.
        env: String,
    },
    /// The file that holds it; white space at its end is no part of it.
    File {
        /// Its path.
        file: PathBuf,
    },
}

impl std::fmt::Debug for SecretConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretConfig(…)")
    }
}

impl SecretConfig {
    /// The secret, which is not empty.
    pub(super) fn read(&self) -> Result<String, SettingError> {
        let secret = match self {
            Self::Text(text) => text.clone(),
            Self::Env { env } => std::env::var(env).map_err(|error| {
                let why = match error {
                    VarError::NotPresent => "is not set",
                    VarError::NotUnicode(_) => "is no UTF-8",
                };
                SettingError::Environment(shown(env, is_variable), why)
            })?,
            Self::File { file } => {
                let text = std::fs::read_to_string(file).map_err(|error| {
                    let is_path = |name: &str| name.starts_with(['/', '.']);
                    SettingError::SecretFile(shown(&file.to_string_lossy(), is_path), error)
                })?;
                exposure::warn_of(file);
                text.trim_end().to_owned()
            }
        };
        if secret.is_empty() { Err(SettingError::Rule("a secret is empty")) } else { Ok(secret) }
    }
}

/// The name of a variable or a file, if it looks like one: the secret itself may have been written in its place.
fn shown(name: &str, is_name: impl Fn(&str) -> bool) -> String {
    if is_name(name) { name.to_owned() } else { "(a name)".into() }
}

fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Settings {
        secret: SecretConfig,
    }

    fn read(value: &str) -> Result<String, String> {
        let settings: Settings = toml::from_str(&format!("secret = {value}")).unwrap();
        settings.secret.read().map_err(|error| error.to_string())
    }

    #[test]
    fn a_secret_stands_there_or_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        std::fs::write(&file, "hush\n").unwrap();
        assert_eq!(read("'hush'"), Ok("hush".into()));
        assert_eq!(read(&format!("{{ file = '{}' }}", file.display())), Ok("hush".into()));
        // Cargo sets it for every test.
        assert_eq!(read("{ env = 'CARGO_PKG_NAME' }"), Ok("tagcast".into()));
    }

    #[test]
    fn what_is_not_there_is_named_and_never_empty() {
        assert!(read("{ env = 'TAGCAST_NOT_THERE' }").unwrap_err().contains("TAGCAST_NOT_THERE"));
        assert!(read("{ file = '/nowhere/at/all' }").unwrap_err().contains("/nowhere/at/all"));
        for misplaced in ["{ env = 'hush-hush' }", "{ env = '0hush' }", "{ file = 'hush-hush' }"] {
            let why = read(misplaced).unwrap_err();
            assert!(!why.contains("hush"), "{why}");
        }
        assert!(read("''").is_err());
        assert!(toml::from_str::<Settings>("secret = { enw = 'x' }").is_err());
    }
}
