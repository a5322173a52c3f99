//! What the fuzz targets check, and an ordinary test with their corpora.
#![allow(dead_code, reason = "each target uses one")]

use std::collections::BTreeMap;
use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::{Value, json};
use tagcast::parts::config::{Config, SourceConfig};
use tagcast::parts::event::{Attributes, AttributesBuilder, EventType, Field, Position, Timestamp};
use tagcast::parts::filter::{Account, Filter, Index, Options, SearchBudget};
use tagcast::parts::ingest::Trial;
use tagcast::parts::log::Record;
use tagcast::parts::protocol::{Inflater, Request, Start};
use tagcast::parts::source::Kind;
use tagcast::parts::transport::ProxyHeader;
use tagcast::parts::trigger::{
    Definition, Policy, Ports, Rules, Target, TargetUrl, TriggerSpec, blocked_network,
};

/// Any text of a client is a request or is refused with a code and a word.
pub(crate) fn client_message(text: &str) {
    if let Err(error) = Request::parse(text) {
        assert!(!error.message.is_empty() && !error.code.as_str().is_empty());
    }
}

/// Any bytes of a client that may compress pass, or become whole messages within their bound: no byte makes more
/// than one message and its header.
pub(crate) fn client_frames(bytes: &[u8]) {
    const MAX: usize = 1_000;
    let Some((size, bytes)) = bytes.split_first() else { return };
    let mut inflater = Inflater::new(MAX);
    let (mut passed, mut into) = (0, [0; 300]);
    for piece in bytes.chunks(usize::from(*size) + 1) {
        inflater.feed(piece);
        loop {
            match inflater.take(&mut into) {
                0 => break,
                taken => passed += taken,
            }
        }
    }
    assert!(passed <= bytes.len() * (MAX + 8));
}

/// Any bytes are a record or no record; what is one is written back the same.
pub(crate) fn log_record(bytes: &[u8]) {
    let Some((offset, stored)) = bytes.split_first_chunk() else { return };
    let offset = u64::from_le_bytes(*offset) & ((1 << 53) - 1);
    if let Ok(record) = Record::decode(offset, stored) {
        assert_eq!(record.encode(), stored);
    }
}

/// Any text is a place to start from or none; an event id is spelled back the same.
pub(crate) fn position(text: &str) {
    if let Ok(position) = text.parse::<Position>() {
        assert_eq!(position.to_string(), text);
        assert_eq!(text.parse(), Ok(Start::After(position)));
    }
    let _ = text.parse::<Start>();
}

/// Any text is settings, or is refused with reasons, each with its place.
pub(crate) fn settings(text: &str) {
    if let Err(error) = Config::parse(text) {
        let told = error.to_string();
        assert!(!told.is_empty() && told.lines().all(|line| line.contains(':')), "{told}");
    }
}

/// Any bytes as a body of a kind: read, or refused, in little time and memory, and the same twice.
pub(crate) fn adapter(kind: Kind, body: &[u8]) {
    let headers = headers(kind);
    let request = tagcast::parts::source::Request {
        method: &Method::POST,
        headers: &headers,
        query: None,
        body,
        peer: None,
    };
    let config = SourceConfig { pulls: true, scans: true, ..SourceConfig::of_kind(kind) };
    let source = config.source();
    let mut trial = Trial::new(source);
    let tried = trial.take(request, Timestamp::UNIX_EPOCH).expect("nothing is asked for");
    for event in &tried.events {
        assert!(!event.artifact.repository.is_empty() && event.artifact.repository.len() <= 255);
        assert!(event.artifact.tag.len() <= 128);
    }
    let again = trial.take(request, Timestamp::UNIX_EPOCH).expect("nothing is asked for");
    assert_eq!(again.unreadable.len(), tried.unreadable.len());
}

/// What the kind's senders say of a body, where it says not enough itself.
fn headers(kind: Kind) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set("content-type", "application/json");
    match kind {
        Kind::Ghcr => {
            set("x-github-event", "registry_package");
            set("x-github-delivery", "one");
        }
        Kind::Gitea => drop(set("x-gitea-event", "package")),
        Kind::Nexus => drop(set("x-nexus-webhook-id", "rm:repository:component")),
        Kind::Zot => {
            set("ce-id", "one");
            set("ce-type", "zotregistry.image.updated");
            set("ce-source", "zot");
            set("ce-specversion", "1.0");
        }
        _ => {}
    }
    headers
}

/// Any text is read or refused, soon and in little memory (`-malloc_limit_mb=1`); what is read is printed,
/// and what is printed is read as the same.
pub(crate) fn filter_expression(text: &str) {
    let options = Options { max_text: 16 << 10, ..Options::default() };
    match Filter::parse(text, &options) {
        Ok(filter) => {
            let again = Filter::parse(filter.canonical(), &options);
            // What was written short may be long once printed.
            if filter.canonical().len() <= options.max_text {
                assert_eq!(again.as_ref().map(Filter::canonical), Ok(filter.canonical()));
            }
        }
        Err(error) => {
            assert!(error.offset + error.length <= text.chars().count() || error.pointer.is_some());
            let _ = (error.details(), error.caret(text));
        }
    }
}

/// Any JSON value is read as a shorthand or refused with a place.
pub(crate) fn filter_shorthand(text: &str) {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return };
    let options = Options { max_text: 16 << 10, ..Options::default() };
    match Filter::from_json(&value, &options) {
        Ok(filter) => {
            if filter.canonical().len() <= options.max_text {
                let again = Filter::from_json(&Value::from(filter.canonical()), &options);
                assert_eq!(again.as_ref(), Ok(&filter));
            }
        }
        Err(error) => {
            assert!(error.line > 0 || error.pointer.is_some());
            let _ = error.details();
        }
    }
}

/// A filter and an event: the program, the explanation, the printed form and the index say the same.
///
/// The input's first line is the filter, then one line for each field of the event.
pub(crate) fn filter_event(text: &str) {
    let (filter, fields) = text.split_once('\n').unwrap_or((text, ""));
    let options = Options { max_text: 16 << 10, ..Options::default() };
    let Ok(filter) = Filter::parse(filter, &options) else { return };
    let event = event(fields);
    let matches = filter.matches(&event);
    assert_eq!(filter.explain(&event).matched, matches);
    assert_eq!(filter.outdated(), None, "what is accepted has whole automata");
    let account = Account::new(SearchBudget::new(1 << 40));
    assert_eq!(filter.matches_on(&event, &account, 1), Some(matches));
    let nothing = Account::new(SearchBudget { per_event: 0, burst: 0 });
    assert!(filter.searches() || filter.matches_on(&event, &nothing, 1) == Some(matches));
    if let Ok(printed) = Filter::parse(filter.canonical(), &options) {
        assert_eq!(printed.matches(&event), matches);
    }
    let mut index = Index::new(7);
    let mut found = Vec::new();
    if let Ok(id) = index.add(&filter) {
        index.match_one(&event, &mut found);
        assert_eq!(found.contains(&id), matches);
        index.remove(id);
        assert!(index.is_empty());
    }
}

fn event(text: &str) -> Attributes {
    let code = u8::try_from(text.len() % 8).unwrap_or(0);
    let mut builder = AttributesBuilder::new(EventType::from_code(code).unwrap_or(EventType::CreateImage));
    // Repository and tag first: those are what filters are about.
    let order =
        [Field::Repository, Field::Tag, Field::Actor, Field::Cloud, Field::Registry, Field::MediaType];
    for (field, line) in order.into_iter().zip(text.split('\n')) {
        builder.set(field, line);
    }
    builder.size(i64::try_from(text.len()).unwrap_or(0)).build()
}

/// Any text is a target's URL or is refused, whichever ports are allowed. What is accepted is `http` or `https`, names
/// nobody and no fragment, has an allowed port, and is no address that is blocked, nor what others might take for one.
/// It fits into a request as it is, and is read as the same again.
pub(crate) fn target_url(text: &str) {
    for ports in [Ports::Alibaba, Ports::Web, Ports::Any] {
        let policy = Policy { ports, ..Policy::default() };
        let place = match TargetUrl::parse(text, &policy) {
            Ok(place) => place,
            Err(error) => {
                assert!(error.code().as_str().starts_with("target_"));
                continue;
            }
        };
        let url = place.to_string();
        let scheme = if place.https { "https://" } else { "http://" };
        assert!(url.starts_with(scheme) && ports.allow(place.https, place.port), "{url}");
        assert!(!place.authority.contains(['@', '/', '?']) && !url.contains('#'), "{url}");
        assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url}");
        assert_eq!(place.host.parse::<IpAddr>().ok(), place.address, "{url}");
        match place.address {
            Some(address) => assert_eq!(blocked_network(address.to_canonical()), None, "{url}"),
            None => assert!(!ends_in_a_number(&place.host), "{url}"),
        }
        assert!(
            HeaderValue::from_str(&place.authority).is_ok() && place.path.parse::<Uri>().is_ok(),
            "{url}"
        );
        // What was written short may be too long with all its percent signs.
        if url.len() <= 2_048 {
            assert_eq!(TargetUrl::parse(&url, &policy), Ok(place));
        }
    }
}

/// Whether a name could be read as an IPv4 address by somebody.
fn ends_in_a_number(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hex || (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Any JSON object is a target's headers or is refused. What is accepted is few and short, is none that the gateway or
/// the connection sets, ends no line, and does not show itself.
pub(crate) fn target_headers(text: &str) {
    let Ok(headers) = serde_json::from_str::<BTreeMap<String, Value>>(text) else { return };
    let spec = json!({"target": {"http": {"url": "http://example.com/", "headers": headers}}});
    let Ok(spec) = TriggerSpec::read(spec.to_string().as_bytes(), "t") else { return };
    let (filters, policy, accounts) = (Options::default(), Policy::default(), BTreeMap::new());
    let rules = Rules { filters: &filters, policy: &policy, accounts: &accounts, stored: false };
    let Ok(Definition { target: Target::Http(http), .. }) = Definition::new(&spec, &rules) else { return };
    let bytes: usize = http.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    assert!(http.headers.len() <= 16 && bytes <= 4_096);
    for (name, value) in &http.headers {
        let name = name.as_str();
        let belongs = ["content-", "webhook-", "tagcast-", "ce-", "proxy-"];
        assert!(!belongs.iter().any(|prefix| name.starts_with(prefix)), "{name}");
        assert!(
            !["host", "connection", "transfer-encoding", "te", "upgrade", "expect"].contains(&name),
            "{name}"
        );
        assert!(value.as_bytes().iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f)));
        assert!(value.is_sensitive());
    }
}

/// Any bytes begin with a PROXY header or are refused, whatever follows them and however they come: what is asked for is
/// part of the header, so that of what is behind it nothing is taken, and it is bounded.
pub(crate) fn proxy_header(input: &[u8]) {
    let mut taken = 0;
    let told = loop {
        match ProxyHeader::read(&input[..taken]) {
            Ok(ProxyHeader::More(more)) => {
                assert!(more > 0);
                taken += more;
                assert!(taken <= 4 << 10);
                if taken > input.len() {
                    return;
                }
            }
            Ok(ProxyHeader::Whole(told)) => break told,
            Err(_) => return,
        }
    };
    // Without any of its bytes it is none.
    for short in 0..taken {
        assert!(!matches!(ProxyHeader::read(&input[..short]), Ok(ProxyHeader::Whole(_))));
    }
    let is_v1 = input.starts_with(b"PROXY ");
    assert!(if is_v1 { input[..taken].ends_with(b"\r\n") } else { taken >= 16 });
    if let Some(address) = told {
        assert_eq!(address.ip(), address.ip().to_canonical());
    }
}
