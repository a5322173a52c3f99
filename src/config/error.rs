use std::io;
use std::path::PathBuf;

use super::syntax::SyntaxError;
use crate::http::{HostError, OriginError};
use crate::protocol::NAME_RULE;
use crate::source::Kind;
use crate::transport::ListenAddress;
use crate::trigger::DefinitionError;

/// Settings that can't be used, and why.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("{0}: {1}")]
    File(PathBuf, #[source] io::Error),
    /// It is no TOML, or a key is unknown or of the wrong form.
    #[error("{0}")]
    Syntax(#[source] Box<SyntaxError>),
    /// The same of a file.
    #[error("{0}: {1}")]
    FileSyntax(PathBuf, #[source] Box<SyntaxError>),
    /// A value is out of its bounds, or does not go with another.
    #[error(transparent)]
    Value(#[from] SettingError),
}

/// Why a value can't be used. Holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// It breaks a rule of the manual.
    #[error("{0}")]
    Rule(&'static str),
    /// The gateway can't work with none of it.
    #[error("{0} is more than nothing")]
    Zero(&'static str),
    /// Nothing can be called so.
    #[error("a name has {NAME_RULE}")]
    Name,
    /// A secret could be guessed.
    #[error("a secret has at least {0} bytes where others than this machine reach it")]
    ShortSecret(usize),
    /// `signature` at a kind of registry that makes none.
    #[error("a {0} registry signs nothing")]
    SignsNothing(Kind),
    /// The zone can't be read.
    #[error("a zone is written \"+08:00\"")]
    Zone,
    /// The environment does not hold a secret.
    #[error("the environment's {0} {1}")]
    Environment(String, &'static str),
    /// A secret's file can't be read.
    #[error("{0}: {1}")]
    SecretFile(String, #[source] io::Error),
    /// A reader's token could be guessed.
    #[error("a token has at least {0} characters")]
    ShortToken(usize),
    /// A name stands there twice.
    #[error("two {0} are called '{1}'")]
    Twice(&'static str, String),
    /// One token would speak for two.
    #[error("the readers '{0}' and '{1}' have the same token")]
    SameToken(String, String),
    /// Everyone on the network could read.
    #[error("{0} is not loopback: readers need tokens, add [[readers]]")]
    OpenToReaders(ListenAddress),
    /// Everyone on the network could send to this source.
    #[error("{0} is not loopback: source '{1}' needs credentials")]
    OpenToSenders(ListenAddress, String),
    /// No request could name this host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// No page could have this origin.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// The definition of a trigger or a feed can't be used.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// One of the above, and what it was found in.
    #[error("{0}: {1}")]
    In(String, #[source] Box<Self>),
}

impl SettingError {
    /// The same, with what it was found in.
    pub(super) fn found_in(self, what: impl Into<String>) -> Self {
        Self::In(what.into(), Box::new(self))
    }
}
