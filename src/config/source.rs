use std::sync::Arc;

use jiff::tz::Offset;
use serde::Deserialize;

use super::SettingError::{self, Rule};
use super::sections::read_each;
use super::{ApiConfig, CredentialConfig};
use crate::catalog::{Order, Rules, UntaggedImages};
use crate::event::{Tenant, Timestamp};
use crate::http::HostName;
use crate::ingest::{OnMalformed, Source, SourceApi};
use crate::limits::Rate;
use crate::outgoing::Outgoing;
use crate::protocol::is_name;
use crate::source::{Kind, Settings};

/// Bytes of the shortest secret that is taken beyond loopback.
const MIN_SECRET: usize = 16;

/// One `[[sources]]`: who sends, and what it means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct SourceConfig {
    /// Its name, in the URL that it posts to.
    pub name: String,
    /// Which registry's notifications it sends.
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
    pub untagged: UntaggedImages,
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
    pub on_malformed: OnMalformed,
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
    pub time_zone: Option<String>,
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

fn default_tenant() -> String {
    "default".into()
}

const fn default_rate() -> u32 {
    Source::PER_SECOND
}

const fn default_burst() -> u32 {
    Source::BURST
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
            untagged: UntaggedImages::default(),
            pulls: false,
            scans: false,
            order: Order::default(),
            on_malformed: OnMalformed::default(),
            rate: default_rate(),
            burst: default_burst(),
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

    /// Whether anyone who reaches it may send.
    pub(super) fn asks_for_nothing(&self) -> bool {
        self.settings().is_ok_and(|settings| settings.asks_for_nothing())
    }

    /// Checks that none of its secrets could be guessed over a network.
    pub(super) fn check_secrets(&self) -> Result<(), SettingError> {
        for (index, credential) in self.credentials.iter().enumerate() {
            let bytes = credential.secret_bytes()?;
            if bytes.is_some_and(|bytes| bytes < MIN_SECRET) {
                let short = SettingError::ShortSecret(MIN_SECRET).found_in(format!("credentials[{index}]"));
                return Err(short.found_in(format!("source '{}'", self.name)));
            }
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), SettingError> {
        let checked = self.check_name().and_then(|()| self.check_switches());
        let checked = checked.and_then(|()| self.settings().map(drop));
        checked.map_err(|error| error.found_in(format!("source '{}'", self.name)))
    }

    fn check_name(&self) -> Result<(), SettingError> {
        if !is_name(&self.name) {
            return Err(SettingError::Name);
        }
        self.rate().map(drop)
    }

    fn rate(&self) -> Result<Rate, SettingError> {
        Rate::new(self.rate, self.burst).ok_or(Rule("rate and burst are at least 1"))
    }

    /// Switches that do nothing for this kind, or lack what they need, are mistakes.
    fn check_switches(&self) -> Result<(), SettingError> {
        if !self.topics.is_empty() && self.kind != Kind::Ecr {
            return Err(Rule("topics are for ecr"));
        }
        if (!self.audience.is_empty() || !self.service_account.is_empty()) && self.kind != Kind::Gar {
            return Err(Rule("audience and service_account are for gar"));
        }
        if self.audience.is_empty() != self.service_account.is_empty() {
            return Err(Rule("audience and service_account go together"));
        }
        if (self.resolve || self.warm) && self.api.is_none() {
            return Err(Rule("resolve and warm need [sources.api]"));
        }
        if self.warm && self.registry.is_empty() {
            // The listing says nothing of the name under which the payloads will speak of the registry.
            return Err(Rule("warm needs registry: the name that its tags are listed under"));
        }
        let sender = |name: &str| if name == "*" { Ok(()) } else { HostName::parse(name).map(drop) };
        read_each("allowed_origins", &self.allowed_origins, sender)?;
        self.api.as_ref().map_or(Ok(()), ApiConfig::check)
    }

    fn settings(&self) -> Result<Settings, SettingError> {
        let credential = |(index, written): (usize, &CredentialConfig)| {
            written.credential(self.kind).map_err(|error| error.found_in(format!("credentials[{index}]")))
        };
        let credentials = self.credentials.iter().enumerate().map(credential).collect::<Result<_, _>>()?;
        let mut settings = Settings::new(self.kind, &self.name);
        settings.credentials = credentials;
        settings.allow.clone_from(&self.allow);
        settings.pulls = self.pulls;
        settings.scans = self.scans;
        settings.topics.clone_from(&self.topics);
        settings.audience.clone_from(&self.audience);
        settings.service_account.clone_from(&self.service_account);
        settings.allowed_origins.clone_from(&self.allowed_origins);
        if let Some(time_zone) = &self.time_zone {
            settings.time_zone = zone(time_zone)?;
        }
        Ok(settings)
    }

    /// The source that these settings describe, with a full budget.
    ///
    /// # Errors
    ///
    /// A setting does not go with the kind, or a secret can't be had.
    pub fn source(&self) -> Result<Source, SettingError> {
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
        let (settings, registry, rate) = (self.settings()?, self.registry.clone(), self.rate()?);
        Ok(Source::new(settings, tenant, registry, rules, self.on_malformed, rate))
    }
}

impl SourceConfig {
    /// The same with its registry's own API, as far as that is asked for anything.
    ///
    /// # Errors
    ///
    /// As [`Self::source`].
    pub fn source_with(&self, outgoing: &Arc<Outgoing>) -> Result<Source, SettingError> {
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
fn zone(text: &str) -> Result<Offset, SettingError> {
    let wrong = || SettingError::Zone;
    let epoch_there: Timestamp = format!("1970-01-01T00:00:00{text}").parse().map_err(|_| wrong())?;
    let seconds = i32::try_from(-epoch_there.as_second()).map_err(|_| wrong())?;
    Offset::from_seconds(seconds).map_err(|_| wrong())
}
