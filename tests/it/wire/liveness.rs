//! Who sees no ping sees a position.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::client::{Client, id};
use crate::support::gateway::Gateway;
use crate::support::http::request;
use crate::support::notification::new_image;
use crate::support::stream::Stream;
use crate::support::third_party::{By, Subscriber};

/// A page's WebSocket and a stream are told where they stand after a second.
const QUICK: &str = "[connections]\nheartbeat = \"1s\"\n";

fn newest(gateway: &Gateway) -> Value {
    gateway.get("/v1/server").json()["position"].clone()
}

#[test]
fn a_page_and_a_stream_are_told_their_position_into_silence_and_others_where_they_ask() {
    let gateway = Gateway::with_settings(QUICK);
    let origin = gateway.url();
    let mut page = Client::connect_with(&gateway.websocket_url("?filter=true"), &[("origin", &origin)]);
    let mut bot = gateway.connect("?filter=true");
    let mut asking = gateway.connect("?filter=true&heartbeat=1s");
    let mut stream = Stream::sse(&gateway.address, "?filter=true");
    let mut lines = Stream::lines(&gateway.address, "?filter=true");
    let mut asking_lines = Stream::lines(&gateway.address, "?filter=true&heartbeat=1s");
    gateway.notify(new_image(1));
    let expected = newest(&gateway);
    for client in [&mut page, &mut asking] {
        client.events(2);
        for _ in 0..2 {
            assert_eq!(client.wait_for("position")["position"], json!({ "event_id": expected }));
        }
    }
    stream.events(2);
    for _ in 0..2 {
        let sent = stream.sent().expect("it goes on");
        assert_eq!((sent.event.as_str(), &Value::from(sent.id)), ("position", &expected));
    }
    for lines in [&mut lines, &mut asking_lines] {
        assert_eq!(Value::from(id(&lines.json())), Value::from(id(&page_event(&gateway, 0))));
        lines.json();
    }
    assert_eq!(asking_lines.json(), json!({"position": {"event_id": expected}}));
    bot.subscribed();
    bot.events(2);
    assert_eq!(bot.everything_within(Duration::from_millis(200)), [] as [Value; 0]);
    gateway.notify(new_image(2));
    assert_eq!(bot.events(2).len(), 2);
    assert_eq!(
        lines.json()["details"]["tag"],
        page_event(&gateway, 2)["details"]["tag"],
        "no position before"
    );
}

fn page_event(gateway: &Gateway, index: usize) -> Value {
    gateway.get("/v1/events").json()["messages"][index].clone()
}

#[test]
fn a_heartbeat_is_of_the_newest_subscription_and_never_ahead_of_what_still_gathers() {
    let gateway = Gateway::start();
    let mut client = gateway.connect("?heartbeat=1s");
    assert_eq!(
        client.everything_within(Duration::from_millis(1_500)),
        [] as [Value; 0],
        "it asked for nothing"
    );
    client.subscribe(&json!({"id": "old", "filter": "tag == 'never'"}));
    let start = client.subscribe(&json!({"id": "gathering", "batch": {"cutoff": "300s"}}));
    client.subscribe(&json!({"id": "new", "filter": "tag == 'never'"}));
    gateway.notify(new_image(1));
    let told = |client: &mut Client| client.wait_for("position")["position"].clone();
    assert_eq!(told(&mut client), json!({"id": "new", "event_id": newest(&gateway)}));
    client.send(&json!({"unsubscribe": {"id": "new"}}));
    client.wait_for("unsubscribed");
    assert_eq!(told(&mut client), json!({"id": "gathering", "event_id": start}));
    client.send(&json!({"unsubscribe": {"id": "old"}}));
    client.wait_for("unsubscribed");
    assert_eq!(told(&mut client), json!({"id": "gathering", "event_id": start}));
    let mut resumed = gateway.connect(&format!("?filter=true&after={start}"));
    assert_eq!(resumed.events(2).len(), 2, "nothing that gathered is lost");
}

#[test]
fn a_heartbeat_has_bounds() {
    let gateway = Gateway::start();
    let refused = |query: &str| {
        let (status, body) = Client::refused(&gateway.websocket_url(query));
        let message = body["error"]["message"].as_str().unwrap_or_default().to_owned();
        (status, body["error"]["code"].clone(), message.contains("heartbeat"))
    };
    for bad in ["999ms", "0", "300.1s", "6m", "-1s", "soon"] {
        assert_eq!(refused(&format!("?heartbeat={bad}")), (400, json!("bad_request"), true), "{bad}");
        let path = format!("/v1/events?heartbeat={bad}");
        for accept in ["text/event-stream", "application/x-ndjson"] {
            let answer = request(&gateway.address, "GET", &path, &[("Accept", accept)], b"");
            assert_eq!((answer.status, answer.code().as_str()), (400, "bad_request"), "{bad}");
        }
    }
    assert_eq!(refused("?heartbeat=1s&heartbeat=2s"), (400, json!("bad_request"), true));
    for good in ["1s", "1", "1001ms", "5m", "300s", ""] {
        assert!(Client::connected(&gateway.websocket_url(&format!("?heartbeat={good}"))), "{good}");
    }
    assert_eq!(gateway.get("/v1/events?heartbeat=15s").status, 400, "a page has none");
}

#[test]
fn what_is_sent_anyway_takes_the_place_of_a_heartbeat() {
    let gateway = Gateway::start();
    let mut client = gateway.connect("?filter=true&batch_cutoff=0&heartbeat=2s");
    client.subscribed();
    let begin = Instant::now();
    for n in 0..8 {
        std::thread::sleep(Duration::from_millis(500));
        gateway.notify(new_image(n));
    }
    let all = client.everything_within(Duration::from_millis(100));
    assert!(begin.elapsed() > Duration::from_secs(4));
    assert!(all.iter().all(|message| message.get("messages").is_some()), "{all:?}");
    client.wait_for("position");
}

#[test]
fn event_sources_of_others_see_it() {
    let gateway = Gateway::with_settings(QUICK);
    for by in [By::Node, By::Python] {
        let subscriber = Subscriber::sse(by, &format!("{}/v1/events?filter=true", gateway.url()), 2);
        std::thread::sleep(Duration::from_millis(2_200));
        gateway.notify(new_image(if matches!(by, By::Node) { 1 } else { 2 }));
        let told = subscriber.messages();
        assert!(told.iter().any(|one| one["event"] == "position" && one["id"] != ""), "{by:?}: {told:?}");
    }
}
