//! Deliveries read by libraries that are not ours.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{definition, gateway, make, state, until};
use crate::support::notification::new_image;
use crate::support::target::{Received, Target};
use crate::support::third_party::By;

/// What a library says of deliveries; it fails where a signature does not verify.
fn verified(by: By, deliveries: &[Received], secret: &str) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut command, script) = match by {
        By::Python => (Command::new(root.join(".tools/venv/bin/python")), "webhook.py"),
        By::Node => (Command::new("node"), "webhook.mjs"),
    };
    let mut process = command
        .arg(root.join("tests/clients").join(script))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`make test-tools` installs it");
    let mut input = process.stdin.take().expect("it is piped");
    for delivery in deliveries {
        let headers: serde_json::Map<String, Value> =
            delivery.headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        let body = String::from_utf8(delivery.body.clone()).expect("text");
        writeln!(input, "{}", json!({"headers": headers, "body": body, "secret": secret})).expect("it reads");
    }
    drop(input);
    let output = process.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{by:?}");
    let lines = String::from_utf8(output.stdout).expect("text");
    lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn the_reference_libraries_verify_every_delivery() {
    let (gateway, target) = (gateway(), Target::start());
    let mut wanted = definition(&target);
    wanted["target"]["http"]["signing_secret"] = "new".into();
    let old = make(&gateway, &wanted)["new_signing_secret"].as_str().unwrap().to_owned();
    gateway.notify(new_image(1));
    // A change in the middle of an attempt would rightly bring that batch again.
    until("it is told", || state(&gateway)["delivered"] == 1);
    let new = make(&gateway, &wanted)["new_signing_secret"].as_str().unwrap().to_owned();
    gateway.notify(new_image(2));
    let all = target.wait(2);
    for by in [By::Node, By::Python] {
        let read = verified(by, &all, &old);
        assert_eq!(read[0]["payload"]["messages"][0]["details"]["tag"], "v1", "{by:?}");
        assert_eq!(read[1]["payload"]["messages"][0]["details"]["tag"], "v2", "{by:?}: the old secret holds");
        assert_eq!(verified(by, &all[1..], &new).len(), 1, "{by:?}");
    }
}

#[test]
fn the_cloudevents_sdk_reads_what_is_sent() {
    for format in ["cloudevents", "cloudevents-binary"] {
        let (gateway, target) = (gateway(), Target::start());
        let mut wanted = definition(&target);
        wanted["target"]["http"]["format"] = format.into();
        wanted["target"]["http"]["signing_secret"] = "new".into();
        let secret = make(&gateway, &wanted)["new_signing_secret"].as_str().unwrap().to_owned();
        gateway.notify(new_image(1));
        let read = verified(By::Node, &target.wait(1), &secret);
        let event = &read[0]["events"][0];
        assert_eq!(event["subject"], "team/app:v1", "{format}: {read:?}");
        assert_eq!(event["source"], "/registries/hub.example.com");
        assert_eq!(event["data"]["tag"], "v1");
        assert!(event["type"].as_str().unwrap().ends_with(".CreateImageTag"));
    }
}
