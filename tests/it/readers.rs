//! The same events without a WebSocket: server-sent events and lines of JSON mean what a subscription means.

use serde_json::{Value, json};

use crate::support::client::{brief, id};
use crate::support::gateway::Gateway;
use crate::support::http::request;
use crate::support::notification::{body, new_image, push};
use crate::support::stream::Stream;
use crate::support::third_party::{By, Subscriber};
use crate::support::until;

/// All events that a client of server-sent events told, and what else.
fn sorted(told: Vec<Value>) -> (Vec<Value>, Vec<Value>) {
    let (batches, others): (Vec<_>, Vec<_>) = told.into_iter().partition(|sent| sent["event"] == "message");
    for batch in &batches {
        let last = batch["data"]["messages"].as_array().and_then(|events| events.last()).map(id);
        assert_eq!(batch["id"].as_str(), last.as_deref(), "a batch's id is its last event's");
    }
    let events =
        batches.into_iter().flat_map(|batch| batch["data"]["messages"].as_array().expect("a list").clone());
    (events.collect(), others)
}

#[test]
fn clients_of_others_get_what_a_websocket_gets() {
    let gateway = Gateway::start();
    let url = format!("{}/v1/events?filter=tag+!%3D+%22v2%22&batch_size=3&batch_cutoff=50ms", gateway.url());
    let clients = [By::Python, By::Node].map(|by| Subscriber::sse(by, &url, 8));
    let mut websocket = gateway.connect("?filter=tag+!%3D+%22v2%22&batch_cutoff=0");
    let position = websocket.subscribed();
    for n in 0..5 {
        gateway.notify(new_image(n));
    }
    let expected = websocket.events(8);
    for client in clients {
        let (events, others) = sorted(client.messages());
        assert_eq!(events, expected);
        assert_eq!((&others[0]["event"], &others[0]["id"]), (&json!("subscribed"), &json!(position)));
        assert!(others.iter().all(|sent| sent["event"] == "subscribed"), "{others:?}");
    }
}

#[test]
fn they_resume_by_themselves_when_the_gateway_was_killed() {
    let mut gateway = Gateway::start();
    let url = format!("{}/v1/events?filter=true&batch_cutoff=0", gateway.url());
    let clients = [By::Python, By::Node].map(|by| Subscriber::sse(by, &url, 12));
    let mut websocket = gateway.connect("?filter=true&batch_cutoff=0");
    websocket.subscribed();
    for n in 0..2 {
        gateway.notify(new_image(n));
    }
    websocket.events(4);
    // They may have got that, or not: either way they go on from where they are.
    gateway.kill();
    gateway.start_again();
    for n in 2..6 {
        gateway.notify(new_image(n));
    }
    let expected: Vec<_> = gateway.connect("?filter=true&after=earliest").events(12).iter().map(id).collect();
    for client in clients {
        let (events, _) = sorted(client.messages());
        assert_eq!(events.iter().map(id).collect::<Vec<_>>(), expected, "each once, in order");
    }
}

#[test]
fn the_last_event_id_comes_before_after() {
    let gateway = Gateway::start();
    for n in 0..3 {
        gateway.notify(new_image(n));
    }
    let all: Vec<_> = gateway.connect("?filter=true&after=earliest").events(6).iter().map(id).collect();
    let headers = [("Accept", "text/event-stream"), ("Last-Event-ID", all[3].as_str())];
    let mut stream = Stream::open(&gateway.address, "/v1/events?after=earliest&batch_cutoff=0", &headers);
    assert!(stream.head.contains("content-type: text/event-stream") && stream.head.contains("no-store"));
    assert!(stream.head.contains(&format!("tagcast-position: {}", all[3])), "{}", stream.head);
    assert_eq!(stream.events(2).iter().map(id).collect::<Vec<_>>(), all[4..]);
    gateway.notify(new_image(3));
    assert_eq!(brief(&stream.events(2)[0]).split(' ').next(), Some("CreateImage"), "and then it is live");
    // No id yet: a client that never got one sends an empty header, or none.
    let headers = [("Accept", "text/event-stream"), ("Last-Event-ID", "")];
    let mut stream = Stream::open(&gateway.address, "/v1/events?after=earliest", &headers);
    assert_eq!(stream.events(8).len(), 8);
}

#[test]
fn lines_hold_one_event_each_in_either_form() {
    let gateway = Gateway::start();
    gateway.notify(new_image(1));
    let expected = gateway.connect("?filter=true&after=earliest").events(2);
    let mut lines = Stream::lines(&gateway.address, "?after=earliest");
    assert!(lines.head.contains("content-type: application/x-ndjson"), "{}", lines.head);
    assert_eq!([lines.json(), lines.json()], expected[..]);
    let mut cloud = Stream::lines(&gateway.address, "?after=earliest&format=cloudevents");
    let first = cloud.json();
    assert_eq!(
        (&first["specversion"], first["id"].as_str()),
        (&json!("1.0"), Some(id(&expected[0]).as_str()))
    );
    gateway.notify(new_image(2));
    assert_eq!(brief(&lines.json()).split(' ').next(), Some("CreateImage"));
}

const SETTINGS: &str = "\
[[sources]]
name = \"distribution\"
kind = \"distribution\"
rate = 1000000
burst = 1000000
[connections]
outbox = \"64KiB\"
";

fn post(gateway: &Gateway, n: usize) {
    let pushes: Vec<_> = (0..500)
        .map(|m| push(&format!("{n}.{m}"), "team/app", &format!("v{n}.{m}"), &format!("{n}.{m}")))
        .collect();
    assert_eq!(gateway.notify(body(&pushes)).json()["accepted"], 1_000);
}

#[test]
fn a_slow_reader_falls_behind_alone_and_catches_up_from_the_log() {
    let gateway = Gateway::with_settings(SETTINGS);
    let query = "/v1/events?batch_cutoff=0&batch_size=50";
    let accept = [("Accept", "text/event-stream")];
    let mut slow = Stream::with_buffer(&gateway.address, query, &accept, Some(256 << 10));
    let mut quick = Stream::open(&gateway.address, query, &accept);
    let mut seen = Vec::new();
    // About 10 MB for each: far more than outbox and kernel hold.
    for n in 0..12 {
        post(&gateway, n);
        seen.extend(quick.events(1_000).iter().map(id));
    }
    assert!(gateway.metric("tagcast_subscriptions_fell_behind_total") >= 1.0);
    let reading = gateway.get("/v1/connections?transport=sse").json();
    let live: Vec<_> =
        reading["connections"].as_array().expect("a list").iter().map(|c| &c["subscriptions"][0]).collect();
    assert_eq!((&live[0]["live"], &live[1]["live"]), (&json!(false), &json!(true)), "{reading}");
    let late: Vec<_> = slow.events(12_000).iter().map(id).collect();
    assert_eq!(late, seen, "all of it, once, in order");
    post(&gateway, 12);
    assert_eq!(slow.events(1_000).len(), 1_000, "and it is live again");
}

#[test]
fn one_that_takes_nothing_is_cut_off() {
    let gateway = Gateway::with_settings(&format!("{SETTINGS}write_stall = \"1s\"\n"));
    let accept = [("Accept", "application/x-ndjson")];
    let stuck = Stream::with_buffer(&gateway.address, "/v1/events?batch_cutoff=0", &accept, Some(4 << 10));
    for n in 0..8 {
        post(&gateway, n);
    }
    until("it is cut off", || gateway.metric("tagcast_connections{transport=\"ndjson\"}") < 0.5);
    assert!(gateway.metric("tagcast_connections_closed_total{code=\"slow_consumer\"}") >= 1.0);
    drop(stuck);
}

#[test]
fn a_gap_is_told_and_then_it_goes_on() {
    let settings = format!("{SETTINGS}[log]\nstore = \"memory\"\nmemory = \"64KiB\"\n");
    let gateway = Gateway::with_settings(&settings);
    let mut early = gateway.connect("?filter=true&batch_cutoff=0");
    let begin = early.subscribed();
    post(&gateway, 1);
    let mut stream =
        Stream::sse(&gateway.address, &format!("?after={begin}&batch_size=5000&batch_bytes=1MiB"));
    assert_eq!(stream.sent().map(|sent| (sent.event, sent.id)), Some(("subscribed".into(), begin.clone())));
    let gap = stream.sent().expect("a gap");
    assert_eq!((gap.event.as_str(), &gap.data["gap"]["reason"]), ("gap", &json!("retention")));
    assert_eq!(gap.data["gap"]["to"], json!(gap.id), "one that comes back goes on behind the gap");
    let first = stream.sent().expect("a batch");
    assert!(id(&first.data["messages"][0]) > gap.id);
    let mut lines = Stream::lines(&gateway.address, &format!("?after={begin}"));
    assert_eq!(lines.json(), gap.data);
}

#[test]
fn one_that_wants_all_or_nothing_ends_with_its_error() {
    let settings = format!("{SETTINGS}[log]\nstore = \"memory\"\nmemory = \"64KiB\"\n");
    let gateway = Gateway::with_settings(&settings);
    let path = "/v1/events?on_gap=fail&batch_cutoff=0&batch_size=50";
    let open = |accept| Stream::with_buffer(&gateway.address, path, &[("Accept", accept)], Some(64 << 10));
    let (mut stream, mut lines) = (open("text/event-stream"), open("application/x-ndjson"));
    // Far more than outbox and kernel hold, and than the log keeps.
    for n in 0..12 {
        post(&gateway, n);
    }
    let mut last = String::new();
    let error = loop {
        let sent = stream.sent().expect("an error before the end");
        if sent.event == "refused" {
            break sent.data["error"].clone();
        }
        last = sent.id;
    };
    assert_eq!((&error["code"], &error["details"]["reason"]), (&json!("gap"), &json!("retention")));
    assert_eq!(stream.sent(), None, "nothing more comes, so nothing is left to wait for");
    while lines.json().get("error").is_none() {}
    assert_eq!(lines.line(), None);
    // A client that comes back by itself hears that it can't.
    let headers = [("Accept", "text/event-stream"), ("Last-Event-ID", last.as_str())];
    let again = request(&gateway.address, "GET", path, &headers, b"");
    assert_eq!((again.status, again.code().as_str()), (400, "gap"));
}

#[test]
fn pages_of_listed_origins_may_read() {
    let origin = ("Origin", "https://ops.example.com");
    let gateway = Gateway::with_settings("[http]\nallowed_origins = [\"https://ops.example.com\"]\n");
    let ask = |method: &str, path: &str, headers: &[(&str, &str)]| {
        request(&gateway.address, method, path, headers, b"")
    };
    let allowed = "access-control-allow-origin: https://ops.example.com";
    let page = ask("GET", "/v1/events", &[origin]);
    assert!(page.status == 200 && page.head.contains(allowed), "{}", page.head);
    let stream = Stream::open(&gateway.address, "/v1/events", &[("Accept", "text/event-stream"), origin]);
    assert!(stream.head.contains(allowed), "{}", stream.head);
    assert!(stream.head.contains("access-control-expose-headers: retry-after,tagcast-position"));
    let wants =
        [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization")];
    let preflight = ask("OPTIONS", "/v1/filters/check", &[&[origin], &wants[..]].concat());
    for header in
        [allowed, "access-control-allow-methods: post", "access-control-allow-headers: authorization"]
    {
        assert!(preflight.status == 200 && preflight.head.contains(header), "{header}: {}", preflight.head);
    }
    let other = ("Origin", "https://elsewhere.example");
    for answer in
        [ask("GET", "/v1/events", &[other]), ask("OPTIONS", "/v1/events", &[&[other], &wants[..]].concat())]
    {
        assert!(!answer.head.contains("access-control-allow-origin"), "{}", answer.head);
    }
    // Senders have an OPTIONS of their own.
    let handshake =
        ask("OPTIONS", "/v1/sources/azure/events", &[("WebHook-Request-Origin", "eventgrid.azure.net")]);
    assert!(handshake.head.contains("webhook-allowed-origin: eventgrid.azure.net"), "{}", handshake.head);
    let without = Gateway::start();
    let answer = request(&without.address, "OPTIONS", "/v1/events", &[origin], b"");
    assert_eq!((answer.status, answer.code().as_str()), (403, "origin_denied"));
}

#[test]
fn the_end_of_the_gateway_is_the_end_of_the_answer() {
    let mut gateway = Gateway::start();
    let mut waiting = Stream::sse(&gateway.address, "?batch_cutoff=300s");
    let mut lines = Stream::lines(&gateway.address, "?filter=tag+%3D%3D+%22never%22");
    assert_eq!(waiting.sent().map(|sent| sent.event), Some("subscribed".into()));
    gateway.notify(new_image(1));
    assert_eq!(gateway.terminate(), Some(0));
    let last = waiting.sent().expect("the last batch");
    let position = json!({"position": {"event_id": last.id}});
    let told = waiting.sent().expect("a position");
    assert_eq!((told.event.as_str(), &told.id, &told.data), ("position", &last.id, &position));
    let close = json!({"close": {"code": 1012, "reason": "shutting_down"}});
    assert_eq!(waiting.sent().map(|sent| (sent.event, sent.data)), Some(("close".into(), close.clone())));
    assert_eq!(waiting.sent(), None);
    assert_eq!((lines.json(), lines.json(), lines.line()), (position, close, None));
    gateway.start_again();
    let headers = [("Accept", "application/x-ndjson"), ("Last-Event-ID", last.id.as_str())];
    let mut again = Stream::open(&gateway.address, "/v1/events?batch_cutoff=0", &headers);
    gateway.notify(new_image(2));
    assert!(brief(&again.json()).starts_with("CreateImage team/app:v2"));
}

#[test]
fn a_long_silence_is_broken_by_something_that_is_no_event() {
    let gateway = Gateway::with_settings("[connections]\nping = \"1s\"\n");
    let mut sent = Stream::sse(&gateway.address, "?filter=tag+%3D%3D+%22never%22");
    let mut lines = Stream::lines(&gateway.address, "?filter=tag+%3D%3D+%22never%22");
    let begun: Vec<_> = (0..5).filter_map(|_| sent.line()).collect();
    assert_eq!(begun[4], "");
    assert_eq!((sent.line().as_deref(), lines.line().as_deref()), (Some(":"), Some("")));
}

#[test]
fn what_is_wrong_is_answered_before_the_stream_begins() {
    let gateway = Gateway::start();
    let ask = |query: &str, more: &[(&str, &str)]| {
        let headers = [&[("Accept", "text/event-stream")], more].concat();
        let answer = request(&gateway.address, "GET", &format!("/v1/events{query}"), &headers, b"");
        (answer.status, answer.code())
    };
    for (query, code) in [
        ("?filter=tga+%3D%3D+1", "invalid_filter"),
        ("?after=soon", "invalid_after"),
        ("?after=crtvvvvvvvvvvvvvvvvv&batch_size=0", "invalid_batch"),
        ("?format=xml", "invalid_format"),
        ("?limit=10", "bad_request"),
        ("?fitler=true", "bad_request"),
    ] {
        assert_eq!(ask(query, &[]), (400, code.into()), "{query}");
    }
    assert_eq!(ask("", &[("Last-Event-ID", "7")]), (400, "invalid_after".into()));
    assert_eq!(ask("", &[("Origin", "https://elsewhere.example")]), (403, "origin_denied".into()));
    assert_eq!(request(&gateway.address, "POST", "/v1/events", &[], b"").status, 405);
}

#[test]
fn a_stream_counts_as_a_connection_and_gives_its_place_back() {
    let gateway = Gateway::with_settings("[connections]\ntotal = 2\n");
    let first = Stream::sse(&gateway.address, "");
    let _second = gateway.connect("?filter=true");
    let refused = request(&gateway.address, "GET", "/v1/events", &[("Accept", "text/event-stream")], b"");
    assert_eq!((refused.status, refused.code()), (503, "overloaded".into()));
    assert!(refused.head.contains("retry-after"));
    assert_eq!(gateway.get("/v1/events").status, 200, "a page is no connection");
    drop(first);
    until("who left is counted no more", || gateway.metric("tagcast_connections{transport=\"sse\"}") < 0.5);
    let mut third = Stream::lines(&gateway.address, "?batch_cutoff=0");
    gateway.notify(new_image(1));
    assert!(brief(&third.json()).starts_with("CreateImage "));
}

#[test]
fn a_reader_with_a_token_sees_its_cloud_alone() {
    let token = "0123456789abcdef0123456789abcdef";
    let settings = format!(
        "[[readers]]\nname = \"one\"\ntoken = \"{token}\"\ncloud = \"c1\"\n\
         [[sources]]\nname = \"s1\"\nkind = \"distribution\"\ncloud = \"c1\"\n\
         [[sources]]\nname = \"s2\"\nkind = \"distribution\"\ncloud = \"c2\"\n"
    );
    let gateway = Gateway::with_settings(&settings);
    let refused = gateway.get("/v1/events");
    assert_eq!(refused.code(), "unauthenticated");
    assert!(refused.head.contains("www-authenticate: bearer"), "{}", refused.head);
    for path in ["/v1/registries", "/v1/registries/hub.example.com/repositories"] {
        assert_eq!(gateway.get(path).code(), "unauthenticated", "{path}");
    }
    gateway.post("/v1/sources/s2/events", new_image(1));
    gateway.post("/v1/sources/s1/events", new_image(2));
    let authorization = format!("Bearer {token}");
    let authorization = ("Authorization", authorization.as_str());
    let headers = [("Accept", "application/x-ndjson"), authorization];
    let path = "/v1/events?after=earliest&filter=cloud_id+%3D%3D+%22c1%22+%7C%7C+cloud_id+%3D%3D+%22c2%22";
    let mut lines = Stream::open(&gateway.address, path, &headers);
    let page = request(&gateway.address, "GET", path, &[authorization], b"").json();
    let back = request(&gateway.address, "GET", "/v1/events?before=now", &[authorization], b"").json();
    for event in [lines.json(), lines.json(), page["messages"][1].clone(), back["messages"][1].clone()] {
        assert_eq!(event["event_metadata"]["cloud_id"], "c1");
    }
    assert_eq!(
        (page["messages"].as_array().map(Vec::len), back["messages"].as_array().map(Vec::len)),
        (Some(2), Some(2))
    );
    let registries = request(&gateway.address, "GET", "/v1/registries", &[authorization], b"").json();
    assert_eq!(registries, json!({"registries": [{"registry": "hub.example.com", "cloud_id": "c1"}]}));
    let other = "/v1/registries/hub.example.com/repositories?cloud_id=c2";
    assert_eq!(request(&gateway.address, "GET", other, &[authorization], b"").code(), "not_found");
}
