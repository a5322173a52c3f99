//! Work that a reader commands: filters that are dear to compile or to run, and pages and checks of many at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, request};
use crate::support::notification::{body, push};
use crate::support::stream::Stream;
use crate::support::until;

/// Each makes a state for each byte, or would.
const HOSTILE: [&str; 6] = [
    "(a|b)*a(a|b){12}c",
    "[ab]*a[ab]{14}",
    "(?:aa|ab|ba)*a(?:aa|ab|ba){9}",
    "a.{20}b",
    r"\w*x\w{14}y",
    "(?i)a[a-z]{20}b",
];

/// Eight patterns as dear as are taken, on long values.
fn dear(seed: usize) -> String {
    let each = |n: usize| format!(r"repository.matches(r'(?i)[a-z]?[a-z]?[a-z]?[a-z]?[a-z]?x{n}y{seed}q')");
    (0..8).map(each).collect::<Vec<_>>().join(" || ")
}

fn long(n: usize) -> Value {
    push(&format!("n{n}"), &format!("team/{}", "ab".repeat(110)), &format!("v{n}"), &format!("image {n}"))
}

fn pushes(numbers: std::ops::Range<usize>) -> Vec<Value> {
    numbers.map(long).collect()
}

fn post(gateway: &Gateway, path: &str, wanted: &Value) -> Answer {
    let headers = [("Content-Type", "application/json")];
    request(&gateway.address, "POST", path, &headers, wanted.to_string().as_bytes())
}

#[test]
fn a_pattern_without_a_whole_automaton_is_refused_everywhere() {
    let gateway = Gateway::start();
    let mut client = gateway.connect("");
    for (n, pattern) in HOSTILE.iter().enumerate() {
        let filter = format!("tag.matches(r'{pattern}')");
        let check = post(&gateway, "/v1/filters/check", &json!({"filter": filter}));
        assert_eq!((check.status, check.code().as_str()), (400, "regex_too_large"), "{pattern}");
        assert_eq!(check.json()["error"]["details"]["found"], format!("r'{pattern}'"), "{check:?}");
        client.send(&json!({"subscribe": {"id": format!("s{n}"), "filter": filter}}));
        assert_eq!(client.wait_for("error")["error"]["code"], "regex_too_large", "{pattern}");
        let query: String =
            form_urlencoded::Serializer::new(String::new()).append_pair("filter", &filter).finish();
        assert_eq!(gateway.get(&format!("/v1/events?{query}")).code(), "regex_too_large", "{pattern}");
        let trigger = json!({"filter": filter, "target": {"feed": "f"}});
        let put = request(
            &gateway.address,
            "PUT",
            "/v1/triggers/t",
            &[("Content-Type", "application/json")],
            trigger.to_string().as_bytes(),
        );
        assert_eq!(put.code(), "regex_too_large", "{pattern}");
    }
}

const SCANTY: &str = "[filters]\nsearch = '1KiB'\n";

fn stopped(client: &mut Client) -> Value {
    loop {
        let message = client.wait_for("error");
        if message["error"]["code"] == "filter_stopped" {
            return message;
        }
    }
}

#[test]
fn a_subscription_that_searches_too_much_ends_where_it_says_and_others_live_on() {
    let gateway = Gateway::with_settings(SCANTY);
    let mut client = gateway.connect("");
    let filter = format!("type == 'CreateImageTag' && !({})", dear(1));
    client.subscribe(&json!({"id": "dear", "filter": filter, "batch": {"size": 1, "cutoff": "0"}}));
    client.subscribe(
        &json!({"id": "plain", "filter": "type == 'CreateImageTag'", "batch": {"size": 1, "cutoff": "0"}}),
    );
    assert_eq!(gateway.notify(body(&pushes(0..60))).status, 200);
    let (mut dear_events, mut plain_events, mut end) = (Vec::new(), Vec::new(), None);
    let mut messages = Vec::new().into_iter();
    while plain_events.len() < 60 || end.is_none() {
        let Some(message) = messages.next() else {
            messages = client.everything_within(Duration::from_millis(50)).into_iter();
            continue;
        };
        if message["error"]["code"] == "filter_stopped" {
            assert_eq!(message["id"].as_str().or(message["error"]["id"].as_str()), Some("dear"));
            end = message["error"]["details"]["position"].as_str().map(str::to_owned);
            continue;
        }
        let Some(events) = message["messages"].as_array() else { continue };
        let ids = events.iter().map(|event| event["event_metadata"]["event_id"].clone());
        if message["id"] == "dear" { dear_events.extend(ids) } else { plain_events.extend(ids) }
    }
    // It has all up to the position, and nothing behind it.
    let end = json!(end.unwrap());
    let before: Vec<_> = plain_events.iter().filter(|id| id.as_str() <= end.as_str()).cloned().collect();
    assert!(dear_events == before && dear_events.len() < 60, "{} of 60, {end}", dear_events.len());
    assert!((gateway.metric("tagcast_filters_stopped_total") - 1.0).abs() < 0.5);
    // Its name is free again, and a simpler filter goes on from there.
    client.subscribe(&json!({"id": "dear", "filter": "type == 'CreateImageTag'", "after": end}));
    assert_eq!(client.wait_for("messages")["id"], "dear");
}

#[test]
fn streams_end_and_triggers_are_disabled_and_keep_their_position() {
    let gateway = Gateway::with_settings(&format!(
        "{SCANTY}[targets]\nallow_networks = ['127.0.0.0/8']\nports = 'any'\n"
    ));
    let target = crate::support::target::Target::start();
    let trigger =
        json!({"filter": dear(2), "target": {"http": {"url": target.url}}, "batch": {"cutoff": "0"}});
    let headers = [("Content-Type", "application/json")];
    let put = request(&gateway.address, "PUT", "/v1/triggers/t", &headers, trigger.to_string().as_bytes());
    assert_eq!(put.status, 201, "{put:?}");
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("filter", &dear(3)).finish();
    let streams = ["text/event-stream", "application/x-ndjson"]
        .map(|accept| Stream::open(&gateway.address, &format!("/v1/events?{query}"), &[("Accept", accept)]));
    assert_eq!(gateway.notify(body(&pushes(0..100))).status, 200);
    for mut stream in streams {
        let rest: Vec<_> = std::iter::from_fn(|| stream.line()).collect();
        assert!(rest.iter().any(|line| line.contains("filter_stopped")), "{rest:?}");
    }
    let state = || gateway.get("/v1/triggers/t").json()["state"].clone();
    until("the trigger is disabled", || state()["status"] == "disabled");
    assert!(state()["reason"].as_str().unwrap().starts_with("filter_stopped"), "{}", state());
    let (behind, newest) = (state()["behind"].as_u64().unwrap(), 100);
    assert!(behind > 0 && behind < 2 * newest, "{}", state());
}

#[test]
fn what_the_settings_hold_already_goes_on_and_is_told() {
    let hostile = HOSTILE[0];
    let settings = format!(
        "{SCANTY}[[feeds]]\nname = 'f'\nfilter = \"repository.matches('{hostile}')\"\n[[triggers]]\nname = 't'\n\
         filter = \"tag.matches('{hostile}')\"\n[triggers.target]\nfeed = 'g'\n"
    );
    let gateway = Gateway::with_settings(&settings);
    assert_eq!(gateway.get("/v1/server").json()["health"]["outdated"], 2);
    let trigger = gateway.get("/v1/triggers/t").json();
    assert_eq!(trigger["state"]["status"], "running", "{trigger}");
    assert!(trigger["outdated"].as_str().unwrap().contains("64 KiB"), "{trigger}");
    let feeds = gateway.get("/v1/feeds").json();
    for feed in feeds["feeds"].as_array().unwrap() {
        assert!(feed["outdated"].is_string(), "{feed}");
    }
    // It runs: what it makes at run time is on the account.
    let mut stream = Stream::open(&gateway.address, "/v1/feeds/f/events", &[]);
    let mixed = |n: usize| {
        let mut state = u32::try_from(n).unwrap();
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if state >> 31 == 0 { 'a' } else { 'b' }
        };
        let name: String = (0..200).map(|_| next()).collect();
        push(&format!("m{n}"), &name, "v1", &format!("image {n}"))
    };
    let pushes: Vec<Value> = (0..50).map(mixed).collect();
    assert_eq!(gateway.notify(body(&pushes)).status, 200);
    assert!(std::iter::from_fn(|| stream.line()).any(|line| line.contains("filter_stopped")));
}

#[test]
fn what_one_readers_patterns_compile_to_is_bounded_and_comes_back() {
    let gateway = Gateway::with_settings("[filters]\nautomata = '20KiB'\n");
    // About 18 KiB each, and each another one.
    let filter = |n: usize| format!("tag.matches('[ab]*a[ab]{{8}}c{n}')");
    let mut client = gateway.connect("");
    client.subscribe(&json!({"id": "one", "filter": filter(1)}));
    client.send(&json!({"subscribe": {"id": "two", "filter": filter(2)}}));
    assert_eq!(client.wait_for("error")["error"]["code"], "filter_too_expensive");
    client.subscribe(&json!({"id": "plain", "filter": "tag == 'v1'"}));
    client.send(&json!({"unsubscribe": {"id": "one"}}));
    client.wait_for("unsubscribed");
    client.subscribe(&json!({"id": "two", "filter": filter(2)}));
}

/// How long what must answer at once may take: the bar of 100 ms and 1 s, of an optimised build.
fn patience(bar: Duration) -> Duration {
    if cfg!(debug_assertions) { bar * 8 } else { bar }
}

/// Eight attackers check and page with the dearest filters that are taken, and subscribe with refused and accepted ones.
#[test]
fn work_that_readers_command_delays_nobody() {
    let gateway = Gateway::start();
    assert_eq!(gateway.notify(body(&pushes(0..1_000))).status, 200);
    let over = AtomicBool::new(false);
    let (health, ack) = thread::scope(|scope| {
        for attacker in 0..8 {
            let (gateway, over) = (&gateway, &over);
            scope.spawn(move || attack(gateway, attacker, over));
        }
        thread::sleep(Duration::from_millis(300));
        let (mut health, mut ack) = (Duration::ZERO, Duration::ZERO);
        for n in 0..15 {
            let began = Instant::now();
            assert_eq!(gateway.get("/healthz").status, 200);
            health = health.max(began.elapsed());
            let began = Instant::now();
            assert_eq!(gateway.notify(body(&pushes(1_000 + 5 * n..1_005 + 5 * n))).status, 200);
            ack = ack.max(began.elapsed());
            thread::sleep(Duration::from_millis(60));
        }
        over.store(true, Ordering::Release);
        (health, ack)
    });
    assert!(health < patience(Duration::from_millis(100)), "/healthz took {health:?}");
    assert!(ack < patience(Duration::from_secs(1)), "a notification took {ack:?}");
}

fn attack(gateway: &Gateway, attacker: usize, over: &AtomicBool) {
    let mut client = gateway.connect("");
    for n in 0..30 {
        client.send(&json!({"subscribe": {"id": format!("s{n}"), "filter": dear(100 * attacker + n)}}));
    }
    let mut n = 0;
    while !over.load(Ordering::Acquire) {
        n += 1;
        let filter = match n % 3 {
            0 => dear(1_000 * attacker + n),
            1 => HOSTILE.map(|pattern| format!("tag.matches(r'{pattern}')")).join(" || "),
            _ => vec!["!repository.contains('abababababc')"; 60].join(" && "),
        };
        let check = json!({"filter": filter, "sample": 10_000, "event": {"details": {"repository_name": "ab".repeat(9_000)}}});
        let status = post(gateway, "/v1/filters/check", &check).status;
        assert!([200, 400, 503].contains(&status), "{status}");
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("filter", &filter).finish();
        let status = gateway.get(&format!("/v1/events?{query}")).status;
        assert!([200, 400, 503].contains(&status), "{status}");
    }
}

/// Eight connections with 32 of the dearest filters each, and another team's client.
#[test]
fn another_teams_delivery_is_not_delayed_by_seconds() {
    let gateway = Gateway::start();
    let mut plain = gateway.connect("?filter=type%20%3D%3D%20%22CreateImageTag%22&batch_cutoff=0");
    let mut greedy: Vec<Client> = (0..8).map(|_| gateway.connect("")).collect();
    for (c, client) in greedy.iter_mut().enumerate() {
        for n in 0..28 {
            client.subscribe(&json!({"id": format!("s{n}"), "filter": dear(100 * c + n)}));
        }
    }
    let began = Instant::now();
    assert_eq!(gateway.notify(body(&pushes(0..200))).status, 200);
    let mut seen = 0;
    while seen < 200 {
        seen += plain.wait_for("messages")["messages"].as_array().map_or(0, Vec::len);
    }
    let took = began.elapsed();
    assert!(took < patience(Duration::from_millis(500)), "{took:?}");
    assert!(stopped(&mut greedy[0])["error"]["details"]["position"].is_string());
}
