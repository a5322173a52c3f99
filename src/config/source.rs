use std::sync::Arc;

use ipnet::IpNet;
use jiff::tz::Offset;

use super::section::Section;
use super::sections::network;
use super::text;
use super::{ApiConfig, CredentialConfig, suggest};
use crate::catalog::{Order, Rules, UntaggedImages};
use crate::event::{Tenant, Timestamp};
use crate::http::HostName;
use crate::ingest::{OnMalformed, Source, SourceApi};
use crate::limits::Rate;
use crate::outgoing::Outgoing;
use crate::source::{Kind, Settings};

/// Bytes of the shortest secret that is taken beyond loopback.
const MIN_SECRET: usize = 16;

/// One `[[sources]]`: who sends, and what it means.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct SourceConfig {
    /// Its name, in the URL that it posts to.
    pub name: String,
    /// Which registry's notifications it sends.
    pub kind: Kind,
    /// What a request must prove.
    pub credentials: Vec<CredentialConfig>,
    /// What the registry is called; empty: as its payloads say.
    pub registry: String,
    /// Whose it is.
    pub cloud: String,
    /// Which part of that.
    pub folder: String,
    /// Images without a tag.
    pub untagged: UntaggedImages,
    /// Whether pulls are events.
    pub pulls: bool,
    /// Whether ends of scans are events.
    pub scans: bool,
    /// Whether anything can be late.
    pub order: Order,
    /// What becomes of the unreadable.
    pub on_malformed: OnMalformed,
    /// Notifications, lasting and at once.
    pub rate: Rate,
    /// Networks that may send.
    pub allow: Vec<IpNet>,
    /// `ecr` over SNS: the topics taken.
    pub topics: Vec<String>,
    /// `gar`: whom Pub/Sub's token must be for.
    pub audience: String,
    /// `gar`: whom Pub/Sub's token must speak for.
    pub service_account: String,
    /// `alibaba`: the zone of its times.
    pub time_zone: Option<Offset>,
    /// Who may ask by OPTIONS to send.
    pub allowed_origins: Vec<String>,
    /// Whether the registry is asked for a digest that it did not tell.
    pub resolve: bool,
    /// Whether the registry's tags are listed before the source is opened for the first time.
    pub warm: bool,
    /// The registry's own API.
    pub api: Option<ApiConfig>,
}

/// All sources; no two have one name. Where `is_open`, a stranger may try to guess their secrets.
pub(super) fn sources(root: &mut Section<'_>, is_open: bool) -> Vec<SourceConfig> {
    let mut names: Vec<String> = Vec::new();
    root.entries("sources", |section| {
        let source = SourceConfig::read(section, is_open);
        if let Some(source) = &source {
            if names.contains(&source.name) {
                section.note("name", format_args!("two sources are called '{}'", source.name));
            }
            names.push(source.name.clone());
        }
        source
    })
}

impl SourceConfig {
    /// A source that is called as its kind and asks for nothing.
    pub fn of_kind(kind: Kind) -> Self {
        Self {
            name: kind.as_str().into(),
            kind,
            credentials: Vec::new(),
            registry: String::new(),
            cloud: "default".into(),
            folder: "default".into(),
            untagged: UntaggedImages::default(),
            pulls: false,
            scans: false,
            order: Order::default(),
            on_malformed: OnMalformed::default(),
            rate: Source::RATE,
            allow: Vec::new(),
            topics: Vec::new(),
            audience: String::new(),
            service_account: String::new(),
            time_zone: None,
            allowed_origins: Vec::new(),
            resolve: false,
            warm: false,
            api: None,
        }
    }

    fn read(section: &mut Section<'_>, is_open: bool) -> Option<Self> {
        let kind = |text: &str| {
            text.parse::<Kind>()
                .map_err(|error| format!("{error}{}", suggest::hint(text, Kind::ALL.map(Kind::as_str))))
        };
        let (name, kind) = (section.required("name", text::name), section.required("kind", kind));
        let default = Self::of_kind(kind.unwrap_or(Kind::Distribution));
        let per_second = section.within_or("rate", default.rate.per_second.get(), Rate::BOUNDS);
        let burst = section.within_or("burst", default.rate.burst.get(), Rate::BOUNDS);
        let source = Self {
            credentials: credentials(section, kind, is_open),
            registry: section.parsed("registry", registry).unwrap_or_default(),
            cloud: section.parsed("cloud", text::label).unwrap_or(default.cloud),
            folder: section.parsed("folder", text::label).unwrap_or(default.folder),
            untagged: section.one_of("untagged").unwrap_or_default(),
            pulls: section.switch("pulls"),
            scans: section.switch("scans"),
            order: section.one_of("order").unwrap_or_default(),
            on_malformed: section.one_of("on_malformed").unwrap_or_default(),
            rate: Rate::new(per_second, burst).unwrap_or(default.rate),
            allow: section.list("allow", network),
            topics: section.list("topics", topic),
            audience: section.parsed("audience", text::optional_label).unwrap_or_default(),
            service_account: section.parsed("service_account", text::optional_label).unwrap_or_default(),
            time_zone: section.parsed("time_zone", zone),
            allowed_origins: section.list("allowed_origins", sender),
            resolve: section.switch("resolve"),
            warm: section.switch("warm"),
            api: section.optional("api", ApiConfig::read).flatten(),
            name: name.clone().unwrap_or(default.name),
            kind: default.kind,
        };
        if kind.is_some() {
            source.check_switches(section);
        }
        name.and(kind).map(|_| source)
    }

    /// Switches that do nothing for this kind, or lack what they need, are mistakes.
    fn check_switches(&self, section: &Section<'_>) {
        for (key, kind) in [
            ("topics", Kind::Ecr),
            ("audience", Kind::Gar),
            ("service_account", Kind::Gar),
            ("time_zone", Kind::Alibaba),
        ] {
            let is_given = section.has(key)
                && match key {
                    "topics" => !self.topics.is_empty(),
                    "audience" => !self.audience.is_empty(),
                    "service_account" => !self.service_account.is_empty(),
                    _ => true,
                };
            if is_given && self.kind != kind {
                section.note(key, format_args!("is for {kind}"));
            }
        }
        if self.audience.is_empty() != self.service_account.is_empty() {
            let key = if self.audience.is_empty() { "service_account" } else { "audience" };
            section.note(key, "audience and service_account go together");
        }
        for (key, is_on) in [("resolve", self.resolve), ("warm", self.warm)] {
            if is_on && !section.has("api") {
                section.note(key, "needs [sources.api]");
            }
        }
        if self.warm && self.registry.is_empty() {
            // The listing says nothing of the name under which the payloads will speak of the registry.
            section.note("warm", "needs registry: the name that its tags are listed under");
        }
    }

    /// Whether anyone who reaches it may send.
    pub(super) fn asks_for_nothing(&self) -> bool {
        self.settings().asks_for_nothing()
    }

    fn settings(&self) -> Settings {
        let mut settings = Settings::new(self.kind, &self.name);
        settings.credentials = self.credentials.iter().map(|config| config.credential.clone()).collect();
        settings.allow.clone_from(&self.allow);
        settings.pulls = self.pulls;
        settings.scans = self.scans;
        settings.topics.clone_from(&self.topics);
        settings.audience.clone_from(&self.audience);
        settings.service_account.clone_from(&self.service_account);
        settings.allowed_origins.clone_from(&self.allowed_origins);
        settings.time_zone = self.time_zone.unwrap_or(settings.time_zone);
        settings
    }

    /// The source that these settings describe, with a full budget.
    pub fn source(&self) -> Source {
        let rules = Rules {
            keeps_order: self.kind.keeps_order(),
            blobs_look_like_images: self.kind.blobs_look_like_images(),
            last_tag_takes_image: self.kind.last_tag_takes_image(),
            untagged: self.untagged,
            order: self.order,
            pulls: self.pulls,
            scans: self.scans,
        };
        let tenant = Tenant { cloud: self.cloud.clone(), folder: self.folder.clone() };
        Source::new(self.settings(), tenant, self.registry.clone(), rules, self.on_malformed, self.rate)
    }

    /// The same with its registry's own API, as far as that is asked for anything.
    pub fn source_with(&self, outgoing: &Arc<Outgoing>) -> Source {
        let mut source = self.source();
        if let Some(api) = self.api.as_ref().filter(|_| self.resolve || self.warm) {
            source.api = Some(SourceApi {
                registry: api.registry(outgoing),
                resolve: self.resolve.then_some(api.resolve_time.0),
                warm: self.warm.then_some(api.warm_time.0),
            });
        }
        source
    }
}

fn credentials(section: &mut Section<'_>, kind: Option<Kind>, is_open: bool) -> Vec<CredentialConfig> {
    section.entries("credentials", |entry| {
        let credential = CredentialConfig::read(entry, kind)?;
        if is_open && credential.secret_bytes.is_some_and(|bytes| bytes < MIN_SECRET) {
            entry.note_whole(format_args!(
                "a secret has at least {MIN_SECRET} bytes where others than this machine reach it"
            ));
        }
        Some(credential)
    })
}

/// What a registry is called in events.
fn registry(name: &str) -> Result<String, &'static str> {
    if name.is_empty() {
        return Ok(String::new());
    }
    if name.contains("://") {
        Err("must be a name without a scheme: hub.example.com")
    } else {
        text::word(name)
    }
}

/// `arn:aws:sns:region:account:name`
fn topic(arn: &str) -> Result<String, &'static str> {
    let parts: Vec<_> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "sns", rest @ ..] if rest.len() == 3 && rest.iter().all(|part| !part.is_empty()) => {
            text::word(arn)
        }
        _ => Err("must be a topic of SNS: arn:aws:sns:region:account:name"),
    }
}

/// Who may ask by OPTIONS to send.
fn sender(name: &str) -> Result<String, String> {
    if name == "*" {
        return Ok(name.to_owned());
    }
    HostName::parse(name).map(|_| name.to_owned()).map_err(|error| error.to_string())
}

/// `+08:00` as an offset.
fn zone(text: &str) -> Result<Offset, &'static str> {
    let epoch_there = format!("1970-01-01T00:00:00{text}").parse::<Timestamp>().ok();
    let seconds = epoch_there.and_then(|epoch| i32::try_from(-epoch.as_second()).ok());
    seconds.and_then(|seconds| Offset::from_seconds(seconds).ok()).ok_or("a zone is written \"+08:00\"")
}
