//! Every setting with its unit, default and check; `config/default.toml` is built in and is the manual.
//!
//! A file is read over the defaults; unknown keys are refused. No module imports this one: it gathers
//! their option structs.

mod api;
mod credential;
mod error;
mod exposure;
mod listen;
mod positive;
mod reader;
mod secret;
mod secrets;
mod sections;
mod source;
mod syntax;
mod targets;
mod unit;

use std::path::{Path, PathBuf};

use serde::Deserialize;

pub(crate) use api::ApiConfig;
pub(crate) use credential::CredentialConfig;
pub(crate) use error::{ConfigError, SettingError};
pub(crate) use reader::ReaderConfig;
pub(crate) use secret::SecretConfig;
pub(crate) use secrets::SecretsConfig;
pub(crate) use sections::{
    ConnectionsConfig, FiltersConfig, HttpConfig, IngestConfig, LogConfig, QuarantineConfig, SpaceConfig,
    Store,
};
pub use source::SourceConfig;
use syntax::SyntaxError;
pub(crate) use targets::TargetsConfig;
pub(crate) use unit::{Size, Span};

use crate::delivery::trigger::SealingKeys;
use crate::filter;
use crate::source::Kind;
use crate::transport::ListenAddress;
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
    #[serde(deserialize_with = "listen::one_or_more")]
    pub listen: Vec<ListenAddress>,
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
    pub(crate) triggers: Vec<TriggerSpec<SecretConfig>>,
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
        exposure::warn_of(path);
        Self::parse(&text).map_err(|error| match error {
            ConfigError::Syntax(why) => ConfigError::FileSyntax(path.to_owned(), why),
            other => other,
        })
    }

    /// The defaults, with `text` read over them.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with the place of what is wrong.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let syntax = |error: SyntaxError| ConfigError::Syntax(Box::new(error));
        let table = |text: &str| {
            toml::from_str::<toml::Table>(text).map_err(|error| syntax(SyntaxError::in_text(&error, text)))
        };
        let merged = toml::Value::Table(merge(table(DEFAULT)?, table(text)?));
        serde_path_to_error::deserialize(merged.clone())
            .map_err(|error| syntax(SyntaxError::in_settings(error, &merged)))
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
    /// The first that can't be used.
    pub fn triggers(&self) -> Result<Vec<TriggerSpec>, SettingError> {
        self.targets.triggers(&self.triggers, &self.filter_options(), &self.readers)
    }

    /// The settings' feeds.
    ///
    /// # Errors
    ///
    /// The first that can't be used.
    pub fn feeds(&self) -> Result<Vec<Feed>, SettingError> {
        self.targets.feeds(&self.feeds, &self.filter_options())
    }

    /// What stored secrets are sealed with.
    ///
    /// # Errors
    ///
    /// The first key that can't be used.
    pub(crate) fn sealing_keys(&self) -> Result<SealingKeys, SettingError> {
        self.secrets.keys()
    }

    /// Checks what one value alone can't tell.
    ///
    /// # Errors
    ///
    /// The first rule that is broken, above all where the gateway would be open to everyone.
    pub fn check(&self) -> Result<(), ConfigError> {
        let sources = self.sources();
        for (index, source) in sources.iter().enumerate() {
            source.check()?;
            if sources[..index].iter().any(|other| other.name == source.name) {
                return Err(SettingError::Twice("sources", source.name.clone()).into());
            }
        }
        reader::check(&self.readers)?;
        self.filters.check()?;
        self.http.check()?;
        self.ingest.check()?;
        self.space.check()?;
        self.targets.check()?;
        self.sealing_keys()?;
        self.triggers()?;
        self.feeds()?;
        self.connections.check()?;
        self.check_positive()?;
        self.check_listeners()?;
        Ok(self.check_openness(&sources)?)
    }

    /// What is open to whoever reaches it has an address of its own.
    fn check_listeners(&self) -> Result<(), SettingError> {
        if self.listen.is_empty() {
            return Err(SettingError::Rule("listen has one address at least"));
        }
        let metrics = self.http.metrics_listen.as_ref();
        if self.listen.iter().any(|own| metrics.is_some_and(|metrics| metrics.is_same(own))) {
            return Err(SettingError::Rule("http.metrics_listen is another address than listen"));
        }
        let is_twice =
            |(index, own): (usize, &ListenAddress)| self.listen[..index].iter().any(|it| it.is_same(own));
        if self.listen.iter().enumerate().any(is_twice) {
            return Err(SettingError::Rule("listen has each address once"));
        }
        Ok(())
    }

    /// Whether nobody needs a credential, neither to read nor to send.
    pub(crate) fn asks_for_nothing(&self) -> bool {
        self.readers.is_empty() && self.sources().iter().all(SourceConfig::asks_for_nothing)
    }

    /// Beyond loopback everyone must show who they are.
    fn check_openness(&self, sources: &[SourceConfig]) -> Result<(), SettingError> {
        let Some(open) = self.listen.iter().find(|address| !address.is_local()) else { return Ok(()) };
        if self.readers.is_empty() {
            return Err(SettingError::OpenToReaders(open.clone()));
        }
        match sources.iter().find(|source| source.asks_for_nothing()) {
            Some(source) => Err(SettingError::OpenToSenders(open.clone(), source.name.clone())),
            None => sources.iter().try_for_each(SourceConfig::check_secrets),
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
