//! Any bytes as a body of the kind that `TAGCAST_FUZZ_KIND` names: read, or refused, in little time and memory,
//! and the same twice. `make fuzz` runs it for every kind, with the recorded bodies as corpus.

#![no_main]

use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use tagcast::config::SourceConfig;
use tagcast::event::Timestamp;
use tagcast::ingest::Trial;
use tagcast::source::{Kind, Request};

static CONFIG: LazyLock<SourceConfig> = LazyLock::new(|| {
    let kind = std::env::var("TAGCAST_FUZZ_KIND").unwrap_or_else(|_| "distribution".into());
    let kind: Kind = kind.parse().expect("TAGCAST_FUZZ_KIND is a kind");
    SourceConfig { pulls: true, scans: true, ..SourceConfig::of_kind(kind) }
});

/// What the kind's senders say of a body, where it says not enough itself.
static HEADERS: LazyLock<HeaderMap> = LazyLock::new(|| {
    let mut headers = HeaderMap::new();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set("content-type", "application/json");
    match CONFIG.kind {
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
});

fuzz_target!(|body: &[u8]| {
    let request = Request { method: &Method::POST, headers: &HEADERS, query: None, body, peer: None };
    let source = CONFIG.source().expect("the settings are good");
    let mut trial = Trial::new(source);
    let tried = trial.take(request, Timestamp::UNIX_EPOCH).expect("nothing is asked for");
    for event in &tried.events {
        assert!(!event.artifact.repository.is_empty() && event.artifact.repository.len() <= 255);
        assert!(event.artifact.tag.len() <= 128);
    }
    let again = trial.take(request, Timestamp::UNIX_EPOCH).expect("nothing is asked for");
    assert_eq!(again.unreadable.len(), tried.unreadable.len());
});
