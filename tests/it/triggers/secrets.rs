//! Secrets of triggers in the data directory.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::{LOOPBACK, definition, make, until};
use crate::support::gateway::Gateway;
use crate::support::notification::new_image;
use crate::support::target::Target;

const ONE: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222222222222222222222222222";

/// All that must not be found.
const SECRETS: [&str; 5] = [
    "hush-the-bearer",
    "hush-the-header",
    "hush-the-query",
    "whsec_aHVzaC10aGUtZm9ybWVyLXNlY3JldC0x",
    "whsec_aHVzaC10aGUtcHJlc2VudC1zZWNyZXQx",
];

fn key(key: &str) -> String {
    format!("{LOOPBACK}[secrets]\nkey = \"{key}\"\n")
}

fn rotated(key: &str, previous: &str) -> String {
    format!("{LOOPBACK}[secrets]\nkey = \"{key}\"\nprevious_keys = [\"{previous}\"]\n")
}

/// Makes a trigger with a secret of each sort, a former one among them.
fn make_with_secrets(gateway: &Gateway, target: &Target) {
    let [bearer, header, query, former, present] = SECRETS;
    let mut wanted = definition(target);
    let http = &mut wanted["target"]["http"];
    http["url"] = format!("{}?token={query}", target.url).into();
    http["auth"] = json!({ "bearer": bearer });
    http["headers"] = json!({ "X-Own": header });
    http["signing_secret"] = former.into();
    make(gateway, &wanted);
    wanted["target"]["http"]["signing_secret"] = present.into();
    make(gateway, &wanted);
}

/// What is delivered next has all of them. `n` is another one each time: after a kill the last one may come again.
fn still_has_them(gateway: &Gateway, target: &Target, n: usize) {
    gateway.notify(new_image(n));
    let tag = format!("v{n}");
    let delivered =
        || target.received().into_iter().find(|r| r.json()["messages"][0]["details"]["tag"] == tag);
    until("it is delivered", || delivered().is_some());
    let delivered = delivered().expect("it was there");
    assert_eq!(delivered.header("authorization"), format!("Bearer {}", SECRETS[0]));
    assert_eq!(delivered.header("x-own"), SECRETS[1]);
    assert_eq!(delivered.path, format!("/hook?token={}", SECRETS[2]));
    assert_eq!(delivered.header("webhook-signature").split(' ').count(), 2, "the former secret signs too");
}

/// Whether a text stands in any file below a directory.
fn found(text: &str, directory: &Path) -> bool {
    let grep = Command::new("grep").args(["-r", "-a", "-q", "-F", "-e", text]).arg(directory).status();
    match grep.expect("grep").code() {
        Some(0) => true,
        Some(1) => false,
        other => panic!("grep ended with {other:?}"),
    }
}

fn none_is_found(directory: &Path) {
    for secret in SECRETS {
        assert!(!found(secret, directory), "{secret}");
    }
}

/// The gateway does not start with these settings; what it says.
fn refused(data: &Path, settings: &str) -> String {
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("settings.toml");
    std::fs::write(&file, settings).expect("the settings");
    let output = Command::new(env!("CARGO_BIN_EXE_tagcast"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data)
        .arg("--config")
        .arg(file)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(output.stdout.is_empty());
    said
}

#[test]
fn no_file_holds_a_secret() {
    let target = Target::start();
    let mut gateway =
        Gateway::within(&format!("{LOOPBACK}[secrets]\nkey = {{ env = \"KEY\" }}\n"), None, &[("KEY", ONE)]);
    make_with_secrets(&gateway, &target);
    still_has_them(&gateway, &target, 1);
    none_is_found(&gateway.data_dir());
    gateway.kill();
    gateway.start_again();
    still_has_them(&gateway, &target, 2);
    assert_eq!(gateway.terminate(), Some(0));
    none_is_found(&gateway.data_dir());
}

#[test]
fn a_key_can_be_followed_by_another() {
    let target = Target::start();
    let mut gateway = Gateway::with_settings(&key(ONE));
    make_with_secrets(&gateway, &target);
    for (n, settings) in [rotated(TWO, ONE), key(TWO)].into_iter().enumerate() {
        gateway.kill();
        gateway.set_settings(&settings);
        gateway.start_again();
        still_has_them(&gateway, &target, n);
    }
    none_is_found(&gateway.data_dir());
}

#[test]
fn a_wrong_key_or_none_is_told_and_nothing_is_lost() {
    let target = Target::start();
    let mut gateway = Gateway::with_settings(&key(ONE));
    make_with_secrets(&gateway, &target);
    gateway.kill();
    let data = gateway.data_dir();
    let said = refused(&data, &key(TWO));
    assert!(said.contains("secrets.key is ") && said.contains("secrets.previous_keys"), "{said}");
    let said = refused(&data, LOOPBACK);
    assert!(said.contains("secrets.key is not set") && said.contains("trigger 't'"), "{said}");
    let said = refused(&data, &format!("{LOOPBACK}[secrets]\nkey = {{ file = \"/nowhere/at/all\" }}\n"));
    assert!(said.contains("secrets.key: /nowhere/at/all"), "{said}");
    gateway.start_again();
    still_has_them(&gateway, &target, 1);
}

#[test]
fn what_was_stored_without_a_key_is_encrypted_with_the_first() {
    let target = Target::start();
    let mut gateway = Gateway::with_settings(LOOPBACK);
    make_with_secrets(&gateway, &target);
    assert_eq!(gateway.terminate(), Some(0));
    for secret in SECRETS {
        assert!(found(secret, &gateway.data_dir()), "{secret}: it would be found if it were there");
    }
    gateway.set_settings(&key(ONE));
    gateway.start_again();
    still_has_them(&gateway, &target, 1);
    gateway.kill();
    assert!(refused(&gateway.data_dir(), LOOPBACK).contains("secrets.key is not set"));
}

#[test]
fn a_backup_is_encrypted_as_the_log_is() {
    let target = Target::start();
    let gateway = Gateway::with_settings(&key(ONE));
    make_with_secrets(&gateway, &target);
    let place = tempfile::tempdir().expect("a directory");
    let copy = place.path().join("copy");
    let tagcast = |arguments: &[&str]| {
        let ran = Command::new(env!("CARGO_BIN_EXE_tagcast")).args(arguments).arg(&copy).output();
        let ran = ran.expect("it runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    };
    tagcast(&["backup", "--url", &gateway.url()]);
    tagcast(&["verify", "--data-dir"]);
    none_is_found(&copy);
    drop(gateway);
    assert!(refused(&copy, LOOPBACK).contains("secrets.key is not set"));
    let restored = Gateway::within(&key(ONE), Some(&copy), &[]);
    still_has_them(&restored, &target, 1);
}
