use std::sync::Arc;

use jiff::tz::Offset;
use serde::{Deserialize, Deserializer, de};

use super::{ApiConfig, CredentialConfig};
use crate::catalog::Rules;
use crate::event::{Tenant, Timestamp};
use crate::ingest::{OnMalformed, Source, SourceApi};
use crate::limits::Rate;
use crate::outgoing::Outgoing;
use crate::protocol::{NAME_RULE, is_name};
use crate::source::{Kind, Settings};

/// One `[[sources]]`: who sends, and what it means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct SourceConfig {
    /// Its name, in the URL that it posts to.
    pub name: String,
    /// Which registry's notifications it sends.
    #[serde(deserialize_with = "kind")]
    pub kind: Kind,
    /// What a request must prove.
    #[serde(default)]
    pub credentials: Vec<CredentialConfig>,
    /// What the registry is called; empty: as its payloads say.
    #[serde(default)]
    pub registry: String,
    /// Whose it is.
    #[serde(default = "default_tenant")]
    pub cloud: String,
    /// Which part of that.
    #[serde(default = "default_tenant")]
    pub folder: String,
    /// Images without a tag.
    #[serde(default)]
    pub untagged: Untagged,
    /// Whether pulls are events.
    #[serde(default)]
    pub pulls: bool,
    /// Whether ends of scans are events.
    #[serde(default)]
    pub scans: bool,
    /// Whether anything can be late.
    #[serde(default)]
    pub order: Order,
    /// What becomes of the unreadable.
    #[serde(default)]
    pub on_malformed: Malformed,
    /// Notifications a second.
    #[serde(default = "default_rate")]
    pub rate: u32,
    /// Notifications at once.
    #[serde(default = "default_burst")]
    pub burst: u32,
    /// Networks that may send.
    #[serde(default)]
    pub allow: Vec<ipnet::IpNet>,
    /// `ecr` over SNS: the topics taken.
    #[serde(default)]
    pub topics: Vec<String>,
    /// `gar`: whom Pub/Sub's token must be for.
    #[serde(default)]
    pub audience: String,
    /// `gar`: whom Pub/Sub's token must speak for.
    #[serde(default)]
    pub service_account: String,
    /// `alibaba`: the zone of its times.
    #[serde(default = "default_zone")]
    pub time_zone: String,
    /// Who may ask by OPTIONS to send.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// Whether the registry is asked for a digest that it did not tell.
    #[serde(default)]
    pub resolve: bool,
    /// Whether the registry's tags are listed before the source is opened for the first time.
    #[serde(default)]
    pub warm: bool,
    /// The registry's own API.
    pub api: Option<ApiConfig>,
}

/// Images that are pushed by digest alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Untagged {
    /// Make no event until they have a tag.
    #[default]
    Silent,
    /// Make a CreateImage without a tag.
    Announce,
}

/// What orders a source's notifications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Their time, where the source tells it.
    #[default]
    Time,
    /// Their arrival.
    Arrival,
}

/// What becomes of the unreadable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Malformed {
    /// It is kept aside.
    #[default]
    Quarantine,
    /// It is refused.
    Reject,
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

fn default_tenant() -> String {
    "default".into()
}

fn default_zone() -> String {
    "+08:00".into()
}

const fn default_rate() -> u32 {
    2_000
}

const fn default_burst() -> u32 {
    20_000
}

impl SourceConfig {
    /// A source that is called as its kind and asks for nothing.
    pub fn of_kind(kind: Kind) -> Self {
        Self {
            name: kind.as_str().into(),
            kind,
            credentials: Vec::new(),
            registry: String::new(),
            cloud: default_tenant(),
            folder: default_tenant(),
            untagged: Untagged::default(),
            pulls: false,
            scans: false,
            order: Order::default(),
            on_malformed: Malformed::default(),
            rate: default_rate(),
            burst: default_burst(),
            allow: Vec::new(),
            topics: Vec::new(),
            audience: String::new(),
            service_account: String::new(),
            time_zone: default_zone(),
            allowed_origins: Vec::new(),
            resolve: false,
            warm: false,
            api: None,
        }
    }

    /// Whether anyone who reaches it may send.
    pub(super) fn asks_for_nothing(&self) -> bool {
        self.settings().is_ok_and(|settings| settings.asks_for_nothing())
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let wrong = |why: &str| Err(format!("source '{}': {why}", self.name));
        if !is_name(&self.name) {
            return wrong(&format!("a name has {NAME_RULE}"));
        }
        if Rate::new(self.rate, self.burst).is_none() {
            return wrong("rate and burst are at least 1");
        }
        let checked = self.check_switches().and_then(|()| self.settings().map(drop));
        checked.map_err(|why| format!("source '{}': {why}", self.name))
    }

    /// Switches that do nothing for this kind, or lack what they need, are mistakes.
    fn check_switches(&self) -> Result<(), String> {
        if !self.topics.is_empty() && self.kind != Kind::Ecr {
            return Err("topics are for ecr".into());
        }
        if (!self.audience.is_empty() || !self.service_account.is_empty()) && self.kind != Kind::Gar {
            return Err("audience and service_account are for gar".into());
        }
        if self.audience.is_empty() != self.service_account.is_empty() {
            return Err("audience and service_account go together".into());
        }
        if (self.resolve || self.warm) && self.api.is_none() {
            return Err("resolve and warm need [sources.api]".into());
        }
        if self.warm && self.registry.is_empty() {
            // The listing says nothing of the name under which the payloads will speak of the registry.
            return Err("warm needs registry: the name that its tags are listed under".into());
        }
        self.api.as_ref().map_or(Ok(()), ApiConfig::check)
    }

    fn settings(&self) -> Result<Settings, String> {
        let credentials =
            self.credentials.iter().map(|c| c.credential(self.kind)).collect::<Result<_, _>>()?;
        let mut settings = Settings::new(self.kind, &self.name);
        settings.credentials = credentials;
        settings.allow.clone_from(&self.allow);
        settings.pulls = self.pulls;
        settings.scans = self.scans;
        settings.topics.clone_from(&self.topics);
        settings.audience.clone_from(&self.audience);
        settings.service_account.clone_from(&self.service_account);
        settings.allowed_origins.clone_from(&self.allowed_origins);
        settings.time_zone = zone(&self.time_zone)?;
        Ok(settings)
    }

    /// The source that these settings describe, with a full budget.
    ///
    /// # Errors
    ///
    /// A setting does not go with the kind, or a secret can't be had.
    pub fn source(&self) -> Result<Source, String> {
        let rules = Rules {
            keeps_order: self.kind.keeps_order(),
            blobs_look_like_images: self.kind.blobs_look_like_images(),
            last_tag_takes_image: self.kind.last_tag_takes_image(),
            announce_untagged: self.untagged == Untagged::Announce,
            arrival_order: self.order == Order::Arrival,
            pulls: self.pulls,
            scans: self.scans,
        };
        let on_malformed = match self.on_malformed {
            Malformed::Quarantine => OnMalformed::Quarantine,
            Malformed::Reject => OnMalformed::Reject,
        };
        let tenant = Tenant { cloud: self.cloud.clone(), folder: self.folder.clone() };
        let rate = Rate::new(self.rate, self.burst).ok_or("rate and burst are at least 1")?;
        Ok(Source::new(self.settings()?, tenant, self.registry.clone(), rules, on_malformed, rate))
    }
}

impl SourceConfig {
    /// The same with its registry's own API, as far as that is asked for anything.
    ///
    /// # Errors
    ///
    /// As [`Self::source`].
    pub fn source_with(&self, outgoing: &Arc<Outgoing>) -> Result<Source, String> {
        let mut source = self.source()?;
        if let Some(api) = self.api.as_ref().filter(|_| self.resolve || self.warm) {
            source.api = Some(SourceApi {
                registry: api.registry(outgoing)?,
                resolve: self.resolve.then_some(api.resolve_time.0),
                warm: self.warm.then_some(api.warm_time.0),
            });
        }
        Ok(source)
    }
}

/// `+08:00` as an offset.
fn zone(text: &str) -> Result<Offset, String> {
    let wrong = || format!("'{text}' is no zone; write \"+08:00\"");
    let epoch_there: Timestamp = format!("1970-01-01T00:00:00{text}").parse().map_err(|_| wrong())?;
    let seconds = i32::try_from(-epoch_there.as_second()).map_err(|_| wrong())?;
    Offset::from_seconds(seconds).map_err(|_| wrong())
}
