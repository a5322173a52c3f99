//! What is stored today is read, and written byte for byte the same: a store outlives the code that wrote it.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::access_log::DeliveryRow;
use super::definition::{self, FormerSecret};
use super::letters::DeadLetter;
use super::progress::Checkpoint;
use super::{SealingKeys, TABLES, keys};
use crate::log::{Change, LogHandle, MemoryLog, Table};
use crate::trigger::{QualifiedName, TriggerSpec};

fn comes_back<T: Serialize + DeserializeOwned>(name: &str) {
    let path = format!("{}/tests/fixtures/triggers/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let rows = std::fs::read_to_string(path).unwrap();
    assert!(!rows.is_empty());
    for row in rows.lines() {
        let value: T = serde_json::from_str(row).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), row);
    }
}

#[test]
fn definitions() {
    comes_back::<TriggerSpec>("definitions");
    comes_back::<FormerSecret>("former-secrets");
}

#[test]
fn checkpoints() {
    comes_back::<Checkpoint>("checkpoints");
}

#[test]
fn deliveries() {
    comes_back::<DeliveryRow>("deliveries");
}

#[test]
fn dead_letters() {
    comes_back::<DeadLetter>("dead-letters");
}

/// The rows of a version that kept triggers by name alone: what stands under which name.
fn former_rows(keys: &SealingKeys) -> Vec<(Table, Change)> {
    let fixture = |name: &str, row: usize| {
        let path = format!("{}/tests/fixtures/triggers/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap().lines().nth(row).unwrap().as_bytes().to_vec()
    };
    let sealed = |key: &[u8], plain: Vec<u8>| {
        let stored = keys.seal(key, zeroize::Zeroizing::new(plain), [7; 12]).unwrap();
        (keys::TRIGGERS, Change::put(key, stored))
    };
    let secret =
        String::from_utf8(fixture("former-secrets", 0)).unwrap().replace("1764421357123", "9000000000000");
    let of_prod = br#"{"messages":[{"event_metadata":{"event_id":"x","cloud_id":"prod"}}]}"#;
    let letter = |name: &str| String::from_utf8(fixture("dead-letters", 0)).unwrap().replace("\"t\"", name);
    let id = "dlv_019aca8ef2435066ebdfd24dceb2889b";
    let row = |table: Table, key: &[u8], value: &[u8]| (table, Change::put(key, value));
    let mut rows = vec![
        sealed(b"dall", fixture("definitions", 2)),
        sealed(b"fall", secret.into_bytes()),
        row(keys::TRIGGERS, b"sall", &fixture("checkpoints", 2)),
        row(keys::TRIGGERS, b"sgone", &fixture("checkpoints", 1)),
        row(keys::ATTEMPTS, b"all\0\0\0\0\0\0\0\0\x07", &fixture("deliveries", 0)),
        row(keys::ATTEMPTS, b"gone\0\0\0\0\0\0\0\0\x07", &fixture("deliveries", 0)),
        row(keys::DELIVERIES, format!("pall\0{id}").as_bytes(), b"events"),
        row(keys::DELIVERIES, format!("pgone\0{id}").as_bytes(), b"events"),
    ];
    // One of a trigger that is there, whose events name no cloud, and two of one that is not.
    for (name, body) in [("all", &b"[]"[..]), ("gone", of_prod), ("lost", b"[]")] {
        let key = format!("{name}\0{id}");
        rows.push(row(keys::DEAD_LETTERS, key.as_bytes(), letter(&format!("\"{name}\"")).as_bytes()));
        rows.push(row(keys::DELIVERIES, format!("x{key}").as_bytes(), body));
    }
    rows
}

/// Every key of every table.
async fn all_keys(log: &LogHandle) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for table in TABLES {
        found.extend(log.rows(table, Vec::new(), 1_000).await.unwrap().into_iter().map(|(key, _)| key));
    }
    found
}

#[tokio::test]
async fn what_a_former_version_stored_is_taken_over() {
    let id = QualifiedName::new("prod", "all");
    let batch = "dlv_019aca8ef2435066ebdfd24dceb2889b";
    for keys in [SealingKeys::default(), SealingKeys::new([&[7; 32]]).unwrap()] {
        let log = LogHandle::new(Arc::new(MemoryLog::new(7, 1 << 20, &TABLES)));
        // Also where it was cut off in the middle: what was there is there again, beside what was moved.
        for round in 0..3 {
            if round < 2 {
                log.write(former_rows(&keys)).await.unwrap();
            }
            let stored = definition::load(&log, &keys, &[], 0).await.unwrap();
            assert_eq!(stored.specs.keys().collect::<Vec<_>>(), [&id], "{round}");
            assert_eq!(stored.specs[&id].url(), Some("https://deploy.example.com/hook?token=t0"));
            assert_eq!(stored.former_secrets.keys().collect::<Vec<_>>(), [&id]);
            assert_eq!(stored.checkpoints.keys().collect::<Vec<_>>(), [&id]);
            assert_eq!((stored.checkpoints[&id].delivered, stored.checkpoints[&id].pending.len()), (12, 1));
            let row = async |row: keys::RowKey| log.row(row.table, row.key).await.unwrap();
            assert!(row(keys::delivery(&id, 7)).await.is_some());
            assert_eq!(row(keys::events(&id, batch)).await.as_deref(), Some(&b"events"[..]));
            for (cloud, name) in [("prod", "all"), ("prod", "gone"), ("", "lost")] {
                let of = QualifiedName::new(cloud, name);
                let letter: DeadLetter =
                    serde_json::from_slice(&row(keys::letter(&of, batch)).await.unwrap()).unwrap();
                assert_eq!((letter.cloud_id.as_str(), letter.trigger.as_str()), (cloud, name));
                assert!(row(keys::letter_body(&of, batch)).await.is_some());
            }
            // Three rows of the trigger, one of its log, its batch, and three letters with their bodies: no more.
            assert_eq!(all_keys(&log).await.len(), 11, "{:?}", all_keys(&log).await);
        }
    }
}

#[tokio::test]
async fn what_the_settings_shadowed_does_not_start_by_itself() {
    let (keys, log) = (SealingKeys::default(), LogHandle::new(Arc::new(MemoryLog::new(7, 1 << 20, &TABLES))));
    log.write(former_rows(&keys)).await.unwrap();
    let json = br#"{"name":"all","cloud_id":"other","target":{"feed":"f"}}"#;
    let settings = [TriggerSpec::read(json, "all").unwrap()];
    for _ in 0..2 {
        let stored = definition::load(&log, &keys, &settings, 0).await.unwrap();
        let checkpoint = |cloud| &stored.checkpoints[&QualifiedName::new(cloud, "all")];
        assert_eq!(checkpoint("other").delivered, 12, "the settings' goes on where it was");
        assert!(checkpoint("prod").paused && stored.specs.contains_key(&QualifiedName::new("prod", "all")));
    }
}
