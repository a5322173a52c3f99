//! What the operator sees of the sources, and what `tagcast source` says without a server.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::fixture::{Fixture, file};
use crate::support::gateway::Gateway;
use crate::support::http::request;
use crate::support::notification::{body, new_image, push};

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
    // Anyone may have sent that.
    assert_eq!((&hub["health"], &hub["counts"]["refused"]), (&json!("silent"), &json!(1)));
    assert_eq!(hub["last_refusal"], Value::Null);
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

/// The counts of a source, on the page as in `/metrics`: accepted, notifications, duplicates, ignored, quarantined,
/// refused.
fn counts(gateway: &Gateway, name: &str) -> [u64; 6] {
    let page = report(gateway, name)["counts"].clone();
    let members = ["accepted", "notifications", "duplicates", "ignored", "quarantined", "refused"];
    let page = members.map(|member| page[member].as_u64().expect(member));
    let notifications =
        |outcome| format!("tagcast_notifications_total{{source=\"{name}\",outcome=\"{outcome}\"}}");
    let metrics = [
        format!("tagcast_source_events_total{{source=\"{name}\"}}"),
        notifications("accepted"),
        notifications("duplicate"),
        notifications("ignored"),
        notifications("quarantined"),
        format!("tagcast_source_refused_total{{source=\"{name}\"}}"),
    ];
    assert_eq!(page, metrics.map(|metric| gateway.count(&metric)), "{name}");
    page
}

#[test]
fn pages_and_metrics_count_the_same() {
    let gateway = Gateway::start();
    assert_eq!(counts(&gateway, "distribution"), [0; 6]);
    // Three notifications: two new images, four events; and one that no one can read.
    let two = [push("a", "team/app", "v1", "a"), push("b", "team/app", "v2", "b"), json!({"id": 7})];
    assert_eq!(gateway.notify(body(&two)).json()["accepted"], 4);
    assert_eq!(counts(&gateway, "distribution"), [4, 2, 0, 0, 1, 0]);
    // A repeat, the same under a new id, which changes nothing, and a pull, which is no event here.
    let mut pull = push("d", "team/app", "v1", "a");
    pull["action"] = "pull".into();
    let more = [two[0].clone(), push("c", "team/app", "v1", "a"), pull];
    let answer = gateway.notify(body(&more)).json();
    assert_eq!(
        (&answer["accepted"], &answer["duplicates"], &answer["ignored"]),
        (&json!(0), &json!(1), &json!(2))
    );
    assert_eq!(counts(&gateway, "distribution"), [4, 2, 1, 2, 1, 0]);
    for reason in ["unchanged", "pull"] {
        let metric = format!("tagcast_ignored_total{{source=\"distribution\",reason=\"{reason}\"}}");
        assert_eq!(gateway.count(&metric), 1, "{reason}");
    }
    assert_eq!(gateway.get("/v1/sources/distribution/events").status, 405);
    assert_eq!(counts(&gateway, "distribution"), [4, 2, 1, 2, 1, 1]);
    // Nobody's.
    assert_eq!(gateway.get("/v1/sources/nobody/events").status, 401);
    assert_eq!(gateway.count("tagcast_refused_total{code=\"source_unauthenticated\"}"), 1);
    let totals = gateway.get("/v1/server").json()["counts"]["notifications"].clone();
    assert_eq!(totals, json!({"accepted": 2, "duplicate": 1, "ignored": 2, "quarantined": 1}));
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
