//! Every setting with its unit, default and check; `config/default.toml` is built in and is the manual.
//!
//! A file is read over the defaults; unknown keys are refused. No module imports this one: it gathers
//! their option structs.

mod api;
mod credential;
mod reader;
mod secret;
mod secrets;
mod sections;
mod source;
mod targets;
mod unit;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub(crate) use api::ApiConfig;
pub(crate) use credential::CredentialConfig;
pub(crate) use reader::ReaderConfig;
pub(crate) use secret::SecretConfig;
pub(crate) use secrets::SecretsConfig;
pub(crate) use sections::{
    ConnectionsConfig, FiltersConfig, HttpConfig, IngestConfig, LogConfig, QuarantineConfig, SpaceConfig,
    Store,
};
pub use source::SourceConfig;
pub(crate) use targets::TargetsConfig;
pub(crate) use unit::{Size, Span};

use crate::delivery::trigger::SealingKeys;
use crate::filter;
use crate::source::Kind;
use crate::trigger::{Feed, FeedSpec, TriggerSpec};

/// The defaults, with a word on each.
pub(crate) const DEFAULT: &str = include_str!("config/default.toml");

/// A source of each kind, as one would set it up.
pub(crate) const SOURCES: &str = include_str!("config/sources.toml");

/// All settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where the log lives.
    pub data_dir: PathBuf,
    /// What stands before the short name in an event's type.
    pub event_type_prefix: String,
    /// The log.
    pub log: LogConfig,
    /// Free space.
    pub space: SpaceConfig,
    /// The way in.
    pub ingest: IngestConfig,
    /// The unreadable.
    pub quarantine: QuarantineConfig,
    /// Requests.
    pub http: HttpConfig,
    /// WebSocket clients.
    pub connections: ConnectionsConfig,
    /// Filters.
    pub filters: FiltersConfig,
    /// What triggers may call.
    pub targets: TargetsConfig,
    /// What stored secrets are encrypted with.
    pub secrets: SecretsConfig,
    /// Who may read; none: everyone, on loopback.
    #[serde(default)]
    pub readers: Vec<ReaderConfig>,
    /// Who may send; none: one per kind without credentials, on loopback.
    #[serde(default)]
    pub sources: Vec<SourceConfig>,
    /// Streams that the operator named.
    #[serde(default)]
    pub feeds: Vec<FeedSpec>,
    /// What calls out; more can be made while the gateway runs.
    #[serde(default)]
    pub triggers: Vec<serde_json::Value>,
}

/// Settings that can't be used, and why.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("{0}: {1}")]
    File(PathBuf, #[source] std::io::Error),
    /// It is no TOML, or a key is unknown or of the wrong form.
    #[error("{0}")]
    Syntax(String),
    /// A value is out of its bounds, or does not go with another.
    #[error("{0}")]
    Value(String),
}

impl Config {
    /// The defaults, with `file` read over them.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with the place of what is wrong.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = file else { return Self::parse("") };
        let text =
            std::fs::read_to_string(path).map_err(|error| ConfigError::File(path.to_owned(), error))?;
        Self::parse(&text).map_err(|error| match error {
            ConfigError::Syntax(why) => ConfigError::Syntax(format!("{}: {why}", path.display())),
            other => other,
        })
    }

    /// The defaults, with `text` read over them.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with the place of what is wrong.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let table =
            |text| toml::from_str::<toml::Table>(text).map_err(|e| ConfigError::Syntax(e.to_string()));
        let merged = merge(table(DEFAULT)?, table(text)?);
        merged.try_into().map_err(|error: toml::de::Error| ConfigError::Syntax(error.to_string()))
    }

    /// The sources to start with: those that are set, or without any one per kind.
    pub fn sources(&self) -> Vec<SourceConfig> {
        if self.sources.is_empty() {
            return Kind::ALL.into_iter().map(SourceConfig::of_kind).collect();
        }
        self.sources.clone()
    }

    /// How filters are read.
    pub(crate) fn filter_options(&self) -> filter::Options {
        filter::Options { event_type_prefix: self.event_type_prefix.clone(), max_text: self.filters.text }
    }

    /// The settings' triggers.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] with the first that can't be used.
    pub fn triggers(&self) -> Result<Vec<TriggerSpec>, ConfigError> {
        let found = self.targets.triggers(&self.triggers, &self.filter_options(), &self.readers);
        found.map_err(ConfigError::Value)
    }

    /// The settings' feeds.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] with the first that can't be used.
    pub fn feeds(&self) -> Result<Vec<Feed>, ConfigError> {
        let found = self.targets.feeds(&self.feeds, &self.filter_options());
        found.map_err(ConfigError::Value)
    }

    /// What stored secrets are sealed with.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] with the first key that can't be used.
    pub(crate) fn sealing_keys(&self) -> Result<SealingKeys, ConfigError> {
        self.secrets.keys().map_err(ConfigError::Value)
    }

    /// Checks what one value alone can't tell.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`], above all where the gateway would be open to everyone.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong = |why: String| Err(ConfigError::Value(why));
        let sources = self.sources();
        for (index, source) in sources.iter().enumerate() {
            source.check().map_err(ConfigError::Value)?;
            if sources[..index].iter().any(|other| other.name == source.name) {
                return wrong(format!("two sources are called '{}'", source.name));
            }
        }
        for reader in &self.readers {
            reader.check().map_err(ConfigError::Value)?;
        }
        if self.filters.text > 16_384 {
            return wrong("filters.text is at most 16384".into());
        }
        // The HTTP library's own least.
        if self.http.header.0 < 8_192 {
            return wrong("http.header is at least 8KiB".into());
        }
        if self.ingest.queue_events == 0 || self.ingest.queue_size.0 == 0 || self.ingest.repeat_keys == 0 {
            return wrong("ingest.queue_events, queue_size and repeat_keys are at least 1".into());
        }
        self.space.check().map_err(ConfigError::Value)?;
        self.targets.check().map_err(ConfigError::Value)?;
        self.sealing_keys()?;
        self.triggers()?;
        self.feeds()?;
        self.connections.check().map_err(ConfigError::Value)?;
        if self.listen.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        if self.readers.is_empty() {
            return wrong(format!("{} is not loopback: readers need tokens, add [[readers]]", self.listen));
        }
        match sources.iter().find(|source| source.asks_for_nothing()) {
            Some(open) => {
                wrong(format!("{} is not loopback: source '{}' needs credentials", self.listen, open.name))
            }
            None => Ok(()),
        }
    }
}

/// `over` on top of `base`, table by table; arrays and values are replaced.
fn merge(mut base: toml::Table, over: toml::Table) -> toml::Table {
    for (key, value) in over {
        let value = match (base.remove(&key), value) {
            (Some(toml::Value::Table(base)), toml::Value::Table(over)) => {
                toml::Value::Table(merge(base, over))
            }
            (_, value) => value,
        };
        base.insert(key, value);
    }
    base
}

#[cfg(test)]
mod tests;
