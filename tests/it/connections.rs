//! What an operator sees of connections, and may do with them.

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, request};
use crate::support::notification::new_image;
use crate::support::stream::Stream;

fn list(gateway: &Gateway, query: &str) -> Vec<Value> {
    let answer = gateway.get(&format!("/v1/connections{query}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["connections"].as_array().expect("a list").clone()
}

#[test]
fn each_connection_says_who_it_is_and_what_it_asked_for() {
    let gateway = Gateway::start();
    assert_eq!(gateway.get("/v1/connections").json(), json!({"connections": [], "total": 0}));
    let mut client = gateway.connect("");
    client.subscribe(&json!({"id": "a", "filter": "tag == 'v1'", "batch": {"size": 5, "cutoff": "0"}}));
    client.subscribe(&json!({"id": "b", "format": "cloudevents"}));
    client.subscribe(&json!({"id": "c"}));
    client.send(&json!({"unsubscribe": {"id": "c"}}));
    client.wait_for("unsubscribed");
    let _stream = Stream::sse(&gateway.address, "?filter=tag+%3D%3D+%22v2%22");
    gateway.notify(new_image(1));
    client.events(4);
    let all = list(&gateway, "");
    assert_eq!(
        all.iter().map(|c| c["transport"].as_str().expect("text")).collect::<Vec<_>>(),
        ["websocket", "sse"]
    );
    let one = &all[0];
    assert!(one["address"].as_str().is_some_and(|address| address.starts_with("127.0.0.1:")));
    assert!(one["since"].as_str().is_some_and(|since| since.ends_with('Z')));
    assert_eq!((&one["identity"], &one["cloud_id"]), (&Value::Null, &Value::Null));
    assert!(
        one["sent"]["frames"].as_u64() >= Some(2) && one["sent"]["bytes"].as_u64() > Some(1_000),
        "{one}"
    );
    assert_eq!(one["queued"]["bytes"], 0);
    let position = gateway.get("/v1/server").json()["position"].clone();
    let batch = json!({"size": 5, "cutoff": "0s", "bytes": 131_072});
    let first = json!({"id": "a", "filter": "tag == \"v1\"", "batch": batch, "format": "tagcast", "live": true, "position": position});
    assert_eq!((&one["subscriptions"][0], one["subscriptions"].as_array().map(Vec::len)), (&first, Some(2)));
    assert_eq!(one["subscriptions"][1]["format"], "cloudevents");
    assert_eq!(all[1]["subscriptions"][0].get("id"), None);
    let id = one["id"].as_str().expect("an id");
    assert_eq!(gateway.get(&format!("/v1/connections/{id}")).json()["address"], one["address"]);
}

#[test]
fn the_list_is_paged_and_can_be_narrowed() {
    let gateway = Gateway::start();
    let mut clients: Vec<_> = (0..3).map(|_| gateway.connect("?filter=true")).collect();
    // It is in the list a moment after its handshake is answered, and before it is told anything.
    for client in &mut clients {
        client.subscribed();
    }
    let _lines = Stream::lines(&gateway.address, "");
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = gateway.get(&format!("/v1/connections?limit=1&after={after}")).json();
        assert_eq!(page["total"], 4);
        seen.push(page["connections"][0]["id"].as_str().expect("an id").to_owned());
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    assert_eq!(seen, ["1", "2", "3", "4"]);
    for (query, count) in [
        ("?transport=ndjson", 1),
        ("?transport=websocket", 3),
        ("?transport=sse", 0),
        ("?address=127.0.0.1", 4),
        ("?address=127.0.0.2", 0),
        ("?identity=nobody", 0),
    ] {
        assert_eq!(list(&gateway, query).len(), count, "{query}");
    }
    for wrong in ["?transport=pigeon", "?address=here", "?after=x", "?limit=0", "?who=me"] {
        assert_eq!(gateway.get(&format!("/v1/connections{wrong}")).code(), "bad_request", "{wrong}");
    }
}

#[test]
fn an_operator_can_speak_to_one_client_and_end_it() {
    let gateway = Gateway::start();
    let mut client = gateway.connect("?filter=true");
    client.subscribed();
    let mut stream = Stream::sse(&gateway.address, "");
    stream.sent();
    let mut lines = Stream::lines(&gateway.address, "");
    let notice = json!({"notice": {"data": {"text": "bye\nbye"}}});
    for id in 1..=3 {
        let sent = gateway.post(&format!("/v1/connections/{id}/send"), r#"{"data": {"text":  "bye\nbye"}}"#);
        assert_eq!(sent.status, 204, "{}", sent.body);
    }
    assert_eq!(client.wait_for("notice"), notice);
    assert_eq!(stream.sent().map(|sent| (sent.event, sent.data)), Some(("notice".into(), notice.clone())));
    assert_eq!(lines.json(), notice);

    let end = |id: u32, query: &str| {
        request(&gateway.address, "DELETE", &format!("/v1/connections/{id}{query}"), &[], b"").status
    };
    assert_eq!((end(1, ""), end(2, "?code=4403"), end(3, "?code=4410")), (204, 204, 204));
    assert_eq!(client.wait_for_close(), (4003, "max_lifetime".into()));
    let close = |code: u16, reason: &str| json!({"close": {"code": code, "reason": reason}});
    assert_eq!(stream.sent().map(|sent| sent.data), Some(close(4403, "forbidden")));
    assert_eq!(stream.sent(), None);
    assert_eq!((lines.json(), lines.line()), (close(4410, "revoked"), None));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let gateway = Gateway::start();
    let mut client = gateway.connect("?filter=true");
    client.subscribed();
    let send = |id: &str, body: &str| {
        let answer = gateway.post(&format!("/v1/connections/{id}/send"), body);
        (answer.status, answer.code())
    };
    assert_eq!(send("1", "{}"), (400, "bad_request".into()));
    assert_eq!(send("1", "data"), (400, "bad_request".into()));
    assert_eq!(send("1", r#"{"data":1,"more":2}"#), (400, "bad_request".into()));
    let large = format!("{{\"data\":\"{}\"}}", "x".repeat(20_000));
    assert_eq!(send("1", &large), (413, "body_too_large".into()));
    for id in ["9", "x", "-1", "99999999999999999999"] {
        assert_eq!(send(id, r#"{"data":1}"#), (404, "not_found".into()), "{id}");
        assert_eq!(gateway.get(&format!("/v1/connections/{id}")).code(), "not_found", "{id}");
    }
    let end = request(&gateway.address, "DELETE", "/v1/connections/1?code=4001", &[], b"");
    assert_eq!((end.status, end.code()), (400, "bad_request".into()));
}

#[test]
fn only_an_operator_sees_connections_and_one_of_a_cloud_that_clouds() {
    let token = |name: &str| format!("token-of-{name}-0123456789abcdef-0123456789abcdef");
    let reader =
        |name: &str, more: &str| format!("[[readers]]\nname = '{name}'\ntoken = '{}'\n{more}\n", token(name));
    let settings = [
        reader("root", "admin = true"),
        reader("boss", "cloud = 'c1'\nadmin = true"),
        reader("one", "cloud = 'c1'"),
        reader("two", "cloud = 'c2'"),
    ];
    let gateway = Gateway::with_settings(&settings.concat());
    let ask = |who: &str, method: &str, path: &str| -> Answer {
        let authorization = format!("Bearer {}", token(who));
        request(&gateway.address, method, path, &[("Authorization", &authorization)], b"")
    };
    let streams: Vec<_> = ["one", "two"]
        .map(|who| {
            let authorization = format!("Bearer {}", token(who));
            let headers = [("Accept", "text/event-stream"), ("Authorization", authorization.as_str())];
            Stream::open(&gateway.address, "/v1/events", &headers)
        })
        .into();
    assert_eq!(gateway.get("/v1/connections").code(), "unauthenticated");
    assert_eq!(ask("one", "GET", "/v1/connections").code(), "forbidden");
    let names = |who: &str| -> Vec<String> {
        let page = ask(who, "GET", "/v1/connections").json();
        let all = page["connections"].as_array().expect("a list").iter();
        all.map(|c| c["identity"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(names("root"), ["one", "two"]);
    assert_eq!(names("boss"), ["one"]);
    let one = ask("root", "GET", "/v1/connections?identity=one").json();
    let rights = &one["connections"][0];
    assert_eq!(
        (&rights["cloud_id"], &rights["subscriptions"][0]["filter"]),
        (&json!("c1"), &json!("cloud_id == \"c1\""))
    );
    assert_eq!(ask("boss", "DELETE", "/v1/connections/2").code(), "not_found");
    assert_eq!(ask("two", "DELETE", "/v1/connections/2").code(), "forbidden");
    assert_eq!(ask("root", "DELETE", "/v1/connections/2").status, 204);
    drop(streams);
    let (status, _) = Client::refused(&gateway.websocket_url("?filter=true"));
    assert_eq!(status, 401);
}

#[test]
fn the_server_says_how_much_it_does() {
    let gateway = Gateway::start();
    let mut client = gateway.connect("?filter=true&batch_cutoff=200ms");
    client.subscribed();
    let _stream = Stream::sse(&gateway.address, "");
    gateway.notify(new_image(1));
    client.events(2);
    let server = gateway.get("/v1/server").json();
    assert_eq!(server["counts"]["events"], json!({"CreateImage": 1, "CreateImageTag": 1}));
    assert_eq!(server["counts"]["connections"], json!({"websocket": 1, "sse": 1, "ndjson": 0}));
    assert_eq!(server["counts"]["notifications"]["accepted"], 1);
    assert_eq!((&server["counts"]["groups"], &server["log"]["store"]), (&json!(2), &json!("disk")));
    assert!(server["node"].as_str().is_some_and(|node| !node.is_empty()));
    assert!(server["started_at"].as_str() < server["time"].as_str());
    let latency = &server["latency"];
    for name in ["commit", "delivery", "window"] {
        assert!(latency[name]["count"].as_u64() >= Some(1), "{name}: {latency}");
    }
    // The window was open for 200 ms, which is no delay.
    assert!(latency["window"]["sum"].as_f64() >= Some(0.2), "{latency}");
    assert!(latency["delivery"]["p99"].as_f64() < Some(0.2), "{latency}");
    assert!((gateway.metric("tagcast_window_seconds_count") - 2.0).abs() < f64::EPSILON);
}
