use std::env::VarError;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::exposure;

/// The longest secret, and the most that is read of its file.
const LONGEST: usize = 64 << 10;

/// A secret in a settings file: as it is, `{ env = "NAME" }`, or `{ file = "/run/secrets/name" }`.
#[derive(Clone, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "a secret is a text, { env = \"NAME\" } or { file = \"PATH\" }"
)]
pub(super) enum SecretConfig {
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

/// A secret that was read. It shows itself nowhere.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SecretText(String);

/// A secret can't be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum SecretError {
    #[error("a secret is empty")]
    Empty,
    #[error("a secret has at most {LONGEST} bytes")]
    Long,
    /// The environment does not hold it.
    #[error("the environment's {0} {1}")]
    Variable(String, &'static str),
    /// Its file can't be read.
    #[error("{0}: {1}")]
    File(String, #[source] io::Error),
}

impl SecretText {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

impl fmt::Debug for SecretConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretConfig(…)")
    }
}

impl SecretConfig {
    /// The secret, which is not empty.
    pub(super) fn read(self) -> Result<SecretText, SecretError> {
        let secret = match self {
            Self::Text(text) => text,
            Self::Env { env } => std::env::var(&env).map_err(|error| {
                let why = match error {
                    VarError::NotPresent => "is not set",
                    VarError::NotUnicode(_) => "is no UTF-8",
                };
                SecretError::Variable(shown(&env, is_variable), why)
            })?,
            Self::File { file } => {
                let text = read_file(&file).map_err(|error| {
                    let is_path = |name: &str| name.starts_with(['/', '.']);
                    SecretError::File(shown(&file.to_string_lossy(), is_path), error)
                })?;
                exposure::warn_of(&file);
                text.trim_end().to_owned()
            }
        };
        match secret.len() {
            0 => Err(SecretError::Empty),
            length if length > LONGEST => Err(SecretError::Long),
            _ => Ok(SecretText(secret)),
        }
    }
}

/// What a file holds, as far as a secret may go; one such as /dev/zero has no end.
fn read_file(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(LONGEST as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
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
        settings.secret.read().map(|secret| secret.0).map_err(|error| error.to_string())
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

    #[test]
    fn a_secret_has_an_end() {
        assert!(read(&format!("'{}'", "x".repeat(LONGEST))).is_ok());
        assert!(read(&format!("'{}'", "x".repeat(LONGEST + 1))).is_err());
        assert!(read("{ file = '/dev/zero' }").unwrap_err().contains("at most"));
    }
}
