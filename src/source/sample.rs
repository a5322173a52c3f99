//! For tests: the recorded requests of `tests/fixtures/webhooks`, and what `expected.jsonl` says they become.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;

use super::{Item, Keys, Kind, Reading, Request, Settings, read, verify};
use crate::event::{Action, Notification, Timestamp};

/// A request that lives as long as a test.
#[derive(Clone)]
pub(super) struct Sample {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) query: Option<String>,
    pub(super) body: Vec<u8>,
}

pub(super) fn file(path: &str) -> Vec<u8> {
    let path = format!("{}/tests/fixtures/webhooks/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

impl Sample {
    /// A POST of this JSON.
    pub(super) fn json(body: impl Into<Vec<u8>>) -> Self {
        let headers = HeaderMap::from_iter([(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        )]);
        Self { method: Method::POST, headers, query: None, body: body.into() }
    }

    /// The body `<case>.json`, with the headers of the same name where there are any.
    pub(super) fn load(case: &str) -> Self {
        let case = case.trim_end_matches(".json");
        let headers = format!("{case}.headers.txt");
        let path = format!("{}/tests/fixtures/webhooks/{headers}", env!("CARGO_MANIFEST_DIR"));
        let sample = Self::json(file(&format!("{case}.json")));
        if std::path::Path::new(&path).exists() { sample.with_headers(&headers) } else { sample }
    }

    /// The same with the request line and headers of this file.
    pub(super) fn with_headers(mut self, path: &str) -> Self {
        let text = String::from_utf8(file(path)).unwrap();
        let mut lines = text.lines();
        let target = lines.next().unwrap().split(' ').nth(1).unwrap();
        self.query = target.split_once('?').map(|(_, query)| query.to_owned());
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            self = self.with(name, value);
        }
        self
    }

    /// The same with this header, in place of one of that name.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    pub(super) fn request(&self) -> Request<'_> {
        let Self { method, headers, query, body } = self;
        Request { method, headers, query: query.as_deref(), body, peer: None }
    }

    /// Reads it as a source that asks for nothing would.
    pub(super) fn read(&self, settings: &Settings) -> Reading {
        let verified = verify(settings, self.request(), &Keys::default(), Timestamp::UNIX_EPOCH).unwrap();
        read(settings, &verified)
    }

    pub(super) fn items(&self, settings: &Settings) -> Vec<Item> {
        match self.read(settings) {
            Reading::Items(items) => items,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn item(&self, kind: Kind) -> Item {
        let mut items = self.items(&Settings::new(kind, kind.as_str()));
        assert_eq!(items.len(), 1, "{items:?}");
        items.remove(0)
    }

    /// The one notification that it holds.
    pub(super) fn told(&self, kind: Kind) -> Notification {
        match self.item(kind) {
            Item::Told(notification) => notification,
            other => panic!("{other:?}"),
        }
    }
}

/// Compares all cases of a kind with `expected.jsonl`, as far as that needs no catalog: every event there must
/// be one that a notification of the request can make, every other request must tell nothing new to clients.
pub(super) fn check_all(kind: Kind) {
    let expected = String::from_utf8(file("expected.jsonl")).unwrap();
    let prefix = format!("{}/", kind.as_str());
    let mut count = 0;
    for line in expected.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let case = line["case"].as_str().unwrap();
        if !case.starts_with(&prefix) {
            continue;
        }
        count += 1;
        let mut settings = Settings::new(kind, kind.as_str());
        let reading = Sample::load(case).read(&settings);
        if line["handshake"] == true {
            assert!(matches!(reading, Reading::Answer(_)), "{case}: {reading:?}");
            continue;
        }
        check(case, &line["events"], reading);
        if line["events_if_enabled"].is_array() {
            (settings.pulls, settings.scans) = (true, true);
            check(case, &line["events_if_enabled"], Sample::load(case).read(&settings));
        }
    }
    assert!(count > 0, "no case of {kind}");
}

fn check(case: &str, events: &Value, reading: Reading) {
    let Reading::Items(items) = reading else { panic!("{case}: {reading:?}") };
    let events = events.as_array().unwrap();
    let mut told = Vec::new();
    for item in items {
        match item {
            Item::Told(notification) => told.push(notification),
            Item::Ignored(_) => {}
            Item::Unreadable(unreadable) => panic!("{case}: {unreadable}"),
        }
    }
    for event in events {
        assert!(told.iter().any(|notification| makes(notification, event)), "{case}: {event} of {told:#?}");
    }
    if events.is_empty() {
        let is_silent = |n: &Notification| match n.action {
            Action::Put { ref tag, .. } => tag.is_none(),
            Action::Delete { .. } => true,
            _ => false,
        };
        assert!(told.iter().all(is_silent), "{case}: {told:#?}");
    }
}

fn makes(told: &Notification, event: &Value) -> bool {
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    let (digest, tag) = match &told.action {
        Action::Put { digest, tag } | Action::Pull { digest, tag } | Action::Scan { digest, tag } => {
            (digest.as_str(), tag.as_deref().unwrap_or_default())
        }
        Action::PutTag { tag } => ("", tag.as_str()),
        Action::DeleteTag { tag, digest } => (digest.as_deref().unwrap_or_default(), tag.as_str()),
        Action::Delete { digest, tag } if text("type") == "DeleteImageTag" => {
            (digest.as_str(), tag.as_deref().unwrap_or_default())
        }
        Action::Delete { digest, .. } => (digest.as_str(), ""),
        Action::DeleteRepository => ("", ""),
        Action::PutChart { version, digest } | Action::DeleteChart { version, digest } => {
            (digest.as_str(), version.as_str())
        }
        Action::Told { digest, tag, event_type } => {
            assert!(told.id != text("source_event_id") || event_type.as_str() == text("type"));
            (digest.as_str(), tag.as_str())
        }
    };
    let registry = if told.registry.is_empty() { text("registry_id") } else { &told.registry };
    let named = told.registry.is_empty() == Kind::ALL.iter().any(|kind| kind.as_str() == text("registry_id"));
    let at = event["created_at"].as_str().map(|at| at.parse::<Timestamp>().unwrap());
    named
        && registry == text("registry_id")
        && told.repository == text("repository_name")
        && tag == text("tag")
        && digest == text("image_digest")
        && told.media_type == text("media_type")
        && told.size == event["size"].as_u64().unwrap_or(0)
        && told.actor == text("actor")
        && told.id == text("source_event_id")
        && told.at == at
}
