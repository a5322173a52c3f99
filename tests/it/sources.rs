//! What the operator sees of the sources, and what `tagcast source` says without a server.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::fixture::{Fixture, file};
use crate::support::gateway::Gateway;
use crate::support::http::request;
use crate::support::notification::new_image;

const OPEN: &str = "[[sources]]\nname = 'hub'\nkind = 'distribution'\nregistry = 'hub.example.com'\n\
    credentials = [{ bearer = 'hush-hush' }]\n[[sources]]\nname = 'quiet'\nkind = 'quay'\n";

fn report(gateway: &Gateway, name: &str) -> Value {
    let list = gateway.get("/v1/sources").json();
    let reports = list["sources"].as_array().expect("a list");
    reports.iter().find(|report| report["name"] == name).expect("the source").clone()
}

#[test]
fn a_source_says_how_it_is_doing() {
    let gateway = Gateway::with_settings(OPEN);
    assert_eq!(report(&gateway, "quiet")["health"], "silent");
    let post = |token: &str, body: &str| {
        let headers = [("Content-Type", "application/json"), ("Authorization", token)];
        request(&gateway.address, "POST", "/v1/sources/hub/events", &headers, body.as_bytes()).status
    };
    assert_eq!(post("Bearer hush-hash", &new_image(1)), 401);
    let hub = report(&gateway, "hub");
    assert_eq!((&hub["health"], &hub["counts"]["refused"]), (&json!("failing"), &json!(1)));
    assert_eq!(hub["last_refusal"]["code"], "source_unauthenticated");
    assert!(!hub.to_string().contains("hush"), "{hub}");

    assert_eq!(post("Bearer hush-hush", &new_image(1)), 200);
    assert_eq!(post("Bearer hush-hush", &new_image(1)), 200);
    let hub = report(&gateway, "hub");
    assert_eq!((&hub["health"], &hub["kind"]), (&json!("ok"), &json!("distribution")));
    assert_eq!((&hub["counts"]["accepted"], &hub["counts"]["duplicates"]), (&json!(2), &json!(1)));
    assert!(hub["last_event"].is_string() && hub["registry"] == "hub.example.com");

    assert_eq!(post("Bearer hush-hush", "not JSON"), 200);
    let hub = report(&gateway, "hub");
    assert_eq!((&hub["health"], &hub["quarantine"]), (&json!("failing"), &json!(1)));
}

#[test]
fn a_reader_of_one_cloud_sees_that_cloud() {
    let token = "x".repeat(32);
    let gateway = Gateway::with_settings(&format!(
        "{OPEN}cloud = 'other'\n[[readers]]\nname = 'r'\ncloud = 'other'\ntoken = '{token}'\n"
    ));
    assert_eq!(gateway.get("/v1/sources").code(), "unauthenticated");
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str())];
    let list = request(&gateway.address, "GET", "/v1/sources", &headers, b"").json();
    let names: Vec<_> = list["sources"].as_array().expect("a list").iter().map(|s| &s["name"]).collect();
    assert_eq!(names, [&json!("quiet")]);
    let evil = [("Authorization", bearer.as_str()), ("Origin", "https://evil.example.com")];
    assert_eq!(request(&gateway.address, "GET", "/v1/sources", &evil, b"").code(), "origin_denied");
}

fn tagcast(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tagcast")).args(arguments).output().expect("tagcast is built")
}

#[test]
fn a_body_is_tried_without_a_server() {
    let path = |name: &str| format!("{}/tests/fixtures/webhooks/{name}", env!("CARGO_MANIFEST_DIR"));
    let body = path("zot/image-updated-tag.json");
    let headers = path("zot/image-updated-tag.headers.txt");
    let tried = tagcast(&["source", "test", "zot", &body, "--headers", &headers, "--json"]);
    let said: Value = serde_json::from_slice(&tried.stdout).expect("JSON");
    assert_eq!(tried.status.code(), Some(0));
    assert_eq!((&said["accepted"], &said["events"][0]["type"]), (&json!(2), &json!("CreateImage")));

    let text = tagcast(&["source", "test", "zot", &body, "--headers", &headers]).stdout;
    let text = String::from_utf8(text).expect("UTF-8");
    assert!(text.starts_with("CreateImage zot/golang:latest@sha256:"), "{text}");
    assert!(text.ends_with("2 events, 0 ignored, 0 duplicates, 0 not readable\n"), "{text}");

    for (arguments, code) in [
        (["source", "test", "svn", body.as_str()], 64),
        (["source", "test", "harbor", headers.as_str()], 65),
        (["source", "test", "harbor", "/nowhere/at/all"], 66),
    ] {
        assert_eq!(tagcast(&arguments).status.code(), Some(code), "{arguments:?}");
    }
    let kinds = String::from_utf8(tagcast(&["source", "kinds"]).stdout).expect("UTF-8");
    assert!(kinds.lines().count() == 17 && kinds.contains("tencent-tcr\n"));
}

/// As every registry sends it, headers and all, over HTTP.
#[test]
fn every_kind_has_a_door_of_its_own() {
    let gateway = Gateway::start();
    for case in [
        "harbor/default-push-artifact-tagged",
        "zot/image-updated-tag",
        "dockerhub/push",
        "ecr/eventbridge-push",
    ] {
        let fixture = Fixture::load(case);
        let headers: Vec<(&str, &str)> = fixture
            .headers
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "host" | "content-length" | "connection"))
            .map(|(name, value)| (name.as_str(), value.to_str().expect("text")))
            .collect();
        let kind = case.split('/').next().expect("a folder");
        let path = format!("/v1/sources/{kind}/events");
        let body = file(&format!("{case}.json"));
        let answer = request(&gateway.address, "POST", &path, &headers, &body);
        assert_eq!(answer.status, 200, "{case}: {}", answer.body);
        assert!(answer.json()["accepted"].as_u64() > Some(0), "{case}: {}", answer.body);
    }
}
