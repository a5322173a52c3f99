//! Triggers made, changed, paused and removed.

use serde_json::{Value, json};

use super::{LOOPBACK, definition, gateway, make, send, state, until};
use crate::support::gateway::Gateway;
use crate::support::http::request;
use crate::support::notification::new_image;
use crate::support::target::Target;

#[test]
fn a_fault_names_its_field_and_changes_nothing() {
    let (gateway, target) = (gateway(), Target::start());
    let good = definition(&target);
    for (pointer, value, code) in [
        ("/filter", json!("tag ="), "invalid_filter"),
        ("/batch/size", json!(1_001), "invalid_batch"),
        ("/target/http/url", json!("ftp://example.com/"), "target_scheme"),
        ("/target/http/url", json!("http://10.0.0.1/"), "target_blocked"),
        ("/target/http/url", json!("https://example.com:8443/"), "target_port"),
        ("/retry/attempts", json!("many"), "bad_request"),
        ("/service_account", json!("nobody"), "forbidden"),
        ("/no_such_field", json!(1), "bad_request"),
    ] {
        let mut wrong = good.clone();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        wrong.pointer_mut(parent).unwrap()[field] = value;
        let answer = send(&gateway, "PUT", "/v1/triggers/t", &wrong);
        assert_eq!(answer.code(), code, "{pointer}: {answer:?}");
        assert_eq!(answer.json()["error"]["details"]["field"], pointer);
    }
    let mut both = good.clone();
    both["target"]["feed"] = "cards".into();
    let mut without = good.clone();
    without["target"]["http"].as_object_mut().unwrap().remove("url");
    for (wrong, field) in [(both, "/target"), (json!({}), "/target"), (without, "/target/http/url")] {
        let answer = send(&gateway, "PUT", "/v1/triggers/t", &wrong);
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad_request"), "{answer:?}");
        assert_eq!(answer.json()["error"]["details"]["field"], field, "{answer:?}");
    }
    assert_eq!(send(&gateway, "PUT", "/v1/triggers/a%20b", &good).code(), "invalid_id");
    assert_eq!(gateway.get("/v1/triggers").json()["triggers"], json!([]));
    assert_eq!(gateway.get("/v1/triggers/t").code(), "not_found");
}

#[test]
fn a_removed_trigger_is_not_counted() {
    let (gateway, target) = (gateway(), Target::start());
    make(&gateway, &definition(&target));
    assert!((gateway.metric("tagcast_triggers{cloud=\"default\"}") - 1.0).abs() < 0.5);
    assert_eq!(send(&gateway, "DELETE", "/v1/triggers/t", &json!(null)).status, 204);
    assert!(gateway.metric("tagcast_triggers{cloud=\"default\"}") < 0.5);
}

#[test]
fn secrets_are_shown_once_kept_and_rotated() {
    let (mut gateway, target) = (gateway(), Target::start());
    let mut wanted = definition(&target);
    wanted["target"]["http"]["signing_secret"] = "new".into();
    wanted["target"]["http"]["auth"] = json!({"basic": "user:hush-hush"});
    let made = make(&gateway, &wanted);
    assert!(made["new_signing_secret"].as_str().unwrap().starts_with("whsec_"));
    let mut shown = gateway.get("/v1/triggers/t").json();
    assert_eq!(shown["target"]["http"]["signing_secret"], "***");
    assert!(!shown.to_string().contains("hush-hush"));

    // What was shown can be sent back.
    for field in ["state", "defined_in", "understood"] {
        shown.as_object_mut().unwrap().remove(field);
    }
    let kept = make(&gateway, &shown);
    assert_eq!(kept.get("new_signing_secret"), None);
    gateway.notify(new_image(1));
    let first = target.wait(1).remove(0);
    assert_eq!(first.header("authorization"), "Basic dXNlcjpodXNoLWh1c2g=");
    assert_eq!(first.header("webhook-signature").split(' ').count(), 1);

    shown["target"]["http"]["signing_secret"] = "new".into();
    make(&gateway, &shown);
    gateway.notify(new_image(2));
    assert_eq!(target.wait(2)[1].header("webhook-signature").split(' ').count(), 2, "the old one signs too");
    gateway.kill();
    gateway.start_again();
    gateway.notify(new_image(3));
    assert_eq!(target.wait(3)[2].header("webhook-signature").split(' ').count(), 2);
}

#[test]
fn a_paused_trigger_keeps_its_place_over_restarts() {
    let (mut gateway, target) = (gateway(), Target::start());
    make(&gateway, &definition(&target));
    gateway.notify(new_image(1));
    // A pause in the middle of an attempt would rightly bring that batch again.
    until("it is told", || state(&gateway)["delivered"] == 1);
    let paused = gateway.post("/v1/triggers/t/pause", "");
    assert_eq!(paused.json()["state"]["status"], "paused");
    gateway.notify(new_image(2));
    assert_eq!(gateway.terminate(), Some(0));
    gateway.start_again();
    assert_eq!(state(&gateway)["status"], "paused");
    gateway.notify(new_image(3));
    assert_eq!(target.received().len(), 1);
    assert_eq!(gateway.post("/v1/triggers/t/resume", "").json()["enabled"], true);
    let tags: Vec<Value> = {
        until("both came", || target.events() == 3);
        let all = target.received();
        all.iter().flat_map(|d| d.json()["messages"].as_array().unwrap().clone()).collect()
    };
    let tags: Vec<_> = tags.iter().map(|message| message["details"]["tag"].as_str().unwrap()).collect();
    assert_eq!(tags, ["v1", "v2", "v3"]);
}

#[test]
fn the_settings_make_triggers_too() {
    let target = Target::start();
    let settings = format!(
        "{LOOPBACK}\n[[triggers]]\nname = \"t\"\nfilter = 'type == \"CreateImageTag\"'\nbatch = {{ cutoff = 0 }}\n\
         [triggers.target.http]\nurl = \"{}\"\nauth = {{ bearer = {{ env = \"T_TOKEN\" }} }}\n",
        target.url
    );
    let mut gateway = Gateway::within(&settings, None, &[("T_TOKEN", "from-the-environment")]);
    gateway.notify(new_image(1));
    assert_eq!(target.wait(1)[0].header("authorization"), "Bearer from-the-environment");
    assert_eq!(gateway.get("/v1/triggers/t").json()["defined_in"], "settings");
    assert_eq!(send(&gateway, "PUT", "/v1/triggers/t", &definition(&target)).code(), "conflict");
    assert_eq!(send(&gateway, "DELETE", "/v1/triggers/t", &json!(null)).code(), "conflict");
    assert_eq!(gateway.post("/v1/triggers/t/pause", "").status, 200);
    gateway.kill();
    gateway.start_again();
    assert_eq!(state(&gateway)["status"], "paused", "a pause by hand holds");
    gateway.kill();
    gateway.set_settings(LOOPBACK);
    gateway.start_again();
    assert_eq!(gateway.get("/v1/triggers/t").status, 404);
}

#[test]
fn only_operators_and_only_of_their_cloud() {
    let (one, two, reader) = ("1".repeat(32), "2".repeat(32), "3".repeat(32));
    let settings = format!(
        "{LOOPBACK}\n[[readers]]\nname = \"one\"\ntoken = \"{one}\"\ncloud = \"one\"\nadmin = true\n\
         [[readers]]\nname = \"two\"\ntoken = \"{two}\"\ncloud = \"two\"\nadmin = true\n\
         [[readers]]\nname = \"reader\"\ntoken = \"{reader}\"\n"
    );
    let (gateway, target) = (Gateway::with_settings(&settings), Target::start());
    let ask = |token: &str, method: &str, path: &str, body: &Value| {
        let bearer = format!("Bearer {token}");
        request(&gateway.address, method, path, &[("Authorization", &bearer)], body.to_string().as_bytes())
    };
    let mut wanted = definition(&target);
    wanted["cloud_id"] = "one".into();
    assert_eq!(gateway.get("/v1/triggers").code(), "unauthenticated");
    assert_eq!(ask(&reader, "GET", "/v1/triggers", &json!(null)).code(), "forbidden");
    assert_eq!(ask(&two, "PUT", "/v1/triggers/t", &wanted).code(), "forbidden");
    assert_eq!(ask(&one, "PUT", "/v1/triggers/t", &wanted).status, 201);
    wanted["service_account"] = "two".into();
    assert_eq!(ask(&one, "PUT", "/v1/triggers/t", &wanted).code(), "forbidden");
    for path in ["/v1/triggers/t", "/v1/triggers/t/log", "/v1/triggers/t/dead-letters"] {
        assert_eq!(ask(&two, "GET", path, &json!(null)).code(), "not_found", "{path}");
        assert_eq!(ask(&one, "GET", path, &json!(null)).status, 200, "{path}");
    }
    assert_eq!(ask(&two, "GET", "/v1/triggers", &json!(null)).json()["triggers"], json!([]));
}
