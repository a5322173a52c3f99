//! Headers are read as their RFCs say, and not as the first client wrote them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::gateway::Gateway;
use crate::support::http::request;
use crate::support::notification::new_image;
use crate::support::target::{Reply, Target};
use crate::support::until;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// How clients write a scheme, and what of it is none.
const SCHEMES: [(&str, bool); 8] = [
    ("Bearer ", true),
    ("bearer ", true),
    ("BEARER ", true),
    ("bEaReR    ", true),
    ("Bearer \t ", true),
    ("Bearer", false),
    ("Token ", false),
    ("", false),
];

#[test]
fn the_scheme_of_a_readers_token_has_any_case_and_any_blanks() {
    let settings = format!(
        "[http]\nwrong_credentials_burst = 1000\n[[readers]]\nname = 'r'\ntoken = '{TOKEN}'\nadmin = true\n"
    );
    let gateway = Gateway::with_settings(&settings);
    for (scheme, right) in SCHEMES {
        let authorization = format!("{scheme}{TOKEN}");
        let headers = [("Authorization", authorization.as_str())];
        for path in ["/v1/events", "/v1/connections", "/v1/server", "/metrics"] {
            let status = request(&gateway.address, "GET", path, &headers, b"").status;
            assert_eq!(status, if right { 200 } else { 401 }, "{scheme:?} at {path}");
        }
        let mut upgrade = headers.to_vec();
        upgrade.extend([
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ]);
        assert_eq!(upgraded(&gateway, &upgrade).0, if right { 101 } else { 401 }, "{scheme:?}");
    }
    // Of two, nobody can say which one is meant.
    let one = format!("Bearer {TOKEN}");
    let two = [("Authorization", one.as_str()), ("Authorization", "Bearer x")];
    assert_eq!(request(&gateway.address, "GET", "/v1/events", &two, b"").status, 401);
}

#[test]
fn so_has_that_of_a_source() {
    let gateway = Gateway::with_settings(
        "[http]\nwrong_credentials_burst = 1000\n\
         [[sources]]\nname = 'b'\nkind = 'distribution'\ncredentials = [{ bearer = 'hush-hush-hush-hush' }]\n\
         [[sources]]\nname = 'h'\nkind = 'distribution'\n\
         credentials = [{ header = 'authorization', value = 'Bearer hush-hush-hush-hush' }]\n\
         [[sources]]\nname = 'u'\nkind = 'distribution'\ncredentials = [{ basic = 'user:hush-hush-hush-hush' }]\n",
    );
    for (n, (scheme, right)) in SCHEMES.into_iter().enumerate() {
        let basic = scheme.to_ascii_lowercase().replace("bearer", "bASIC");
        for (source, authorization) in [
            ("h", format!("{scheme}hush-hush-hush-hush")),
            ("b", format!("{scheme}hush-hush-hush-hush")),
            ("u", format!("{basic}dXNlcjpodXNoLWh1c2gtaHVzaC1odXNo")),
        ] {
            let headers = [("Authorization", authorization.as_str())];
            let path = format!("/v1/sources/{source}/events");
            let status = request(&gateway.address, "POST", &path, &headers, new_image(n).as_bytes()).status;
            assert_eq!(status, if right { 200 } else { 401 }, "{authorization:?}");
        }
    }
}

#[test]
fn accept_chooses_by_what_is_wanted_most() {
    let gateway = Gateway::start();
    for (accept, expected) in [
        ("text/event-stream", "text/event-stream"),
        ("TEXT/EVENT-STREAM;charset=utf-8", "text/event-stream"),
        ("Application/X-NDJSON", "application/x-ndjson"),
        ("text/event-stream;q=0.5, application/x-ndjson;q=0.8", "application/x-ndjson"),
        ("text/html\r\nAccept: application/x-ndjson", "application/x-ndjson"),
        ("text/event-stream;q=0, */*", "application/json"),
        ("text/event-stream;q=0.1, application/json", "application/json"),
        ("application/x-ndjson;q=0.4, text/event-stream;q=0, application/json;q=0.3", "application/x-ndjson"),
        ("text/*", "text/event-stream"),
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
    ] {
        assert_eq!(content_type(&gateway, "/v1/events", accept), expected, "{accept}");
    }
}

/// The media type of the beginning of an answer, which may go on.
fn content_type(gateway: &Gateway, path: &str, accept: &str) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: {accept}\r\n\r\n", gateway.address);
    let (_, head) = beginning(gateway, &head);
    let found = head.lines().find_map(|line| line.strip_prefix("content-type: "));
    found.unwrap_or_default().to_owned()
}

/// Sends a head, and reads that of the answer: its status, and all of it in lower case.
fn beginning(gateway: &Gateway, head: &str) -> (u16, String) {
    let mut tcp = TcpStream::connect(&gateway.address).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    tcp.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") && tcp.read(&mut byte).is_ok_and(|read| read == 1) {
        answer.push(byte[0]);
    }
    let answer = String::from_utf8(answer).unwrap().to_ascii_lowercase();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no answer to {head}")), answer)
}

fn upgraded(gateway: &Gateway, headers: &[(&str, &str)]) -> (u16, String) {
    let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "GET /v1/ws?filter=true HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\n{}\r\n",
        gateway.address,
        headers.concat()
    );
    beginning(gateway, &head)
}

#[test]
fn an_offer_of_compression_is_answered_as_it_asks_or_declined() {
    let gateway = Gateway::with_settings("[connections]\ncompression = true\n");
    let both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    let window = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15";
    for (offer, expected) in [
        ("permessage-deflate", Some(both)),
        ("permessage-deflate; client_max_window_bits", Some(both)),
        ("permessage-deflate; server_max_window_bits=15", Some(window)),
        ("permessage-deflate; server_max_window_bits=\"15\"; client_max_window_bits=9", Some(window)),
        (
            "permessage-deflate; server_max_window_bits=9, permessage-deflate; server_max_window_bits=15",
            Some(window),
        ),
        ("x-other; a=\"1, 2\"\r\nSec-WebSocket-Extensions: permessage-deflate", Some(both)),
        ("permessage-deflate; server_max_window_bits=9", None),
        ("permessage-deflate; server_max_window_bits", None),
        ("permessage-deflate; server_max_window_bits=15; server_max_window_bits=15", None),
        ("permessage-deflate; client_max_window_bits; client_max_window_bits=10", None),
        ("permessage-deflate; client_no_context_takeover=0", None),
        ("permessage-deflate; some_day", None),
    ] {
        let (status, head) = upgraded(
            &gateway,
            &[
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
                ("Sec-WebSocket-Extensions", offer),
            ],
        );
        let answer = head.lines().find_map(|line| line.strip_prefix("sec-websocket-extensions: "));
        assert_eq!((status, answer), (101, expected), "{offer}");
    }
}

/// Python's `websockets` refuses an answer that does not repeat the window that it asked for.
#[test]
fn clients_of_others_get_compression_with_the_window_that_they_ask_for() {
    let gateway = Gateway::with_settings("[connections]\ncompression = true\n");
    gateway.notify(new_image(1));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let url = gateway.websocket_url("?filter=true&after=earliest&batch_size=2");
    for mut command in [Command::new(root.join(".tools/venv/bin/python")), Command::new("node")] {
        let suffix = if command.get_program() == "node" { "mjs" } else { "py" };
        command.arg(root.join(format!("tests/clients/deflate.{suffix}"))).arg(&url);
        let output = command.output().expect("`make test-tools` installs it");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
        assert!(told.len() >= 3, "{told:?}");
        for told in told {
            assert_eq!((&told["events"], &told["compressed"]), (&json!(2), &json!(true)), "{told}");
        }
    }
}

#[test]
fn a_target_says_when_to_come_again_in_any_date_of_http() {
    let gateway = Gateway::with_settings("[targets]\nallow_networks = [\"127.0.0.0/8\"]\n");
    let forms = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let targets = forms.map(|form| {
        Target::answering(move |_| {
            let then = (Timestamp::now() + Duration::from_mins(5)).to_zoned(TimeZone::UTC);
            Reply::Full(503, format!("Retry-After: {}\r\n", then.strftime(form)).leak(), "")
        })
    });
    for (n, target) in targets.iter().enumerate() {
        let definition = json!({
            "filter": {"type": "CreateImageTag"}, "batch": {"cutoff": 0}, "target": {"http": {"url": target.url}},
        });
        let path = format!("/v1/triggers/t{n}");
        let made = request(&gateway.address, "PUT", &path, &[], definition.to_string().as_bytes());
        assert_eq!(made.status, 201, "{made:?}");
    }
    gateway.notify(new_image(1));
    for (n, form) in forms.iter().enumerate() {
        let mut next = Value::Null;
        until(&format!("{form} was answered"), || {
            next = gateway.get(&format!("/v1/triggers/t{n}")).json()["state"]["next_attempt"].clone();
            next.is_string()
        });
        let next: Timestamp = next.as_str().unwrap().parse().unwrap();
        let wait = next.duration_since(Timestamp::now()).as_secs();
        assert!((200..=360).contains(&wait), "{form}: {wait}");
    }
}

#[test]
fn a_page_that_is_known_is_not_sent_again() {
    let gateway = Gateway::start();
    let index = gateway.get("/");
    let Some(tag) = index.head.lines().find_map(|line| line.strip_prefix("etag: ")) else { return };
    for (known, status) in [
        (format!("\"x, y\", {tag}"), 304),
        (format!("W/{tag}"), 304),
        (format!("\"x\"\r\nIf-None-Match: {tag}"), 304),
        ("*".into(), 304),
        ("\"x\"".into(), 200),
        (tag.trim_matches('"').into(), 200),
    ] {
        let answer = request(&gateway.address, "GET", "/", &[("If-None-Match", known.as_str())], b"");
        assert_eq!(answer.status, status, "{known}");
    }
    let coding = |accept: &str| {
        let answer = request(&gateway.address, "GET", "/", &[("Accept-Encoding", accept)], b"").head;
        answer.lines().find_map(|line| line.strip_prefix("content-encoding: ").map(str::to_owned))
    };
    let (brotli, gzip) = (coding("br"), coding("GZip;q=0.5"));
    assert_eq!(coding("br;q=0, *"), gzip);
    assert_eq!(coding("gzip, br;q=0.5"), gzip);
    assert_eq!(coding("*"), brotli);
    assert_eq!(coding("identity, gzip;q=0.5"), None);
    assert_eq!(coding("gzip;q=0.0"), None);
}

/// The token in a subprotocol is not one of these: its encoding has no blanks.
#[test]
fn a_token_in_a_subprotocol_is_found_on_any_line() {
    let gateway = Gateway::with_settings(&format!("[[readers]]\nname = 'r'\ntoken = '{TOKEN}'\n"));
    let encoded = data_encoding::BASE64URL_NOPAD.encode(TOKEN.as_bytes());
    let (status, head) = upgraded(
        &gateway,
        &[
            ("Upgrade", "x, WebSocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
            ("Sec-WebSocket-Protocol", "tagcast.v1.json"),
            ("Sec-WebSocket-Protocol", &format!("other,bearer.{encoded}")),
        ],
    );
    assert_eq!(status, 101, "{head}");
    assert!(head.contains("sec-websocket-protocol: tagcast.v1.json"), "{head}");
    let (status, _) = Client::refused(&gateway.websocket_url("?filter=true"));
    assert_eq!(status, 401);
}
