//! Clients for whom a status is final come back all the same.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::client::{Client, id};
use crate::support::crowd::{Count, Crowd};
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, exchange_on, request, try_request};
use crate::support::notification::{body, new_image, push};
use crate::support::stream::{QUICK_SOURCE, Stream};
use crate::support::third_party::{By, Subscriber};
use crate::support::until;

/// Clients may say from where they come.
const PROXY: &str = "[http]\ntrusted_proxies = [\"127.0.0.1/32\"]\n";
const AWAY: &str = "198.51.100.7";
const ACCEPT: (&str, &str) = ("Accept", "text/event-stream");
/// How a page's `EventSource` asks, in a browser and in Node.
const BROWSER: (&str, &str) = ("Sec-Fetch-Mode", "cors");

fn restarts() -> usize {
    std::env::var("TAGCAST_RESTARTS").ok().and_then(|count| count.parse().ok()).unwrap_or(2)
}

/// Posts until it is told to end; what is refused or lost is posted again.
fn post_on(address: &str, over: &AtomicBool) {
    let mut n = 0;
    while !over.load(Ordering::Relaxed) {
        let pushed = body(&[push(&n.to_string(), "team/app", &format!("v{n}"), &n.to_string())]);
        let json = [("Content-Type", "application/json")];
        let path = "/v1/sources/distribution/events";
        let posted = try_request(address, "POST", path, &json, pushed.as_bytes());
        n += usize::from(posted.is_ok_and(|answer| answer.status == 200));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn over_restarts_all_behind_one_address_come_back_and_miss_nothing() {
    let mut gateway = Gateway::with_settings(PROXY);
    let count = Count { event_sources: 95, polyfills: 5, websockets: 100 };
    let mut crowd = Crowd::start(&gateway.url(), AWAY, count);
    until("all are there", || crowd.is_back());
    let (over, address) = (AtomicBool::new(false), gateway.address.clone());
    std::thread::scope(|scope| {
        scope.spawn(|| post_on(&address, &over));
        for _ in 0..restarts() {
            let began = Instant::now();
            assert_eq!(gateway.terminate(), Some(0));
            let down = began.elapsed();
            gateway.start_again();
            until("all are back", || crowd.is_back());
            eprintln!("restart {down:?}, all back after {:?}: {}", began.elapsed(), crowd.report());
        }
        over.store(true, Ordering::Relaxed);
    });
    let newest = gateway.get("/v1/server").json()["log"]["newest"].as_u64().expect("a number");
    assert!(newest > 50, "{newest}");
    until("each has every event", || crowd.has(newest));
    let report = crowd.report();
    assert_eq!((&report["closed"], &report["wrong"]), (&json!(0), &json!(0)), "{report}");
}

/// Each event that a client's messages brought, in their order.
fn events(messages: &[Value]) -> Vec<String> {
    let data = messages.iter().map(|message| message.get("data").unwrap_or(message));
    data.flat_map(|data| data["messages"].as_array().cloned().unwrap_or_default())
        .map(|event| id(&event))
        .collect()
}

#[test]
fn libraries_of_others_come_back_over_a_restart() {
    let mut gateway = Gateway::start();
    let stream = format!("{}/v1/events?filter=true&batch_cutoff=0", gateway.url());
    let clients = [
        Subscriber::returning("websockets", &gateway.websocket_url(""), 4),
        Subscriber::returning("aiohttp", &gateway.websocket_url(""), 4),
        Subscriber::sse_with(By::Python, "httpx-sse", &stream, 4),
        Subscriber::sse_with(By::Python, "sseclient-py", &stream, 4),
        Subscriber::sse_with(By::Node, "eventsource", &stream, 4),
    ];
    gateway.notify(new_image(1));
    assert_eq!(gateway.terminate(), Some(0));
    gateway.start_again();
    gateway.notify(new_image(2));
    let expected: Vec<_> = gateway.connect("?filter=true&after=earliest").events(4).iter().map(id).collect();
    for client in clients {
        assert_eq!(events(&client.messages()), expected);
    }
}

/// What an answer in place of a status says: its retry and its close.
fn softened(answer: &Answer) -> (u64, Value) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.head.contains("content-type: text/event-stream"), "{}", answer.head);
    assert!(!answer.head.contains("\nretry-after"), "{}", answer.head);
    let (retry, rest) = answer.body.split_once('\n').expect("lines");
    let data = rest.strip_prefix("event: close\ndata: ").and_then(|rest| rest.strip_suffix("\n\n"));
    let close = serde_json::from_str(data.unwrap_or_else(|| panic!("{}", answer.body))).expect("JSON");
    (retry.strip_prefix("retry: ").and_then(|retry| retry.parse().ok()).expect("milliseconds"), close)
}

fn ask(gateway: &Gateway, path: &str, headers: &[(&str, &str)]) -> Answer {
    let headers = [&[("X-Forwarded-For", AWAY)], headers].concat();
    request(&gateway.address, "GET", path, &headers, b"")
}

/// That an `EventSource` is told this refusal in a stream, whatever shows that it is one, and all others by its status.
fn told_to_each_as_it_can_be_heard(gateway: &Gateway, path: &str, status: u16, code: &str, token: &str) {
    let bearer = format!("Bearer {token}");
    let token = ("Authorization", bearer.as_str());
    let resuming = format!("{path}{}lastEventId=", if path.contains('?') { '&' } else { '?' });
    for (path, sign) in [
        (path, BROWSER),
        (path, ("Sec-Fetch-Site", "same-origin")),
        (path, ("Last-Event-ID", "")),
        (&resuming, ("Accept-Language", "*")),
    ] {
        let (retry, close) = softened(&ask(gateway, path, &[ACCEPT, sign, token]));
        assert_eq!(close, json!({"close": {"code": 1013, "reason": code}}), "{sign:?}");
        assert!((1_000..60_000).contains(&retry), "{retry}");
    }
    let lines = ("Accept", "application/x-ndjson");
    for headers in [&[ACCEPT, token][..], &[lines, BROWSER, token], &[lines, ("Last-Event-ID", ""), token]] {
        let answer = ask(gateway, path, headers);
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{headers:?}");
        assert!(answer.head.contains("retry-after: "), "{}", answer.head);
    }
}

#[test]
fn what_passes_is_told_an_event_source_in_a_stream() {
    // So many are let in as if they came back, and one by the rate.
    let limits = "[connections]\nper_address = 3\nhandshakes_per_second = 1\nhandshakes_burst = 1\n";
    let gateway = Gateway::with_settings(&format!("{PROXY}{limits}"));
    let path = "/v1/events";
    let from = [ACCEPT, ("X-Forwarded-For", AWAY)];
    let mut there: Vec<_> = (0..3).map(|_| Stream::open(&gateway.address, path, &from)).collect();
    for stream in &mut there {
        assert_eq!(stream.sent().expect("it is open").event, "subscribed");
    }
    let (_, close) = softened(&ask(&gateway, path, &[ACCEPT, BROWSER]));
    assert_eq!(close["close"]["reason"], "too_many_connections");
    told_to_each_as_it_can_be_heard(&gateway, path, 429, "handshake_rate", "");
    // Nothing but what passes.
    let answer = ask(&gateway, "/v1/events?filter=tag+%3D", &[ACCEPT, BROWSER]);
    assert_ne!(answer.status, 400, "the rate comes first: {answer:?}");
    let answer = request(&gateway.address, "GET", "/v1/events?filter=tag+%3D", &[ACCEPT, BROWSER], b"");
    assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_filter"));
    let answer = request(&gateway.address, "GET", "/v1/nothing", &[ACCEPT, BROWSER], b"");
    assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
}

#[test]
fn every_bound_of_connections_is_told_so() {
    let gateway = Gateway::with_settings("[connections]\ntotal = 1\n");
    let _there = Stream::sse(&gateway.address, "");
    told_to_each_as_it_can_be_heard(&gateway, "/v1/events", 503, "overloaded", "");
    told_to_each_as_it_can_be_heard(&gateway, "/v1/events?filter=true", 503, "overloaded", "");
}

#[test]
fn a_page_of_an_allowed_origin_may_read_that_it_is_to_come_again() {
    let origin = "https://ops.example.com";
    let settings = format!("[http]\nallowed_origins = [\"{origin}\"]\n[connections]\ntotal = 1\n");
    let gateway = Gateway::with_settings(&settings);
    let _there = Stream::sse(&gateway.address, "");
    let headers = [ACCEPT, ("Sec-Fetch-Site", "cross-site"), BROWSER, ("Origin", origin)];
    let answer = request(&gateway.address, "GET", "/v1/events", &headers, b"");
    assert_eq!(softened(&answer).1["close"]["reason"], "overloaded");
    assert!(answer.head.contains(&format!("access-control-allow-origin: {origin}")), "{}", answer.head);
}

#[test]
fn a_feed_and_wrong_tokens_are_no_other_case() {
    let token = "0123456789abcdef0123456789abcdef";
    let settings = format!(
        "[[readers]]\nname = \"one\"\ntoken = \"{token}\"\n[[feeds]]\nname = \"all\"\n[connections]\ntotal = 1\n\
         [http]\nwrong_credentials_burst = 1\nwrong_credentials_per_second = 1\n"
    );
    let gateway = Gateway::with_settings(&settings);
    let bearer = format!("Bearer {token}");
    let _there = Stream::open(&gateway.address, "/v1/events", &[ACCEPT, ("Authorization", &bearer)]);
    told_to_each_as_it_can_be_heard(&gateway, "/v1/feeds/all/events", 503, "overloaded", token);
    let wrong = "f123456789abcdef0123456789abcdef";
    until("its guesses are used up", || {
        ask(&gateway, "/v1/events", &[ACCEPT, ("Authorization", &format!("Bearer {wrong}"))]).status == 429
    });
    let (retry, close) = softened(&ask(
        &gateway,
        "/v1/events",
        &[ACCEPT, BROWSER, ("Authorization", &format!("Bearer {wrong}"))],
    ));
    assert_eq!(close["close"]["reason"], "credentials_rate");
    assert!(retry >= 1_000);
    let answer = request(&gateway.address, "GET", "/v1/events", &[ACCEPT, BROWSER], b"");
    assert_eq!(answer.status, 401, "which does not pass");
}

#[test]
fn pauses_are_spread_and_are_in_the_first_and_the_last_message_of_a_stream() {
    let mut gateway = Gateway::start();
    let mut streams: Vec<_> = (0..20).map(|_| Stream::sse(&gateway.address, "")).collect();
    let mut first: Vec<_> =
        streams.iter_mut().map(|stream| stream.sent().expect("it is open").retry).collect();
    gateway.signal("TERM");
    let last = streams.iter_mut().map(|stream| {
        std::iter::from_fn(|| stream.sent()).find(|sent| sent.event == "close").expect("it ends so").retry
    });
    let mut last: Vec<_> = last.collect();
    assert_eq!(gateway.exit_code(Duration::from_secs(20)), Some(0));
    for pauses in [&mut first, &mut last] {
        assert!(pauses.iter().all(|pause| (1_000..=4_000).contains(&pause.unwrap_or(0))), "{pauses:?}");
        pauses.sort_unstable();
        pauses.dedup();
        assert!(pauses.len() > 10, "{pauses:?}");
    }
}

#[test]
fn who_was_sent_away_comes_back_uncharged_and_finds_its_place_free() {
    let limits = "[connections]\nper_address = 3\nhandshakes_per_second = 1\nhandshakes_burst = 1\n";
    let gateway = Gateway::with_settings(&format!("{PROXY}{limits}"));
    let connect = || {
        let url = gateway.websocket_url("?filter=true");
        let mut client = Client::connect_with(&url, &[("x-forwarded-for", AWAY)]);
        client.subscribed();
        client
    };
    let mut clients = [connect(), connect(), connect()];
    // What the start and the rate allow is used up, so that only those who were sent away are let in.
    let spent = || ask(&gateway, "/v1/events", &[ACCEPT]).code();
    until("the rate is used up", || spent() == "handshake_rate");
    let connections = gateway.get("/v1/connections").json();
    for connection in connections["connections"].as_array().expect("a list") {
        let path = format!("/v1/connections/{}?code=4003", connection["id"].as_str().expect("an id"));
        assert_eq!(request(&gateway.address, "DELETE", &path, &[], b"").status, 204);
    }
    // They have not read that they are closed: of the old connections there are still some.
    let back = [connect(), connect(), connect()];
    for client in &mut clients {
        assert_eq!(client.wait_for_close().0, 4003);
    }
    assert_ne!(spent(), "", "and no more than that");
    drop(back);
}

#[test]
fn beside_a_stuck_client_nobody_listens_and_all_others_are_told_at_once() {
    let mut gateway = Gateway::with_settings(QUICK_SOURCE);
    let _stuck = Stream::stuck(&gateway);
    let mut others: Vec<_> =
        (0..3).map(|_| Stream::sse(&gateway.address, "?filter=tag+%3D%3D+%22none%22")).collect();
    for stream in &mut others {
        assert_eq!(stream.sent().expect("it is open").event, "subscribed");
    }
    assert_eq!(gateway.notify(new_image(1)).status, 200);
    let kept = [(); 2].map(|()| TcpStream::connect(&gateway.address).expect("it listens"));
    let began = Instant::now();
    gateway.signal("TERM");
    for stream in &mut others {
        let last = std::iter::from_fn(|| stream.sent()).last().expect("it is told");
        assert_eq!(last.data, json!({"close": {"code": 1012, "reason": "shutting_down"}}));
        // Whoever is told finds nobody who would only refuse it.
        let again = try_request(&gateway.address, "GET", "/v1/events", &[ACCEPT, BROWSER], b"");
        assert!(again.is_err(), "{again:?}");
    }
    // On a connection that is there already each is told as it can hear it.
    let [page, program] = kept;
    let ask = |tcp, sign: &str| {
        let head =
            format!("GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n{sign}\r\n");
        exchange_on(tcp, head.as_bytes(), b"").expect("an answer")
    };
    let told = ask(page, "Sec-Fetch-Mode: cors\r\n");
    assert!(
        told.status == 200 && told.body.contains(r#"{"close":{"code":1012,"reason":"shutting_down"}}"#),
        "{told:?}"
    );
    let told = ask(program, "");
    assert_eq!((told.status, told.code().as_str()), (503, "shutting_down"));
    assert!(told.head.contains("retry-after: ") && told.head.contains("connection: close"), "{}", told.head);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(gateway.exit_code(Duration::from_secs(20)), Some(0));
    assert!(began.elapsed() < Duration::from_secs(11), "{:?}", began.elapsed());
}
