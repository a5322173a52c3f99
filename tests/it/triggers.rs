//! Triggers: batches to HTTP targets.

mod addresses;
mod answers;
mod blocked;
mod definitions;
mod feeds;
mod formats;
mod forward;
mod kills;
mod path;
mod secrets;
mod signatures;

use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::http::{Answer, request};
use crate::support::target::Target;
use crate::support::until;

/// Targets on loopback are allowed; for tests alone.
const LOOPBACK: &str = "[targets]\nallow_networks = [\"127.0.0.0/8\"]\n";

fn gateway() -> Gateway {
    Gateway::with_settings(LOOPBACK)
}

fn send(gateway: &Gateway, method: &str, path: &str, body: &Value) -> Answer {
    request(&gateway.address, method, path, &[], body.to_string().as_bytes())
}

/// A trigger for all new tags, each at once.
fn definition(target: &Target) -> Value {
    json!({
        "filter": {"type": "CreateImageTag"}, "batch": {"cutoff": 0},
        "target": {"http": {"url": target.url}}, "retry": {"interval": "1s"},
    })
}

/// Makes the trigger `t`.
fn make(gateway: &Gateway, definition: &Value) -> Value {
    let answer = send(gateway, "PUT", "/v1/triggers/t", definition);
    assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    answer.json()
}

fn state(gateway: &Gateway) -> Value {
    gateway.get("/v1/triggers/t").json()["state"].clone()
}
