//! One push to one target: the one to read first.

use serde_json::json;

use super::{definition, gateway, make, send, state, until};
use crate::support::notification::{body, new_image, push};
use crate::support::target::Target;

#[test]
fn a_push_is_delivered_with_its_id_its_place_and_who_sends_it() {
    let (gateway, target) = (gateway(), Target::start());
    let mut wanted = definition(&target);
    wanted["target"]["http"]["auth"] = json!({"bearer": "t0p"});
    wanted["target"]["http"]["headers"] = json!({"X-Own": "value"});
    make(&gateway, &wanted);
    assert_eq!(gateway.notify(new_image(1)).status, 200);

    let [delivery] = &target.wait(1)[..] else { panic!() };
    let message = &delivery.json()["messages"][0];
    assert_eq!((delivery.method.as_str(), delivery.path.as_str()), ("POST", "/hook"));
    assert_eq!(message["details"]["tag"], "v1");
    assert_eq!(delivery.json().as_object().unwrap().len(), 1, "the envelope and nothing else");
    assert_eq!(delivery.header("content-type"), "application/json");
    assert_eq!(delivery.header("authorization"), "Bearer t0p");
    assert_eq!(delivery.header("x-own"), "value");
    assert_eq!(delivery.header("tagcast-trigger"), "t");
    assert_eq!(delivery.header("tagcast-position"), message["event_metadata"]["event_id"]);
    assert!(delivery.header("webhook-id").starts_with("dlv_"));
    assert_eq!(delivery.header("host"), target.url.split('/').nth(2).unwrap());
    until("it is told", || state(&gateway)["delivered"] == 1);
    assert_eq!(state(&gateway)["position"], delivery.header("tagcast-position"));
}

#[test]
fn the_access_log_has_a_row_for_every_event() {
    let (gateway, target) = (gateway(), Target::start());
    let mut wanted = definition(&target);
    wanted["filter"] = json!("type == 'CreateImageTag' && tag.startsWith('release-')");
    gateway.notify(new_image(0));
    make(&gateway, &wanted);
    gateway.notify(new_image(1));
    gateway.notify(body(&[push("r", "team/app", "release-1", "image r")]));
    target.wait(1);
    until("it is told", || state(&gateway)["delivered"] == 1);

    let mut log = gateway.get("/v1/triggers/t/log").json();
    until("it is written", || {
        log = gateway.get("/v1/triggers/t/log").json();
        log["rows"][0]["delivery"]["status"] == 200
    });
    let rows = log["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4, "none from before it began: {log}");
    assert_eq!(rows[0]["outcome"], "triggered");
    assert_eq!(rows[0]["delivery"]["outcome"], "delivered");
    assert_eq!(rows[0]["delivery"]["attempts"], 1);
    let refused = rows.iter().find(|row| row["tag"] == "v1" && row["type"] == "CreateImageTag").unwrap();
    assert_eq!(refused["refused_by"]["text"], "tag.startsWith('release-')");
    assert_eq!(refused["refused_by"]["value"], "v1");

    let only = gateway.get("/v1/triggers/t/log?outcome=triggered").json();
    assert_eq!(only["rows"].as_array().unwrap().len(), 1);
    let found = gateway.get("/v1/triggers/t/log?search=%22v1%22&limit=1").json();
    assert_eq!(found["rows"][0]["tag"], "v1");
    let older = gateway.get(&format!("/v1/triggers/t/log?before={}", rows[1]["event_id"].as_str().unwrap()));
    assert_eq!(older.json()["rows"].as_array().unwrap().len(), 2);
    assert_eq!(gateway.get("/v1/triggers/t/log?outcome=x").code(), "bad_request");
    assert_eq!(send(&gateway, "DELETE", "/v1/triggers/t", &json!(null)).status, 204);
    assert_eq!(gateway.get("/v1/triggers/t/log").code(), "not_found");
}
