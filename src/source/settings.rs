use ipnet::IpNet;
use jiff::tz::Offset;

use super::{Credential, Kind};

/// What one source is set to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which reader takes its requests.
    pub kind: Kind,
    /// The source's name.
    pub name: String,
    /// What a request must prove. Credentials of the same sort (two secrets for one header) are alternatives,
    /// for a rotation; of each sort that is listed, one must fit. Empty: nothing is asked.
    pub credentials: Vec<Credential>,
    /// Addresses that may send. Empty: any.
    pub allow: Vec<IpNet>,
    /// `ecr` over SNS: the topics taken. Naming one asks for SNS's signature.
    pub topics: Vec<String>,
    /// `gar`: the audience of Pub/Sub's token. Naming it asks for the token.
    pub audience: String,
    /// `gar`: the account that Pub/Sub's token must speak for.
    pub service_account: String,
    /// `alibaba`: the zone of its times, which name none.
    pub time_zone: Offset,
    /// Who may ask by OPTIONS to send: origins, or `*`. Empty: Event Grid at an `azure` source, and anyone at a
    /// source that asks for nothing.
    pub allowed_origins: Vec<String>,
    /// Whether pulls are told.
    pub pulls: bool,
    /// Whether scans are told.
    pub scans: bool,
    /// Bounds on what a body may hold.
    pub limits: Limits,
}

impl Settings {
    /// A source with nothing but its kind and name: it asks for no credentials.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            credentials: Vec::new(),
            allow: Vec::new(),
            topics: Vec::new(),
            audience: String::new(),
            service_account: String::new(),
            time_zone: Offset::constant(8),
            allowed_origins: Vec::new(),
            pulls: false,
            scans: false,
            limits: Limits::default(),
        }
    }

    /// Whether keys that others publish are needed to know its requests.
    pub fn needs_keys(&self) -> bool {
        let shows_token = self.credentials.iter().any(|c| matches!(c, Credential::Token(_)));
        shows_token
            || !self.topics.is_empty()
            || !self.audience.is_empty()
            || !self.service_account.is_empty()
    }

    /// Whether anyone who reaches the source may send.
    pub fn asks_for_nothing(&self) -> bool {
        self.credentials.is_empty()
            && self.topics.is_empty()
            && self.audience.is_empty()
            && self.service_account.is_empty()
    }
}

/// Bounds on what a body may hold; bytes unless said otherwise. Each keeps one sender from taking more memory,
/// or more of a client's screen, than an honest registry needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Notifications in one request.
    pub events: usize,
    /// Levels of arrays and objects.
    pub depth: usize,
    /// The repository's name.
    pub repository: usize,
    /// The tag, or a chart's version.
    pub tag: usize,
    /// The digest.
    pub digest: usize,
    /// The actor.
    pub actor: usize,
    /// Each of the other texts: ids, registry, media type.
    pub other: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { events: 5_000, depth: 32, repository: 255, tag: 128, digest: 256, actor: 256, other: 256 }
    }
}
