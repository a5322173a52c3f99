//! What a registry posts, and what it is told.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::client::brief;
use crate::support::gateway::Gateway;
use crate::support::http::request;
use crate::support::notification::{body, new_image, push};

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/webhooks/distribution").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn lines(name: &str) -> Vec<String> {
    String::from_utf8(fixture(name)).expect("text").lines().map(str::to_owned).collect()
}

/// Only what the notification decides is compared; the rest is the server's.
fn assert_events(made: &[Value], expected: &Value, case: &str) {
    let expected = expected.as_array().expect("a list");
    assert_eq!(made.len(), expected.len(), "{case}");
    for (made, expected) in made.iter().zip(expected) {
        for (name, value) in expected.as_object().expect("an object") {
            let found = match name.as_str() {
                "type" => {
                    let text = made["event_metadata"]["event_type"].as_str().unwrap_or_default();
                    json!(text.rsplit('.').next())
                }
                "created_at" => made["event_metadata"]["created_at"].clone(),
                _ => made["details"][name].clone(),
            };
            assert_eq!(&found, value, "{case}: {name}");
        }
    }
}

/// A whole recorded session of a real registry, request by request.
fn replays_session(version: &str) {
    let gateway = Gateway::start();
    let mut client = gateway.connect("?filter=true&batch_cutoff=0");
    client.subscribed();
    let bodies = lines(&format!("{version}-session.jsonl"));
    let expected = lines(&format!("{version}-session.expected.jsonl"));
    assert_eq!(bodies.len(), expected.len());
    for (index, (body, expected)) in bodies.iter().zip(&expected).enumerate() {
        let case = format!("{version} line {}", index + 1);
        let expected: Value = serde_json::from_str(expected).expect("JSON");
        let answer = gateway.notify(body);
        assert_eq!(answer.status, 200, "{case}");
        let receipt = answer.json();
        for count in ["accepted", "duplicates", "ignored"] {
            assert_eq!(receipt[count], expected[count], "{case}: {count}");
        }
        let made = client.events(expected["events"].as_array().expect("a list").len());
        let ids: Vec<_> = made.iter().map(|event| event["event_metadata"]["event_id"].clone()).collect();
        assert_eq!(receipt["events"], json!(ids), "{case}");
        assert_events(&made, &expected["events"], &case);
    }
}

#[test]
fn a_recorded_session_of_release_2() {
    replays_session("v2");
}

#[test]
fn a_recorded_session_of_release_3() {
    replays_session("v3");
}

#[test]
fn a_repeat_changes_nothing_also_after_a_kill() {
    let mut gateway = Gateway::start();
    let first = gateway.notify(fixture("v2-push-tag.json")).json();
    assert_eq!(first["accepted"], 2);
    for _ in 0..2 {
        let repeat = gateway.notify(fixture("v2-push-tag.json")).json();
        assert_eq!((&repeat["accepted"], &repeat["duplicates"]), (&json!(0), &json!(1)));
        gateway.kill();
        gateway.start_again();
    }
    let mut client = gateway.connect("?filter=true&after=earliest");
    assert_eq!(client.events(2).len(), 2);
}

#[test]
fn several_notifications_of_one_body_are_neighbours_in_its_order() {
    let gateway = Gateway::start();
    let mut client = gateway.connect("?filter=true&batch_size=10");
    client.subscribed();
    let all = body(&[push("1", "a", "t", "x"), push("2", "b", "t", "y"), push("1", "a", "t", "x")]);
    let receipt = gateway.notify(all).json();
    assert_eq!((&receipt["accepted"], &receipt["duplicates"]), (&json!(4), &json!(1)));
    let repositories: Vec<_> = client
        .events(4)
        .iter()
        .map(|e| e["details"]["repository_name"].as_str().expect("a name").to_owned())
        .collect();
    assert_eq!(repositories, ["a", "a", "b", "b"]);
}

#[test]
fn the_trace_of_the_request_is_carried_on() {
    let gateway = Gateway::start();
    let mut client = gateway.connect("?filter=true");
    client.subscribed();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let path = "/v1/sources/distribution/events";
    request(&gateway.address, "POST", path, &[("traceparent", parent)], new_image(1).as_bytes());
    for event in client.events(2) {
        let trace = &event["event_metadata"]["tracing_context"];
        assert_eq!(trace["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(trace["parent_span_id"], "00f067aa0ba902b7");
    }
}

#[test]
fn a_source_with_credentials_asks_for_them() {
    let settings = "[[sources]]\nname = \"hub\"\nkind = \"distribution\"\nregistry = \"hub.example.org\"\ncloud = \"c1\"\n\
                    credentials = [{ header = \"Authorization\", value = \"Bearer right\" }]\n";
    let gateway = Gateway::with_settings(settings);
    let post = |name: &str, token: &str| {
        let path = format!("/v1/sources/{name}/events");
        request(&gateway.address, "POST", &path, &[("Authorization", token)], new_image(1).as_bytes())
    };
    let unknown = post("nobody", "Bearer right");
    for (name, token) in [("hub", "Bearer wrong"), ("hub", ""), ("distribution", "Bearer right")] {
        let refused = post(name, token);
        assert_eq!((refused.status, refused.code().as_str()), (401, "source_unauthenticated"));
        assert_eq!(refused.body, unknown.body, "an unknown source and a wrong secret look the same");
    }
    // HTTP trims the value of a header.
    assert_eq!(post("hub", "Bearer right ").status, 200);
    let mut client = gateway.connect("?filter=cloud_id+%3D%3D+%27c1%27&after=earliest");
    post("hub", "Bearer right");
    let event = &client.events(2)[0];
    assert_eq!(
        (&event["details"]["registry_id"], &event["details"]["source"]),
        (&json!("hub.example.org"), &json!("hub"))
    );
}

#[test]
fn a_source_over_its_rate_is_told_when_to_come_again() {
    let settings = "[[sources]]\nname = \"distribution\"\nkind = \"distribution\"\nrate = 1\nburst = 2\n";
    let gateway = Gateway::with_settings(settings);
    let statuses: Vec<u16> = (0..3).map(|n| gateway.notify(new_image(n)).status).collect();
    assert_eq!(statuses, [200, 200, 429]);
    let refused = gateway.notify(new_image(9));
    assert_eq!(refused.code(), "source_rate_limited");
    assert!(refused.head.contains("retry-after: 1"), "{}", refused.head);
}

/// Many senders at once: every acknowledged event is there once, and each body's own stand together.
#[test]
fn events_of_many_senders_keep_their_bodies_together() {
    let gateway = Gateway::start();
    std::thread::scope(|scope| {
        for sender in 0..8 {
            let gateway = &gateway;
            scope.spawn(move || {
                for n in 0..25 {
                    assert_eq!(gateway.notify(new_image(sender * 100 + n)).status, 200);
                }
            });
        }
    });
    let events = gateway.connect("?filter=true&after=earliest&batch_size=5000").events(400);
    let briefs: Vec<_> = events.iter().map(brief).collect();
    assert_eq!(briefs.iter().collect::<HashSet<_>>().len(), 400);
    for pair in briefs.chunks(2) {
        assert_eq!(pair[0].replace("CreateImage ", "CreateImageTag "), pair[1]);
    }
}
