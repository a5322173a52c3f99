use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::quantity::{Size, Span};
use super::section::Section;
use crate::collections::AgeLimits;
use crate::filter::SearchBudget;
use crate::http::{BasePath, HostName, HttpLimits, Origin, Sites, TrustedProxies, TrustedProxy};
use crate::ingest::WriterOptions;
use crate::limits::{Guesses, Rate, WorkLimits};
use crate::transport::{ListenAddress, SocketMode};

/// `[ingest]`
#[derive(Clone, Debug)]
pub(crate) struct IngestConfig {
    /// Notifications that may wait.
    queue_events: usize,
    /// Bytes that may wait.
    pub(super) queue_size: Size,
    /// How long a source waits.
    ack_deadline: Span,
    /// Keys of repeats.
    repeat_keys: usize,
}

impl IngestConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            queue_events: section.within("queue_events", 1..=100_000_000),
            queue_size: section.within("queue_size", Size::kib(1)..=Size::MEMORY),
            ack_deadline: section.within("ack_deadline", Span::millis(100)..=Span::HOUR),
            repeat_keys: section.within("repeat_keys", 1..=1_000_000_000),
        }
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
#[derive(Clone, Debug)]
pub(crate) struct QuarantineConfig {
    /// Bytes kept.
    max_size: Size,
    /// Time kept.
    max_age: Span,
}

impl QuarantineConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            max_size: section.within("max_size", Size::kib(1)..=Size::DISK),
            max_age: section.within("max_age", Span::seconds(1)..=Span::CENTURY),
        }
    }

    fn limits(&self) -> AgeLimits {
        AgeLimits { bytes: self.max_size.0, age: self.max_age.0 }
    }
}

/// `[http]`
#[derive(Clone, Debug)]
pub(crate) struct HttpConfig {
    /// Bytes of a body.
    pub(super) body: Size,
    /// Time for a body.
    body_time: Span,
    /// Bytes of all bodies.
    pub(super) bodies: Size,
    /// Bytes of all answers.
    pub(super) answers: Size,
    /// Time for an answer.
    answer_time: Span,
    /// Bytes of a head.
    header: Size,
    /// Time for a head.
    header_time: Span,
    /// How long a connection is kept after an answer.
    idle_time: Span,
    /// Wrong credentials from one address.
    wrong_credentials: Rate,
    /// What the gateway is called.
    hosts: Vec<HostName>,
    /// Whose pages may read.
    allowed_origins: Vec<Origin>,
    /// Whose word on the client's address is taken.
    trusted_proxies: Vec<TrustedProxy>,
    /// What a proxy leaves in front of every path.
    pub(crate) base_path: BasePath,
    /// Whether their connections begin with a PROXY header.
    proxy_protocol: bool,
    /// Who may connect to Unix sockets.
    pub(crate) socket_mode: SocketMode,
    /// Where `/metrics` is open to whoever reaches it; none: nowhere.
    pub(crate) metrics_listen: Option<ListenAddress>,
}

impl HttpConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let (moment, second) = (Span::millis(100), Span::seconds(1));
        let http = Self {
            body: section.within("body", Size::kib(1)..=Size::mib(256)),
            body_time: section.within("body_time", moment..=Span::HOUR),
            bodies: section.within("bodies", Size::kib(1)..=Size::MEMORY),
            answers: section.within("answers", Size::mib(16)..=Size::MEMORY),
            answer_time: section.within("answer_time", second..=Span::HOUR),
            // The HTTP library's own least.
            header: section.within("header", Size::kib(8)..=Size::mib(1)),
            header_time: section.within("header_time", moment..=Span::HOUR),
            idle_time: section.within("idle_time", second..=Span::seconds(86_400)),
            wrong_credentials: section.rate("wrong_credentials_per_second", "wrong_credentials_burst"),
            hosts: section.list("hosts", HostName::parse),
            allowed_origins: section.list("allowed_origins", Origin::parse),
            trusted_proxies: section.list("trusted_proxies", proxy),
            base_path: section.parsed("base_path", str::parse).unwrap_or_default(),
            proxy_protocol: section.switch("proxy_protocol"),
            socket_mode: section.parsed("socket_mode", str::parse).unwrap_or_default(),
            metrics_listen: section.parsed("metrics_listen", str::parse),
        };
        let Self { body, bodies, .. } = &http;
        if body > bodies {
            let key = if section.has("bodies") { "bodies" } else { "body" };
            section.note(key, format_args!("http.bodies ({bodies}) must be at least http.body ({body})"));
        }
        if http.proxy_protocol && http.trusted_proxies.is_empty() {
            section.note("proxy_protocol", "needs http.trusted_proxies: from others no header is taken");
        }
        http
    }

    /// Budgets of wrong credentials.
    pub(crate) fn guesses(&self) -> Guesses {
        Guesses::new(self.wrong_credentials)
    }

    pub(crate) fn trusted_proxies(&self) -> TrustedProxies {
        TrustedProxies::new(&self.trusted_proxies).introducing(self.proxy_protocol)
    }

    /// What the gateway is called that listens at these addresses, and whose pages may read.
    pub(crate) fn sites(&self, listen: impl IntoIterator<Item = SocketAddr>) -> Sites {
        let listen = listen.into_iter().map(|address| address.ip()).collect();
        Sites { listen, hosts: self.hosts.clone(), origins: self.allowed_origins.clone().into() }
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

pub(super) fn network(text: &str) -> Result<IpNet, &'static str> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| "expected a network or an address, such as \"10.1.0.0/16\"")
}

fn proxy(text: &str) -> Result<TrustedProxy, &'static str> {
    let proxy: TrustedProxy = text.parse()?;
    if proxy.is_everyone() { Err("must be the proxies, not everyone") } else { Ok(proxy) }
}

/// `[filters]`
#[derive(Clone, Debug)]
pub(crate) struct FiltersConfig {
    /// Bytes of one filter's text.
    pub(crate) text: usize,
    /// Bytes that the filters of one reader may search in each event, on average.
    search: Size,
    /// Bytes of the automata of one reader's filters.
    pub(super) automata: Size,
}

impl FiltersConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            text: section.within("text", 64..=16_384),
            search: section.within("search", Size::kib(1)..=Size::gib(1)),
            automata: section.within("automata", Size::kib(1)..=Size::MEMORY),
        }
    }

    /// What the filters of one reader may command.
    pub(crate) fn work(&self) -> WorkLimits {
        WorkLimits { search: SearchBudget::new(self.search.0), automata: self.automata.bytes() }
    }
}
