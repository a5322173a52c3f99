use std::net::SocketAddr;
use std::path::Path;

use serde::Deserialize;

use super::SettingError::{self, Rule};
use super::{Size, Span};
use crate::collections::AgeLimits;
use crate::delivery::connection::ConnectionLimits;
use crate::event::Epoch;
use crate::filter::SearchBudget;
use crate::http::{HostName, HttpLimits, Origin, Sites, TrustedProxies, TrustedProxy};
use crate::ingest::WriterOptions;
use crate::limits::{Guesses, Rate, WorkLimits};
use crate::log::{DiskOptions, FreeSpace, OnDamage, SpaceLimits};
use crate::protocol::HEARTBEATS;
use crate::transport::{ListenAddress, SocketMode};

/// `[log]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Its home.
    pub store: Store,
    /// Newest events kept in memory.
    pub memory: Size,
    /// Retention by age.
    pub max_age: Span,
    /// Retention by size.
    pub max_size: Size,
    /// Size of a segment.
    pub segment: Size,
    /// What damage leads to.
    pub on_damage: OnDamage,
    /// Time between checks of the whole log.
    pub scrub: Span,
    /// Bytes a second that a check reads at most.
    pub scrub_rate: Size,
}

/// `[space]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpaceConfig {
    /// Below it there is a warning.
    pub warn: Size,
    /// The same as a share.
    pub warn_percent: u8,
    /// Below it events are refused.
    pub refuse: Size,
    /// The same as a share.
    pub refuse_percent: u8,
    /// From it on they are taken again.
    pub resume: Size,
    /// The same as a share.
    pub resume_percent: u8,
    /// Size of the reserve file.
    pub reserve: Size,
}

impl SpaceConfig {
    fn limits(&self) -> SpaceLimits {
        let free = |bytes: Size, percent| FreeSpace { percent, bytes: bytes.0 };
        SpaceLimits {
            warn: free(self.warn, self.warn_percent),
            refuse: free(self.refuse, self.refuse_percent),
            resume: free(self.resume, self.resume_percent),
            reserve: self.reserve.0,
        }
    }

    pub(super) fn check(&self) -> Result<(), SettingError> {
        let shares = [self.refuse_percent, self.resume_percent, self.warn_percent];
        if shares.iter().any(|share| *share > 100) {
            return Err(Rule("shares of space are at most 100 percent"));
        }
        if self.refuse.0 > self.resume.0 || self.refuse_percent > self.resume_percent {
            return Err(Rule("space.resume is at least space.refuse"));
        }
        Ok(())
    }
}

/// Home of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Store {
    /// In the data directory.
    Disk,
    /// In memory: nothing survives.
    Memory,
}

impl Store {
    /// Its name in the settings.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Memory => "memory",
        }
    }
}

impl LogConfig {
    pub(crate) fn disk(&self, dir: &Path, new_epoch: Epoch, space: &SpaceConfig) -> DiskOptions {
        DiskOptions {
            dir: dir.to_owned(),
            memory: self.memory.bytes(),
            segment_bytes: self.segment.0,
            max_age: self.max_age.0,
            max_bytes: self.max_size.0,
            new_epoch,
            space: space.limits(),
            on_damage: self.on_damage,
            tables_open: DiskOptions::TABLES_OPEN,
        }
    }
}

/// `[ingest]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestConfig {
    /// Notifications that may wait.
    pub queue_events: usize,
    /// Bytes that may wait.
    pub queue_size: Size,
    /// How long a source waits.
    pub ack_deadline: Span,
    /// Keys of repeats.
    pub repeat_keys: usize,
}

impl IngestConfig {
    pub(super) fn check(&self) -> Result<(), SettingError> {
        if self.queue_events == 0 || self.queue_size.0 == 0 || self.repeat_keys == 0 {
            return Err(Rule("ingest.queue_events, queue_size and repeat_keys are at least 1"));
        }
        Ok(())
    }

    pub(crate) fn writer(&self, event_type_prefix: &str, quarantine: &QuarantineConfig) -> WriterOptions {
        WriterOptions {
            event_type_prefix: event_type_prefix.to_owned(),
            quarantine: quarantine.limits(),
            repeat_keys: self.repeat_keys,
            queue_notifications: self.queue_events,
            queue_bytes: self.queue_size.bytes(),
            ack_deadline: self.ack_deadline.0,
            ..WriterOptions::default()
        }
    }
}

/// `[quarantine]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuarantineConfig {
    /// Bytes kept.
    pub max_size: Size,
    /// Time kept.
    pub max_age: Span,
}

impl QuarantineConfig {
    fn limits(&self) -> AgeLimits {
        AgeLimits { bytes: self.max_size.0, age: self.max_age.0 }
    }
}

/// `[http]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Bytes of a body.
    pub body: Size,
    /// Time for a body.
    pub body_time: Span,
    /// Bytes of all bodies.
    pub bodies: Size,
    /// Bytes of all answers.
    pub answers: Size,
    /// Time for an answer.
    pub answer_time: Span,
    /// Bytes of a head.
    pub header: Size,
    /// Time for a head.
    pub header_time: Span,
    /// How long a connection is kept after an answer.
    pub idle_time: Span,
    /// Wrong credentials from one address, a second.
    pub wrong_credentials_per_second: u32,
    /// The same, at once.
    pub wrong_credentials_burst: u32,
    /// What the gateway is called.
    pub hosts: Vec<String>,
    /// Whose pages may read.
    pub allowed_origins: Vec<String>,
    /// Whose word on the client's address is taken.
    pub trusted_proxies: Vec<TrustedProxy>,
    /// Whether their connections begin with a PROXY header.
    pub proxy_protocol: bool,
    /// Who may connect to Unix sockets.
    pub socket_mode: SocketMode,
    /// Where `/metrics` is open to whoever reaches it; none: nowhere.
    pub metrics_listen: Option<ListenAddress>,
}

impl HttpConfig {
    pub(super) fn check(&self) -> Result<(), SettingError> {
        // The HTTP library's own least.
        if self.header.0 < 8_192 {
            return Err(Rule("http.header is at least 8KiB"));
        }
        if self.bodies.0 < self.body.0 || self.answers.0 < 16 << 20 {
            return Err(Rule("http.bodies is at least http.body, and http.answers at least 16MiB"));
        }
        if self.wrong_credentials().is_none() {
            return Err(Rule("http.wrong_credentials_per_second and wrong_credentials_burst are at least 1"));
        }
        if self.trusted_proxies.iter().any(|proxy| proxy.is_everyone()) {
            return Err(Rule("http.trusted_proxies are the proxies, not everyone"));
        }
        if self.proxy_protocol && self.trusted_proxies.is_empty() {
            return Err(Rule(
                "http.proxy_protocol needs http.trusted_proxies: from others no header is taken",
            ));
        }
        self.sites([]).map(drop)
    }

    fn wrong_credentials(&self) -> Option<Rate> {
        Rate::new(self.wrong_credentials_per_second, self.wrong_credentials_burst)
    }

    /// Budgets of wrong credentials.
    pub(crate) fn guesses(&self) -> Guesses {
        Guesses::new(self.wrong_credentials().unwrap_or(Guesses::RATE))
    }

    pub(crate) fn trusted_proxies(&self) -> TrustedProxies {
        TrustedProxies::new(&self.trusted_proxies).introducing(self.proxy_protocol)
    }

    /// What the gateway is called that listens at these addresses, and whose pages may read.
    ///
    /// # Errors
    ///
    /// The first host or origin that no request could ever name.
    pub(crate) fn sites(&self, listen: impl IntoIterator<Item = SocketAddr>) -> Result<Sites, SettingError> {
        let hosts = read_each("http.hosts", &self.hosts, HostName::parse)?;
        let origins = read_each("http.allowed_origins", &self.allowed_origins, Origin::parse)?;
        let listen = listen.into_iter().map(|address| address.ip()).collect();
        Ok(Sites { listen, hosts, origins: origins.into() })
    }

    pub(crate) fn limits(&self) -> HttpLimits {
        HttpLimits {
            body: self.body.bytes(),
            body_time: self.body_time.0,
            bodies: self.bodies.bytes(),
            answers: self.answers.bytes(),
            answer_time: self.answer_time.0,
            header_time: self.header_time.0,
            idle_time: self.idle_time.0,
            header_bytes: self.header.bytes(),
        }
    }
}

/// Reads each entry of a list. An error tells its place, and not what stands there.
pub(super) fn read_each<T, E: Into<SettingError>>(
    list: &str,
    entries: &[String],
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, SettingError> {
    let read = |(index, entry): (usize, &String)| {
        read(entry).map_err(|error| error.into().found_in(format!("{list}[{index}]")))
    };
    entries.iter().enumerate().map(read).collect()
}

/// `[connections]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionsConfig {
    /// In all.
    pub total: usize,
    /// From one address.
    pub per_address: usize,
    /// Without a credential yet.
    pub unproven: usize,
    /// The same from one address.
    pub unproven_per_address: usize,
    /// From one address, a second.
    pub handshakes_per_second: u32,
    /// From one address, at once.
    pub handshakes_burst: u32,
    /// Bytes of a client's message.
    pub message: Size,
    /// Of one client, a second.
    pub commands_per_second: u32,
    /// Of one client, at once.
    pub commands_burst: u32,
    /// Pings, pongs and closes of one client, a second.
    pub control_frames_per_second: u32,
    /// At once.
    pub control_frames_burst: u32,
    /// Frames of a client's message.
    pub fragments: u32,
    /// On one connection.
    pub subscriptions: usize,
    /// Bytes that wait.
    pub outbox: Size,
    /// Bytes that wait for all together.
    pub outboxes: Size,
    /// Frames that wait.
    pub outbox_frames: usize,
    /// Without a byte taken.
    pub write_stall: Span,
    /// Between pings.
    pub ping: Span,
    /// For an answer.
    pub pong: Span,
    /// Of silence, until a position is sent.
    pub heartbeat: Span,
    /// Of a connection.
    pub lifetime: Span,
    /// Whether to compress.
    pub compression: bool,
}

impl ConnectionsConfig {
    /// Of handshakes, commands and control frames.
    fn rates(&self) -> Option<[Rate; 3]> {
        Some([
            Rate::new(self.handshakes_per_second, self.handshakes_burst)?,
            Rate::new(self.commands_per_second, self.commands_burst)?,
            Rate::new(self.control_frames_per_second, self.control_frames_burst)?,
        ])
    }

    pub(super) fn check(&self) -> Result<(), SettingError> {
        match self.rates() {
            Some(_) if self.outbox_frames == 0 || self.fragments == 0 => {
                Err(Rule("connections.outbox_frames and fragments are at least 1"))
            }
            Some(_) if self.unproven == 0 || self.unproven_per_address == 0 => {
                Err(Rule("connections.unproven and unproven_per_address are at least 1"))
            }
            Some(_) if !HEARTBEATS.contains(&self.heartbeat.0) => {
                Err(Rule("connections.heartbeat is 1s to 5m"))
            }
            Some(_) if (1..=128).contains(&self.subscriptions) => Ok(()),
            Some(_) => Err(Rule("connections.subscriptions is 1 to 128")),
            None => Err(Rule("rates of connections are at least 1")),
        }
    }

    pub(crate) fn limits(&self) -> ConnectionLimits {
        let default = ConnectionLimits::default();
        let rates = self.rates().unwrap_or([default.handshakes, default.commands, default.control]);
        let [handshakes, commands, control] = rates;
        ConnectionLimits {
            total: self.total,
            per_address: self.per_address,
            handshakes,
            message: self.message.bytes(),
            commands,
            control,
            fragments: self.fragments,
            subscriptions: self.subscriptions,
            outbox_bytes: self.outbox.bytes(),
            outboxes: self.outboxes.bytes(),
            outbox_frames: self.outbox_frames,
            write_stall: self.write_stall.0,
            ping: self.ping.0,
            pong: self.pong.0,
            heartbeat: self.heartbeat.0,
            lifetime: self.lifetime.0,
            compression: self.compression,
        }
    }
}

/// `[filters]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FiltersConfig {
    /// Bytes of one filter's text.
    pub text: usize,
    /// Bytes that the filters of one reader may search in each event, on average.
    pub search: Size,
    /// Bytes of the automata of one reader's filters.
    pub automata: Size,
}

impl FiltersConfig {
    /// What the filters of one reader may command.
    pub(crate) fn work(&self) -> WorkLimits {
        WorkLimits { search: SearchBudget::new(self.search.0), automata: self.automata.bytes() }
    }

    pub(super) fn check(&self) -> Result<(), SettingError> {
        if self.search.0 < 1_024 {
            return Err(Rule("filters.search is at least 1KiB"));
        }
        if self.text > 16_384 { Err(Rule("filters.text is at most 16384")) } else { Ok(()) }
    }
}
