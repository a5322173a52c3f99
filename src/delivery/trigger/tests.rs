//! What is stored today is read, and written byte for byte the same: a store outlives the code that wrote it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::access_log::DeliveryRow;
use super::definition::FormerSecret;
use super::letters::DeadLetter;
use super::progress::Checkpoint;
use crate::trigger::TriggerSpec;

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
