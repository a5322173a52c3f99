//! Every setting with its unit, default and bounds; `config/default.toml` is built in and is the manual.
//!
//! A file is read over the defaults, key by key ([`Section`]): unknown names, wrong forms, values out of their bounds and
//! what does not go together are all told at once, each with its place. A [`Config`] that is there can be used. No
//! module imports this one: it gathers their option structs.

mod api;
mod connections;
mod credential;
mod definitions;
mod exposure;
mod fault;
mod given;
mod log;
mod quantity;
mod reader;
mod secret;
mod secrets;
mod section;
mod sections;
mod source;
mod suggest;
mod targets;
mod text;

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use toml::de::DeTable;

pub(crate) use self::api::ApiConfig;
pub(crate) use self::connections::ConnectionsConfig;
pub(crate) use self::credential::CredentialConfig;
pub(crate) use self::fault::{ConfigError, Fault, Place};
pub(crate) use self::given::{Given, misspelt_variables};
pub(crate) use self::log::{LogConfig, SpaceConfig, Store};
pub(crate) use self::reader::ReaderConfig;
pub(crate) use self::sections::{FiltersConfig, HttpConfig, IngestConfig, QuarantineConfig};
pub use self::source::SourceConfig;
pub(crate) use self::suggest::hint;
pub(crate) use self::targets::TargetsConfig;
pub(crate) use self::text::word;

use self::fault::Report;
use self::secret::SecretConfig;
use self::section::Section;
use crate::delivery::trigger::SealingKeys;
use crate::filter;
use crate::source::Kind;
use crate::transport::ListenAddress;
use crate::trigger::{Feed, TriggerSpec};

/// The defaults, with a word on each.
pub(crate) const DEFAULT: &str = include_str!("config/default.toml");

/// A source of each kind, as one would set it up.
pub(crate) const SOURCES: &str = include_str!("config/sources.toml");

/// All settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub(crate) listen: Vec<ListenAddress>,
    /// Where the log lives.
    pub data_dir: PathBuf,
    /// What stands before the short name in an event's type.
    pub event_type_prefix: String,
    /// The log.
    pub(crate) log: LogConfig,
    /// Free space.
    pub(crate) space: SpaceConfig,
    /// The way in.
    pub(crate) ingest: IngestConfig,
    /// The unreadable.
    pub(crate) quarantine: QuarantineConfig,
    /// Requests.
    pub(crate) http: HttpConfig,
    /// WebSocket clients.
    pub(crate) connections: ConnectionsConfig,
    /// Filters.
    pub(crate) filters: FiltersConfig,
    /// What triggers may call.
    pub(crate) targets: TargetsConfig,
    /// What stored secrets are sealed with.
    pub(crate) keys: SealingKeys,
    /// Who may read; none: everyone, on loopback.
    pub(crate) readers: Vec<ReaderConfig>,
    /// Who may send; none: one per kind without credentials, on loopback.
    pub sources: Vec<SourceConfig>,
    /// Streams that the operator named.
    pub(crate) feeds: Vec<Feed>,
    /// What calls out; more can be made while the gateway runs.
    pub(crate) triggers: Vec<TriggerSpec>,
}

impl Config {
    /// The defaults, with the file and what else is given over them.
    ///
    /// # Errors
    ///
    /// All that is wrong with it.
    pub(crate) fn load(given: &Given) -> Result<Self, ConfigError> {
        let report = Report::default();
        let name = given.file.as_deref().map(|file| file.display().to_string());
        let text = given.read_file(&report);
        given::tell_unknown_variables(text.as_deref().unwrap_or_default());
        let config = Self::read(text.as_deref(), given, &report);
        report.end(name.as_deref(), text.as_deref().unwrap_or_default())?;
        Ok(config)
    }

    /// The defaults, with `text` read over them.
    ///
    /// # Errors
    ///
    /// All that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let report = Report::default();
        let config = Self::read(Some(text), &Given::default(), &report);
        report.end(None, text)?;
        Ok(config)
    }

    /// Without a text, which could not be had, what else is given is read all the same.
    fn read(text: Option<&str>, given: &Given, report: &Report) -> Self {
        given.faults.iter().for_each(|fault| report.note(fault.clone()));
        let default = DeTable::parse(DEFAULT).unwrap_or_else(|_| section::empty());
        let written = text.and_then(|text| {
            let no_toml = |error: &toml::de::Error| {
                let start = error.span().map(|span| span.start);
                report.note(Fault::new(Place::File(start), "", error.message()));
            };
            DeTable::parse(text).inspect_err(no_toml).ok()
        });
        let is_whole = written.is_some();
        let (written, overrides) = (written.unwrap_or_else(section::empty), given.overrides());
        let mut root = Section::root(report, written.get_ref(), default.get_ref(), &overrides);
        let mut config = Self::read_all(&mut root);
        root.refuse_others();
        if is_whole {
            config.check(&root);
        }
        if let Some(directory) = &given.data_dir {
            config.data_dir.clone_from(directory);
        }
        config
    }

    fn read_all(root: &mut Section<'_>) -> Self {
        let listen =
            root.one_or_more("listen", "expected an address, or a list of them", ListenAddress::from_str);
        let is_open = listen.iter().any(|address| !address.is_local());
        let event_type_prefix = root.parsed("event_type_prefix", text::word).unwrap_or_default();
        let filters = root.section("filters", FiltersConfig::read);
        let targets = root.section("targets", TargetsConfig::read);
        let options =
            filter::Options { event_type_prefix: event_type_prefix.clone(), max_text: filters.text };
        let readers = reader::readers(root);
        Self {
            listen,
            data_dir: root.parsed("data_dir", path).unwrap_or_default(),
            event_type_prefix,
            log: root.section("log", LogConfig::read),
            space: root.section("space", SpaceConfig::read),
            ingest: root.section("ingest", IngestConfig::read),
            quarantine: root.section("quarantine", QuarantineConfig::read),
            http: root.section("http", HttpConfig::read),
            connections: root.section("connections", ConnectionsConfig::read),
            keys: root.section("secrets", secrets::keys),
            sources: source::sources(root, is_open),
            feeds: definitions::feeds(root, &targets, &options),
            triggers: definitions::triggers(root, &targets, &options, &readers),
            filters,
            targets,
            readers,
        }
    }

    /// What one table alone can't tell.
    fn check(&self, root: &Section<'_>) {
        let (queue, body) = (self.ingest.queue_size, self.http.body);
        if queue < body {
            let (table, key) = if root.has("ingest") { ("ingest", "queue_size") } else { ("http", "body") };
            let why = "would never be taken";
            let why = format!(
                "ingest.queue_size ({queue}) must be at least http.body ({body}): a longer one {why}"
            );
            root.note_within(table, key, why);
        }
        // What is open to whoever reaches it has an address of its own.
        let metrics = self.http.metrics_listen.as_ref();
        if self.listen.iter().any(|own| metrics.is_some_and(|metrics| metrics.is_same(own))) {
            root.note_within("http", "metrics_listen", "must be another address than listen");
        }
        for (index, own) in self.listen.iter().enumerate() {
            if self.listen[..index].iter().any(|other| other.is_same(own)) {
                root.note_item("listen", index, "listen has each address once");
            }
        }
        if let Some(open) = self.listen.iter().find(|address| !address.is_local()) {
            self.check_openness(open, root);
        }
    }

    /// Beyond loopback everyone must show who they are. What is missing is missing in the file, wherever the address was
    /// given.
    fn check_openness(&self, listen: &ListenAddress, root: &Section<'_>) {
        let note = |why: &str| root.note_in_file("listen", format_args!("{listen} is not loopback: {why}"));
        if !root.is_listed("readers") {
            note("readers need tokens, add [[readers]]");
        }
        if !root.is_listed("sources") {
            note("each source needs credentials, add [[sources]]");
        }
        for source in self.sources.iter().filter(|source| source.asks_for_nothing()) {
            note(&format!("source '{}' needs credentials", source.name));
        }
    }

    /// The sources to start with: those that are set, or without any one per kind.
    pub fn sources(&self) -> Vec<SourceConfig> {
        if self.sources.is_empty() {
            return Kind::ALL.into_iter().map(SourceConfig::of_kind).collect();
        }
        self.sources.clone()
    }

    /// What may be held in memory, of each sort, in bytes.
    pub(crate) fn budgets(&self) -> [(&'static str, u64); 6] {
        let (http, connections) = (&self.http, &self.connections);
        [
            ("log.memory", self.log.memory.0),
            ("ingest.queue_size", self.ingest.queue_size.0),
            ("http.bodies", http.bodies.0),
            ("http.answers", http.answers.0),
            ("connections.outboxes", connections.outboxes.0),
            ("filters.automata", self.filters.automata.0),
        ]
    }

    /// How filters are read.
    pub(crate) fn filter_options(&self) -> filter::Options {
        filter::Options { event_type_prefix: self.event_type_prefix.clone(), max_text: self.filters.text }
    }

    /// Whether nobody needs a credential, neither to read nor to send.
    pub(crate) fn asks_for_nothing(&self) -> bool {
        self.readers.is_empty() && self.sources().iter().all(SourceConfig::asks_for_nothing)
    }
}

fn path(text: &str) -> Result<PathBuf, &'static str> {
    let is_blank = text.trim().is_empty() || text.contains('\0');
    if is_blank { Err("must be a directory's path") } else { Ok(Path::new(text).to_owned()) }
}

#[cfg(test)]
mod tests;
