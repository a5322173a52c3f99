//! Keys are fetched when a check asks for them, kept, and asked for no oftener than need be. Without the real
//! program: the signed requests are good at a time that is not now.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use tagcast::parts::config::Config;
use tagcast::parts::ingest::{Ingest, Refusal, SourceAnswer, TABLES, WriterOptions};
use tagcast::parts::log::MemoryLog;
use tagcast::parts::metrics::Metrics;
use tagcast::parts::outgoing::Outgoing;

use crate::support::PATIENCE;
use crate::support::fixture::{Fixture, file};
use crate::support::key_server::KeyServer;

const NOW: &str = "2026-12-01T12:01:00Z";

fn ingest(keys: &KeyServer) -> Ingest {
    let settings = format!(
        "[[sources]]\nname = 'g'\nkind = 'gar'\ncredentials = [{{ issuer = 'https://accounts.google.com', \
         key_set = '{}/keys', audience = 'https://gateway.example.com', \
         email = 'publisher@example.iam.gserviceaccount.com' }}]\n",
        keys.url
    );
    let config = Config::parse(&settings).expect("settings");
    let outgoing = Arc::new(Outgoing::default());
    let source = config.sources[0].source_with(&outgoing);
    let log = Arc::new(MemoryLog::new(7, 1 << 20, &TABLES));
    let metrics = Arc::new(Metrics::default());
    Ingest::start(vec![source], log, WriterOptions::default(), metrics, outgoing).expect("starts")
}

fn tokens() -> BTreeMap<String, String> {
    serde_json::from_slice(&file("gar/signed/tokens.json")).expect("tokens")
}

async fn post(ingest: &Ingest, token: &str) -> Result<usize, Refusal> {
    let mut fixture = Fixture::load("gar/pubsub-insert-digest-and-tag");
    fixture.set("authorization", &format!("Bearer {token}"));
    let body = Bytes::from(fixture.body.clone());
    let now = NOW.parse().expect("a time");
    match ingest.accept("g", fixture.request(), &body, now).await? {
        SourceAnswer::Receipt(receipt) => Ok(receipt.accepted + receipt.duplicates),
        SourceAnswer::Handshake(_) => panic!("no handshake"),
    }
}

#[tokio::test]
async fn a_key_set_is_fetched_once_and_kept() {
    let server = KeyServer::start();
    server.page("/keys", 200, "", file("gar/signed/keys.json"));
    let ingest = ingest(&server);
    let tokens = tokens();
    assert_eq!(post(&ingest, &tokens["good"]).await, Ok(2));
    assert_eq!(post(&ingest, &tokens["good"]).await, Ok(1), "the same message again");
    // Fetched a moment ago, and still unknown: asked for no more.
    assert_eq!(post(&ingest, &tokens["unknown_key"]).await, Err(Refusal::Unauthenticated));
    assert_eq!(post(&ingest, &tokens["unknown_key"]).await, Err(Refusal::Unauthenticated));
    assert_eq!(server.asked().len(), 1, "{:?}", server.asked());
    // What would be refused anyway is no reason to ask.
    assert_eq!(post(&ingest, &tokens["audience"]).await, Err(Refusal::Unauthenticated));
    let report = &ingest.sources(None)[0];
    assert_eq!((report.counts.refused, &report.last_refusal), (3, &None), "anyone may have sent those");
    ingest.stop().await;
}

#[tokio::test]
async fn without_keys_nobody_is_called_a_stranger() {
    let server = KeyServer::start();
    let ingest = ingest(&server);
    let token = &tokens()["good"];
    assert_eq!(post(&ingest, token).await, Err(Refusal::AuthUnavailable));
    // Not asked again at once, however many ask us.
    server.page("/keys", 200, "", file("gar/signed/keys.json"));
    assert_eq!(post(&ingest, token).await, Err(Refusal::AuthUnavailable));
    assert_eq!(server.asked().len(), 1);
    ingest.stop().await;
}

#[tokio::test]
async fn many_at_once_make_one_fetch() {
    let server = KeyServer::start();
    server.page("/keys", 200, "", file("gar/signed/keys.json"));
    let ingest = ingest(&server);
    let token = &tokens()["good"];
    let all = futures_util::future::join_all((0..20).map(|_| post(&ingest, token))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(server.asked().len(), 1);
    ingest.stop().await;
}

/// As behind a silent name server, of which the next one is asked after five seconds.
#[tokio::test]
async fn what_comes_too_late_for_one_serves_the_next() {
    let server = KeyServer::start();
    server.page("/keys", 200, "", file("gar/signed/keys.json"));
    server.delay(Duration::from_millis(3_300));
    let ingest = ingest(&server);
    let token = &tokens()["good"];
    let began = Instant::now();
    assert_eq!(post(&ingest, token).await, Err(Refusal::AuthUnavailable));
    while post(&ingest, token).await.is_err() {
        assert!(began.elapsed() < PATIENCE, "the keys never come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.asked().len(), 1);
    ingest.stop().await;
}

#[tokio::test]
async fn what_is_no_key_set_is_no_key() {
    let too_long = json!({ "keys": [], "pad": "x".repeat(300_000) }).to_string();
    for (status, body) in [(200, "{}".into()), (500, String::new()), (301, String::new()), (200, too_long)] {
        let server = KeyServer::start();
        server.page("/keys", status, "Location: /other\r\n", body);
        server.page("/other", 200, "", file("gar/signed/keys.json"));
        let ingest = ingest(&server);
        assert_eq!(post(&ingest, &tokens()["good"]).await, Err(Refusal::AuthUnavailable), "{status}");
        assert_eq!(server.asked().len(), 1, "no redirect is followed");
        ingest.stop().await;
    }
}
