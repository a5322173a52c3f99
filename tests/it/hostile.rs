//! Bad input: each has its clear error, and none hurts another connection.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::client::Client;
use crate::support::gateway::Gateway;
use crate::support::http::request;
use crate::support::notification::{body, new_image, push};

/// A gateway, and a bystander who must not notice anything.
struct Scene {
    gateway: Gateway,
    bystander: Client,
    sent: usize,
}

impl Scene {
    fn new() -> Self {
        let gateway = Gateway::start();
        let mut bystander = gateway.connect("?filter=true&batch_cutoff=0");
        bystander.subscribed();
        Self { gateway, bystander, sent: 0 }
    }

    /// The bystander still gets what is posted, and nothing else.
    fn assert_unhurt(&mut self) {
        self.sent += 1;
        assert_eq!(self.gateway.notify(new_image(self.sent)).json()["accepted"], 2);
        assert_eq!(self.bystander.events(2).len(), 2);
    }
}

#[test]
fn a_body_that_nobody_can_read_is_kept_aside_and_answered_200() {
    let mut scene = Scene::new();
    let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
    for bad in ["", "nope", "{\"events\":[", "[]", "{\"events\":7}", "{\"events\":[7]}", "{}garbage", &deep] {
        let answer = scene.gateway.notify(bad);
        assert_eq!(answer.status, 200, "{bad:.40}: {}", answer.body);
        assert_eq!(answer.json()["quarantined"], 1, "{bad:.40}: {}", answer.body);
    }
    scene.assert_unhurt();
}

#[test]
fn good_notifications_beside_bad_ones_are_taken() {
    let mut scene = Scene::new();
    let long = push("2", &"x".repeat(300), "t", "x");
    let control = push("3", "team/\u{7}app", "t", "x");
    let receipt = scene.gateway.notify(body(&[push("1", "a", "t", "x"), long, json!(7), control])).json();
    assert_eq!((&receipt["accepted"], &receipt["quarantined"]), (&json!(2), &json!(3)), "{receipt}");
    assert_eq!(scene.bystander.events(2).len(), 2);
    scene.assert_unhurt();
}

#[test]
fn a_source_may_refuse_what_it_cannot_read() {
    let settings =
        "[[sources]]\nname = \"distribution\"\nkind = \"distribution\"\non_malformed = \"reject\"\n";
    let gateway = Gateway::with_settings(settings);
    let answer = gateway.notify("nope");
    assert_eq!((answer.status, answer.code().as_str()), (422, "malformed_event"), "{}", answer.body);
}

#[test]
fn a_body_too_large_is_refused_before_it_is_read() {
    let mut scene = Scene::new();
    let answer = scene.gateway.notify(vec![b'x'; 3 << 20]);
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"), "{}", answer.body);
    assert_eq!(
        scene.gateway.notify(format!("{{\"events\":[],\"pad\":\"{}\"}}", "x".repeat((2 << 20) - 30))).status,
        200
    );
    scene.assert_unhurt();
}

#[test]
fn wrong_addresses_and_methods_are_told_apart() {
    let gateway = Gateway::start();
    let answer = |method: &str, path: &str| {
        let answer = request(&gateway.address, method, path, &[], b"{}");
        (answer.status, answer.code())
    };
    assert_eq!(answer("POST", "/v1/sources/nobody/events"), (401, "source_unauthenticated".into()));
    assert_eq!(answer("GET", "/v1/sources/distribution/events"), (405, "method_not_allowed".into()));
    assert_eq!(answer("PUT", "/healthz"), (405, "method_not_allowed".into()));
    assert_eq!(answer("POST", "/v1/ws"), (405, "method_not_allowed".into()));
    for path in ["/v1/sources/distribution/events", "/v1/events"] {
        assert!(request(&gateway.address, "PUT", path, &[], b"").head.contains("\nallow: "), "{path}");
    }
    // A path that is no text.
    assert_eq!(answer("GET", "/v1/registries/%ff/repositories"), (400, "bad_request".into()));
    assert_eq!(answer("GET", "/v2/"), (404, "not_found".into()));
    assert_eq!(answer("GET", "/v1/ws"), (426, "upgrade_required".into()));
    // A registry counts any 3xx as delivered: no path may redirect.
    assert_eq!(answer("POST", "/v1/sources/distribution/events/").0, 404);
    assert_eq!(answer("POST", "//v1/sources/distribution/events").0, 404);
}

#[test]
fn a_wrong_filter_is_shown_where_it_is_wrong() {
    let mut scene = Scene::new();
    let url =
        scene.gateway.websocket_url("?filter=repository+%3D%3D+%22team/app%22+%26%26+tga+%3D%3D+%22v1%22");
    let (status, body) = Client::refused(&url);
    assert_eq!(status, 400);
    assert_eq!(body["error"]["code"], "invalid_filter");
    assert_eq!(body["error"]["message"], "unknown field 'tga'; did you mean 'tag'?");
    assert_eq!(body["error"]["details"]["column"], 29);
    assert_eq!(body["error"]["details"]["hint"], "tag");

    let mut client = scene.gateway.connect("");
    client.send(&json!({"subscribe": {"id": "a", "filter": "tag == 5"}}));
    let error = client.wait_for("error")["error"].take();
    assert_eq!((&error["code"], &error["id"]), (&json!("invalid_filter"), &json!("a")));
    assert_eq!((&error["details"]["reason"], &error["details"]["column"]), (&json!("wrong_type"), &json!(8)));
    client.subscribe(&json!({"id": "a", "filter": {"tag": "v1"}}));
    scene.assert_unhurt();
}

#[test]
fn a_wrong_request_fails_alone() {
    let mut scene = Scene::new();
    let refused = |query: &str| {
        let (status, body) = Client::refused(&scene.gateway.websocket_url(query));
        (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(refused("?after=soon"), (400, "invalid_after".into()));
    assert_eq!(refused("?batch_size=0"), (400, "invalid_batch".into()));
    assert_eq!(refused("?batch_cutoff=301s"), (400, "invalid_batch".into()));
    assert_eq!(refused("?format=xml"), (400, "invalid_format".into()));
    assert_eq!(refused("?filtre=true"), (400, "bad_request".into()));

    let mut client = scene.gateway.connect("");
    let mut error = |message: &str| {
        client.send_raw(Message::text(message));
        client.wait_for("error")["error"]["code"].as_str().expect("a code").to_owned()
    };
    assert_eq!(error("nope"), "bad_request");
    assert_eq!(error("{\"subscribe\":{\"id\":\"a b\"}}"), "invalid_id");
    assert_eq!(error("{\"subscribe\":{\"id\":\"a\",\"after\":\"soon\"}}"), "invalid_after");
    assert_eq!(error("{\"unsubscribe\":{\"id\":\"a\"}}"), "not_subscribed");
    client.subscribe(&json!({"id": "a"}));
    client.send(&json!({"subscribe": {"id": "a"}}));
    assert_eq!(client.wait_for("error")["error"]["code"], "already_subscribed");
    scene.assert_unhurt();
}

#[test]
fn a_position_ahead_of_the_log_is_an_error() {
    let gateway = Gateway::start();
    let receipt = gateway.notify(new_image(1)).json();
    let newest = receipt["events"][1].as_str().expect("an id");
    let ahead = format!("{}v", &newest[..newest.len() - 1]);
    let (status, body) = Client::refused(&gateway.websocket_url(&format!("?after={ahead}")));
    assert_eq!((status, body["error"]["code"].as_str()), (400, Some("position_ahead")));
    assert_eq!(body["error"]["details"]["newest"], newest);
}

#[test]
fn frames_that_break_the_protocol_end_their_connection_with_a_reason() {
    let mut scene = Scene::new();
    let closes = |message: Message| {
        let mut client = scene.gateway.connect("");
        client.send_raw(message);
        client.wait_for_close()
    };
    assert_eq!(closes(Message::binary(vec![1, 2, 3])), (1003, "binary_not_supported".into()));
    assert_eq!(closes(Message::text("x".repeat(17 << 10))), (1009, "message_too_big".into()));
    assert_eq!(closes(Message::Close(None)), (1005, String::new()));
    assert_eq!(
        raw_frame(&scene.gateway, b"\x81\x02hi"),
        (1002, "protocol_error".into()),
        "an unmasked frame"
    );
    let utf8 = b"\x81\x82\x00\x00\x00\x00\xff\xfe";
    assert_eq!(raw_frame(&scene.gateway, utf8), (1007, "invalid_utf8".into()));
    scene.assert_unhurt();
}

/// Sends bytes after a handshake, and tells how the server closed.
fn raw_frame(gateway: &Gateway, frame: &[u8]) -> (u16, String) {
    let mut tcp = TcpStream::connect(&gateway.address).expect("it listens");
    tcp.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    let head = format!(
        "GET /v1/ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        gateway.address
    );
    tcp.write_all(head.as_bytes()).expect("it is sent");
    tcp.write_all(frame).expect("it is sent");
    let mut answer = Vec::new();
    let _ = tcp.read_to_end(&mut answer);
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("a head") + 4;
    assert!(answer.starts_with(b"HTTP/1.1 101"));
    let close = &answer[end..];
    assert_eq!(close[0], 0x88, "{close:?}");
    (u16::from_be_bytes([close[2], close[3]]), String::from_utf8_lossy(&close[4..]).into_owned())
}

#[test]
fn a_thousand_subscriptions_on_one_connection_are_too_many() {
    let mut scene = Scene::new();
    let mut client = scene.gateway.connect("");
    for n in 0..1_000 {
        client.send(&json!({"subscribe": {"id": format!("s{n}"), "filter": format!("tag == 'v{n}'")}}));
    }
    assert_eq!(client.wait_for_close(), (4429, "rate_limited".into()));
    assert_eq!(client.wait_for("error")["error"]["code"], "rate_limited");
    scene.assert_unhurt();
}

#[test]
fn subscriptions_end_at_their_limit() {
    let settings = "[connections]\nsubscriptions = 3\n";
    let gateway = Gateway::with_settings(settings);
    let mut client = gateway.connect("");
    for n in 0..3 {
        client.subscribe(&json!({"id": format!("s{n}")}));
    }
    client.send(&json!({"subscribe": {"id": "one-more"}}));
    let error = client.wait_for("error")["error"].take();
    assert_eq!((&error["code"], &error["details"]["limit"]), (&json!("too_many_subscriptions"), &json!(3)));
    client.send(&json!({"unsubscribe": {"id": "s0"}}));
    client.wait_for("unsubscribed");
    client.subscribe(&json!({"id": "one-more"}));
}

#[test]
fn one_who_keeps_failing_is_sent_away() {
    let settings = "[connections]\ncommands_per_second = 1000\ncommands_burst = 1000\n";
    let gateway = Gateway::with_settings(settings);
    let mut client = gateway.connect("");
    for _ in 0..21 {
        client.send_raw(Message::text("nope"));
    }
    assert_eq!(client.wait_for_close(), (4431, "too_many_errors".into()));
}

#[test]
fn a_page_of_another_site_may_not_connect() {
    let gateway = Gateway::with_settings("[http]\nallowed_origins = [\"https://ops.example.com\"]\n");
    let status = |origin: &str| {
        let mut tcp = TcpStream::connect(&gateway.address).expect("it listens");
        tcp.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        let head = format!(
            "GET /v1/ws HTTP/1.1\r\nHost: {}\r\nOrigin: {origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            gateway.address
        );
        tcp.write_all(head.as_bytes()).expect("it is sent");
        let mut line = [0; 12];
        tcp.read_exact(&mut line).expect("an answer");
        String::from_utf8_lossy(&line[9..]).into_owned()
    };
    for bad in
        ["https://evil.example.com", "null", "https://ops.example.com.evil.com", "http://ops.example.com"]
    {
        assert_eq!(status(bad), "403", "{bad}");
    }
    assert_eq!(status("https://ops.example.com"), "101");
    assert_eq!(status(&format!("http://{}", gateway.address)), "101");
}

#[test]
fn silent_callers_are_sent_away_and_hurt_nobody() {
    let mut scene = Scene::new();
    let mut silent: Vec<TcpStream> =
        (0..200).map(|_| TcpStream::connect(&scene.gateway.address).expect("it listens")).collect();
    for tcp in &mut silent {
        tcp.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").expect("it is sent");
    }
    scene.assert_unhurt();
    let first = &mut silent[0];
    first.set_read_timeout(Some(Duration::from_secs(15))).expect("a timeout");
    let mut rest = Vec::new();
    assert!(first.read_to_end(&mut rest).is_ok(), "the head's time is up after 5 s");
    scene.assert_unhurt();
}
