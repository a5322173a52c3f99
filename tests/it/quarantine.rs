//! What nobody could read: kept, shown, read anew, and thrown away.

use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::http::{Answer, request};
use crate::support::notification::{body, push};

fn records(gateway: &Gateway, query: &str) -> Vec<Value> {
    let answer = gateway.get(&format!("/v1/quarantine{query}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["records"].as_array().expect("a list").clone()
}

fn id(record: &Value) -> &str {
    record["id"].as_str().expect("an id")
}

fn delete(gateway: &Gateway, path: &str) -> Answer {
    request(&gateway.address, "DELETE", path, &[], b"")
}

/// One good notification, and one whose repository's name is too long.
fn half_good() -> String {
    body(&[push("good", "team/app", "v1", "a"), push("bad", &"x".repeat(300), "v1", "b")])
}

#[test]
fn good_events_of_a_bad_body_go_on() {
    let mut gateway = Gateway::start();
    let answer = gateway.notify(half_good());
    assert_eq!(answer.status, 200);
    assert_eq!((&answer.json()["accepted"], &answer.json()["quarantined"]), (&json!(2), &json!(1)));
    let kept = records(&gateway, "");
    assert_eq!(
        (kept.len(), &kept[0]["source"], &kept[0]["faults"][0]["index"]),
        (1, &json!("distribution"), &json!(1))
    );
    assert_eq!(kept[0]["faults"][0]["code"], "field_too_long");
    assert_eq!(kept[0]["content_type"], "application/json");

    // Byte for byte, also after a crash.
    gateway.kill();
    gateway.start_again();
    assert_eq!(gateway.get(&format!("/v1/quarantine/{}", id(&kept[0]))).body, half_good());

    // Nothing was mended: it stays, and what was good is not told again.
    let again = gateway.post(&format!("/v1/quarantine/{}/replay", id(&kept[0])), "");
    assert_eq!((again.status, &again.json()["accepted"]), (200, &json!(0)));
    assert_eq!((&again.json()["quarantined"], &again.json()["ignored"]), (&json!(1), &json!(1)));
    assert_eq!(records(&gateway, "").len(), 1);
    assert!(gateway.metric("tagcast_quarantine_bytes") > 0.0);

    assert_eq!(delete(&gateway, &format!("/v1/quarantine/{}", id(&kept[0]))).status, 204);
    assert_eq!(delete(&gateway, &format!("/v1/quarantine/{}", id(&kept[0]))).status, 404);
    assert!(records(&gateway, "").is_empty());
}

/// Here the mistake was the source's kind.
#[test]
fn what_can_be_read_now_is_taken_and_goes() {
    let source = |kind: &str| format!("[[sources]]\nname = 'hub'\nkind = '{kind}'\n");
    let mut gateway = Gateway::with_settings(&source("yandex"));
    let sent = body(&[push("one", "team/app", "v1", "a")]);
    let answer = gateway.post("/v1/sources/hub/events", &sent);
    assert_eq!((answer.status, &answer.json()["quarantined"]), (200, &json!(1)));
    let kept = records(&gateway, "");
    gateway.kill();
    gateway.set_settings(&source("distribution"));
    gateway.start_again();
    let mut client = gateway.connect("?filter=true&batch_cutoff=0");
    client.subscribed();
    let again = gateway.post(&format!("/v1/quarantine/{}/replay", id(&kept[0])), "");
    assert_eq!((again.status, &again.json()["accepted"]), (200, &json!(2)));
    assert_eq!(client.events(2).len(), 2);
    assert!(records(&gateway, "").is_empty());
    let once_more = gateway.post(&format!("/v1/quarantine/{}/replay", id(&kept[0])), "");
    assert_eq!((once_more.status, once_more.code().as_str()), (404, "not_found"));
    assert_eq!(gateway.post("/v1/sources/hub/events", &sent).json()["duplicates"], 1);
}

#[test]
fn pages_and_sources() {
    let gateway = Gateway::start();
    for (kind, count) in [("harbor", 3), ("quay", 2)] {
        for n in 0..count {
            assert_eq!(
                gateway.post(&format!("/v1/sources/{kind}/events"), format!("no JSON {n}")).status,
                200
            );
        }
    }
    let first = gateway.get("/v1/quarantine?limit=2").json();
    let next = first["next"].as_str().expect("more");
    let rest = gateway.get(&format!("/v1/quarantine?limit=9&after={next}")).json();
    assert_eq!((rest["records"].as_array().map(Vec::len), &rest["next"]), (Some(3), &Value::Null));
    assert_eq!(records(&gateway, "?source=quay").len(), 2);
    for bad in ["?limit=0", "?after=x", "?kind=quay"] {
        assert_eq!(gateway.get(&format!("/v1/quarantine{bad}")).code(), "bad_request", "{bad}");
    }
    assert_eq!(delete(&gateway, "/v1/quarantine").code(), "bad_request");
    assert_eq!(delete(&gateway, "/v1/quarantine?source=").code(), "bad_request", "nothing is not all");
    assert_eq!(delete(&gateway, "/v1/quarantine?source=quay").json(), json!({"dropped": 2}));
    assert_eq!(records(&gateway, "").len(), 3);
    assert_eq!(delete(&gateway, "/v1/quarantine?source=*").json(), json!({"dropped": 3}));
}

#[test]
fn only_operators_may() {
    let (reader, admin) = ("r".repeat(32), "a".repeat(32));
    let gateway = Gateway::with_settings(&format!(
        "[[readers]]\nname = 'r'\ntoken = '{reader}'\n[[readers]]\nname = 'a'\ntoken = '{admin}'\nadmin = true\n\
         [[readers]]\nname = 'o'\ntoken = '{}'\nadmin = true\ncloud = 'other'\n",
        "o".repeat(32)
    ));
    gateway.post("/v1/sources/harbor/events", "no JSON");
    let get = |token: &str| {
        let bearer = format!("Bearer {token}");
        request(&gateway.address, "GET", "/v1/quarantine", &[("Authorization", &bearer)], b"")
    };
    assert_eq!(gateway.get("/v1/quarantine").code(), "unauthenticated");
    assert_eq!(get(&reader).code(), "forbidden");
    let kept = get(&admin).json()["records"].clone();
    assert_eq!(kept.as_array().map(Vec::len), Some(1));
    let other = format!("Bearer {}", "o".repeat(32));
    assert_eq!(get(&"o".repeat(32)).json()["records"], json!([]), "nothing crosses a cloud");
    let path = format!("/v1/quarantine/{}", id(&kept[0]));
    let answer = request(&gateway.address, "DELETE", &path, &[("Authorization", &other)], b"");
    assert_eq!(answer.status, 404);
}

/// A page of another site may not throw away what the operator keeps.
#[test]
fn another_sites_page_may_not() {
    let gateway = Gateway::start();
    let evil = [("Origin", "https://evil.example.com")];
    for (method, path) in [("GET", "/v1/quarantine"), ("DELETE", "/v1/quarantine?source=*")] {
        assert_eq!(request(&gateway.address, method, path, &evil, b"").code(), "origin_denied");
    }
}
