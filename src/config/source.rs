use serde::{Deserialize, Deserializer, de};

use crate::catalog::Rules;
use crate::event::Tenant;
use crate::ingest::{OnMalformed, Source};
use crate::limits::Rate;
use crate::source::{Credential, Kind, Secret, Settings};

/// One `[[sources]]`: who sends, and what it means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
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

/// One thing that proves a request to be the source's.
#[derive(Clone, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum CredentialConfig {
    /// `{ header = "Authorization", value = "…" }`, verbatim.
    Header {
        /// Its name.
        header: String,
        /// Its value.
        value: String,
    },
    /// `{ bearer = "…" }`
    Bearer {
        /// The token.
        bearer: String,
    },
    /// `{ basic = "user:password" }`
    Basic {
        /// User and password.
        basic: String,
    },
    /// `{ query = "secret", value = "…" }`: a parameter of the URL.
    Query {
        /// Its name.
        query: String,
        /// Its value.
        value: String,
    },
    /// `{ signature = "…" }`: the secret that this kind of registry signs its bodies with.
    Signature {
        /// The secret.
        signature: String,
    },
}

impl std::fmt::Debug for CredentialConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CredentialConfig(…)")
    }
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

fn default_tenant() -> String {
    "default".into()
}

const fn default_rate() -> u32 {
    2_000
}

const fn default_burst() -> u32 {
    20_000
}

impl CredentialConfig {
    fn credential(&self, kind: Kind) -> Result<Credential, String> {
        Ok(match self {
            Self::Header { header, value } => {
                Credential::Header { name: header.clone(), value: Secret::new(value) }
            }
            Self::Bearer { bearer } => Credential::Bearer(Secret::new(bearer)),
            Self::Basic { basic } => Credential::Basic(Secret::new(basic)),
            Self::Query { query, value } => {
                Credential::Query { parameter: query.clone(), value: Secret::new(value) }
            }
            Self::Signature { signature } => Credential::signature(kind, Secret::new(signature))
                .ok_or_else(|| format!("a {} registry signs nothing", kind.as_str()))?,
        })
    }

    fn secret(&self) -> &str {
        match self {
            Self::Header { value, .. } | Self::Query { value, .. } => value,
            Self::Bearer { bearer: secret }
            | Self::Basic { basic: secret }
            | Self::Signature { signature: secret } => secret,
        }
    }
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
        }
    }

    /// Whether anyone who reaches it may send.
    pub(super) fn asks_for_nothing(&self) -> bool {
        self.credentials.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let wrong = |why: &str| Err(format!("source '{}': {why}", self.name));
        let letters = self.name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if !letters || !(1..=64).contains(&self.name.len()) {
            return wrong("a name has 1 to 64 characters of A-Z a-z 0-9 . _ -");
        }
        if self.credentials.iter().any(|credential| credential.secret().is_empty()) {
            return wrong("a secret is empty");
        }
        if Rate::new(self.rate, self.burst).is_none() {
            return wrong("rate and burst are at least 1");
        }
        self.settings().map(drop).map_err(|why| format!("source '{}': {why}", self.name))
    }

    fn settings(&self) -> Result<Settings, String> {
        let credentials =
            self.credentials.iter().map(|c| c.credential(self.kind)).collect::<Result<_, _>>()?;
        let mut settings = Settings::new(self.kind, &self.name);
        settings.credentials = credentials;
        settings.allow.clone_from(&self.allow);
        settings.pulls = self.pulls;
        settings.scans = self.scans;
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
