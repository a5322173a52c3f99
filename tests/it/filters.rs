//! Filters through the whole gateway: many at once, those that are refused, and asking what one would do.

use serde_json::{Value, json};

use crate::support::client::{Client, brief};
use crate::support::gateway::Gateway;
use crate::support::http::request;
use crate::support::notification::{body, push};
use crate::support::until;

const MANY: &str =
    "[connections]\nsubscriptions = 128\ncommands_per_second = 100000\ncommands_burst = 100000\n";

/// A new tag in a repository, which makes two events.
fn tagged(n: usize, repository: &str, tag: &str) -> Value {
    push(&format!("n{n}"), repository, tag, &format!("image {repository} {tag}"))
}

#[test]
fn a_thousand_filters_each_get_their_own() {
    let gateway = Gateway::with_settings(MANY);
    let mut clients: Vec<Client> = (0..8).map(|_| gateway.connect("")).collect();
    for (c, client) in clients.iter_mut().enumerate() {
        for n in 0..125 {
            let filter = match n % 3 {
                0 => format!("repository == 'team/app{}' && type == 'CreateImageTag'", c * 125 + n),
                1 => format!("tag == 'v{}' && type == 'CreateImageTag'", c * 125 + n),
                _ => format!(
                    "repository == 'team/app{0}' && tag in ['v{0}', 'x{0}'] && type == 'CreateImageTag'",
                    c * 125 + n
                ),
            };
            client.subscribe(&json!({"id": format!("s{n}"), "filter": filter, "batch": {"cutoff": "0"}}));
        }
    }
    wait_for_filters(&gateway, 1000);
    let pushes: Vec<Value> =
        (0..1000).map(|n| tagged(n, &format!("team/app{n}"), &format!("v{n}"))).collect();
    for pushes in pushes.chunks(100) {
        assert_eq!(gateway.notify(body(pushes)).status, 200);
    }
    for (c, client) in clients.iter_mut().enumerate() {
        let mut seen = Vec::new();
        while seen.len() < 125 {
            let envelope = client.wait_for("messages");
            let n = envelope["id"].as_str().and_then(|id| id[1..].parse::<usize>().ok()).expect("a name");
            let wanted = format!("CreateImageTag team/app{0}:v{0} ", c * 125 + n);
            for event in envelope["messages"].as_array().expect("a list") {
                assert!(brief(event).starts_with(&wanted), "{wanted} and {}", brief(event));
                seen.push(n);
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..125).collect::<Vec<_>>());
    }
    drop(clients);
    wait_for_filters(&gateway, 0);
}

/// A subscription is told before the bus has let it in, and left before the bus has let it go.
fn wait_for_filters(gateway: &Gateway, wanted: u32) {
    until(&format!("{wanted} filters are in the index"), || {
        (gateway.metric("tagcast_filters") - f64::from(wanted)).abs() < 0.5
    });
}

#[test]
fn subscriptions_that_share_a_filter_keep_their_own_windows() {
    let gateway = Gateway::start();
    let mut client = gateway.connect("");
    let filter = "tag.startsWith('v') && type == 'CreateImageTag'";
    for size in 1..=3 {
        client.subscribe(
            &json!({"id": format!("by{size}"), "filter": filter, "batch": {"size": size, "cutoff": "60s"}}),
        );
    }
    assert!((gateway.metric("tagcast_filters") - 1.0).abs() < 0.5);
    let pushes: Vec<Value> = (0..6).map(|n| tagged(n, "team/app", &format!("v{n}"))).collect();
    assert_eq!(gateway.notify(body(&pushes)).status, 200);
    let mut batches: Vec<(String, usize)> = (0..11)
        .map(|_| {
            let envelope = client.wait_for("messages");
            let count = envelope["messages"].as_array().map_or(0, Vec::len);
            (envelope["id"].as_str().expect("a name").to_owned(), count)
        })
        .collect();
    batches.sort();
    let of = |size: usize| vec![(format!("by{size}"), size); 6 / size];
    assert_eq!(batches, [of(1), of(2), of(3)].concat());
}

#[test]
fn too_many_broad_filters_are_refused_and_room_comes_back() {
    let gateway = Gateway::with_settings(MANY);
    let mut clients: Vec<Client> = (0..8).map(|_| gateway.connect("")).collect();
    for (c, client) in clients.iter_mut().enumerate() {
        for n in 0..125 {
            let filter = format!("size > {}", c * 125 + n);
            client.subscribe(&json!({"id": format!("s{n}"), "filter": filter}));
        }
    }
    assert!((gateway.metric("tagcast_broad_filters") - 1000.0).abs() < 0.5);
    let mut one_more = gateway.connect("");
    one_more.send(&json!({"subscribe": {"id": "more", "filter": "tag != 'x'"}}));
    let error = &one_more.wait_for("error")["error"];
    assert_eq!((&error["code"], &error["id"]), (&json!("filter_too_broad"), &json!("more")));
    assert!(
        error["details"]["hint"].is_string() && error["message"].as_str().is_some_and(|m| m.contains("tag"))
    );
    let (status, answer) = Client::refused(&gateway.websocket_url("?filter=tag+%21%3D+%22x%22"));
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("filter_too_broad")));
    // What is there already, what the index serves, and everything: none of them is one more.
    for fine in ["size > 7", "tag == 'x'", "repository == 'a' && tag != 'x'", "true", "type == 'CreateImage'"]
    {
        one_more.subscribe(&json!({"id": format!("{}", fine.len()), "filter": fine}));
    }
    clients[0].send(&json!({"unsubscribe": {"id": "s5"}}));
    clients[0].wait_for("unsubscribed");
    one_more.subscribe(&json!({"id": "more", "filter": "tag != 'x'"}));
}

fn check(gateway: &Gateway, wanted: &Value) -> (u16, Value) {
    let answer = gateway.post("/v1/filters/check", wanted.to_string());
    (answer.status, answer.json())
}

#[test]
fn a_filter_can_be_checked_before_it_is_used() {
    let gateway = Gateway::start();
    let pushes: Vec<Value> = (0..30).map(|n| tagged(n, "team/app", &format!("v{n}"))).collect();
    let receipt = gateway.notify(body(&pushes)).json();
    let ids: Vec<Value> = receipt["events"].as_array().expect("ids").clone();
    let (status, answer) = check(&gateway, &json!({"filter": {"type": "CreateImageTag"}}));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["filter"], r#"type == "CreateImageTag""#);
    assert_eq!((&answer["sampled"], &answer["matched"]), (&json!(60), &json!(30)));
    let newest: Vec<Value> = ids.iter().skip(1).step_by(2).rev().take(10).rev().cloned().collect();
    assert_eq!(answer["newest"], json!(newest));
    assert!(answer.get("event").is_none());
    let (_, answer) = check(&gateway, &json!({"filter": "tag == 'v3'", "sample": 10}));
    assert_eq!(
        (&answer["sampled"], &answer["matched"], &answer["newest"]),
        (&json!(10), &json!(0), &json!([]))
    );
}

#[test]
fn a_check_says_which_condition_refused_an_event() {
    let gateway = Gateway::start();
    let filter = r#"repository == "team/app" && tag.startsWith("release-v")"#;
    let event = |tag: &str| {
        json!({"event_metadata": {"event_type": "yandex.cloud.events.containerregistry.CreateImageTag"},
               "details": {"repository_name": "team/app", "tag": tag}})
    };
    let (status, answer) = check(&gateway, &json!({"filter": filter, "event": event("latest")}));
    assert_eq!(status, 200, "{answer}");
    let refused_by =
        json!({"text": "tag.startsWith(\"release-v\")", "offset": 28, "length": 27, "value": "latest"});
    assert_eq!(answer["event"], json!({"matches": false, "refused_by": refused_by}));
    assert_eq!((&answer["sampled"], &answer["matched"]), (&json!(0), &json!(0)));
    let (_, answer) = check(&gateway, &json!({"filter": filter, "event": event("release-v1")}));
    assert_eq!(answer["event"], json!({"matches": true}));
    let shorthand = json!({"filter": {"tag": {"glob": "v*"}}, "event": {"details": {}}});
    let (_, answer) = check(&gateway, &shorthand);
    assert_eq!(answer["event"]["refused_by"]["pointer"], "/tag/glob");
}

#[test]
fn a_wrong_check_is_answered_with_its_place() {
    let gateway = Gateway::start();
    let (status, answer) = check(&gateway, &json!({"filter": "repository == 'a' && tga == 'v1'"}));
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("invalid_filter")));
    assert_eq!(answer["error"]["details"]["column"], 22);
    assert_eq!(answer["error"]["details"]["hint"], "tag");
    for (wrong, code) in [
        (json!({"filter": "true", "sample": 10_001}), "bad_request"),
        (json!({"filter": "true", "sample": "many"}), "bad_request"),
        (json!({"filter": "true", "more": 1}), "bad_request"),
        (json!({"filter": "true", "event": {"details": {"tag": 5}}}), "bad_request"),
        (json!({"filter": "true", "event": {"event_metadata": {"event_type": "Nothing"}}}), "bad_request"),
        (json!([]), "bad_request"),
        (json!({"filter": 5}), "invalid_filter"),
    ] {
        let (status, answer) = check(&gateway, &wrong);
        assert_eq!((status, &answer["error"]["code"]), (400, &json!(code)), "{wrong}: {answer}");
    }
    assert_eq!(gateway.post("/v1/filters/check", "{").code(), "bad_request");
    assert_eq!(gateway.get("/v1/filters/check").status, 405);
}

#[test]
fn a_check_shows_no_other_cloud() {
    let gateway = Gateway::with_settings(
        "[[readers]]\nname = 'a'\ntoken = 'token-of-a-0123456789abcdef-0123456789abcdef'\ncloud = 'other'\n",
    );
    gateway.notify(body(&[tagged(1, "team/app", "v1")]));
    let ask = |headers: &[(&str, &str)]| {
        request(&gateway.address, "POST", "/v1/filters/check", headers, br#"{"filter":"true"}"#)
    };
    assert_eq!(ask(&[]).status, 401);
    let answer = ask(&[("Authorization", "Bearer token-of-a-0123456789abcdef-0123456789abcdef")]).json();
    assert_eq!(
        (&answer["sampled"], &answer["matched"], &answer["newest"]),
        (&json!(0), &json!(0), &json!([]))
    );
    assert_eq!(answer["filter"], "true");
}
