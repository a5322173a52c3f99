//! A browser sends what any page tells it to: pages of other sites get nothing here that they may not read, and change
//! nothing. What a real browser does is tested in `web/e2e/other_sites.test.ts`.

use std::process::Command;

use serde_json::Value;

use super::support::gateway::Gateway;
use super::support::http::{Answer, raw_request, request};
use super::support::notification::new_image;

const OPS: &str = "https://ops.example.com";
const INGEST: &str = "/v1/sources/distribution/events";

/// Every method of every route, with something in place of a path's variables.
fn calls(gateway: &Gateway) -> Vec<(String, String)> {
    let described = gateway.get("/openapi.json").json();
    let mut calls = Vec::new();
    for (path, item) in described["paths"].as_object().expect("paths") {
        let parts = path.split('/').map(|part| if part.starts_with('{') { "distribution" } else { part });
        let path = parts.collect::<Vec<_>>().join("/");
        for method in item.as_object().expect("methods").keys() {
            if ["get", "post", "put", "delete", "options"].contains(&method.as_str()) {
                calls.push((method.to_uppercase(), path.clone()));
            }
        }
    }
    assert!(calls.len() > 35, "{}", calls.len());
    calls
}

fn denial(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code())
}

fn origin_denied() -> (u16, String) {
    (403, "origin_denied".into())
}

/// Nothing came in, nothing was made, nobody is connected.
fn assert_untouched(gateway: &Gateway) {
    assert_eq!(gateway.get("/v1/server").json()["log"]["newest"], 0);
    assert_eq!(gateway.get("/v1/triggers").json()["triggers"], Value::Array(Vec::new()));
    assert_eq!(gateway.get("/v1/quarantine").json()["records"], Value::Array(Vec::new()));
    assert_eq!(gateway.get("/v1/connections").json()["connections"], Value::Array(Vec::new()));
}

#[test]
fn a_page_of_another_site_is_refused_on_every_route() {
    let gateway = Gateway::with_settings(&format!("[http]\nallowed_origins = [\"{OPS}\"]\n"));
    let own = &*format!("http://{}", gateway.address);
    let foreign: [&[(&str, &str)]; 9] = [
        &[("Origin", "https://evil.example")],
        &[("Origin", "null")],
        &[("Origin", "https://ops.example.com.evil.example")],
        &[("Origin", "http://ops.example.com")],
        &[("Origin", "http://127.0.0.1:1")],
        &[("Origin", OPS), ("Origin", "https://evil.example")],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Mode", "no-cors")],
        &[("Origin", own), ("Sec-Fetch-Site", "cross-site")],
    ];
    let body = new_image(1);
    for (method, path) in calls(&gateway) {
        for headers in foreign {
            let plain = [&[("Content-Type", "text/plain")], headers].concat();
            let answer = request(&gateway.address, &method, &path, &plain, body.as_bytes());
            assert_eq!(denial(&answer), origin_denied(), "{method} {path} {headers:?}");
            assert!(!answer.head.contains("access-control-allow-origin"), "{}", answer.head);
        }
    }
    assert_untouched(&gateway);
    let refused = gateway.count("tagcast_turned_away_total{code=\"origin_denied\"}");
    assert_eq!(refused, 9 * calls(&gateway).len() as u64);
    // The page itself, and who is no page.
    for headers in [&[][..], &[("Origin", own)], &[("Origin", own), ("Sec-Fetch-Site", "same-origin")]] {
        assert_eq!(request(&gateway.address, "POST", INGEST, headers, new_image(2).as_bytes()).status, 200);
    }
}

#[test]
fn links_lead_to_the_page_and_nowhere_else() {
    let gateway = Gateway::start();
    let follow = |method: &str, path: &str, headers: &[(&str, &str)]| {
        let link = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")];
        denial(&request(&gateway.address, method, path, &[&link, headers].concat(), b""))
    };
    assert_eq!(follow("GET", "/", &[]).0, 200);
    assert_eq!(follow("GET", "/?view=repositories", &[]).0, 200);
    assert_eq!(follow("POST", "/", &[]), origin_denied());
    for (method, path) in calls(&gateway) {
        if path != "/" {
            assert_eq!(follow(&method, &path, &[]), origin_denied(), "{method} {path}");
        }
    }
    // A form that posts is a navigation too.
    assert_eq!(follow("POST", INGEST, &[("Origin", "https://evil.example")]), origin_denied());
    let image = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")];
    assert_eq!(denial(&request(&gateway.address, "GET", "/", &image, b"")), origin_denied());
}

#[test]
fn pages_of_an_allowed_origin_read_and_change_nothing() {
    let gateway = Gateway::with_settings(&format!("[http]\nallowed_origins = [\"{OPS}\"]\n"));
    let page = [("Origin", OPS), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "cors")];
    for (method, path) in calls(&gateway) {
        let answer = request(&gateway.address, &method, &path, &page, b"{\"filter\":\"true\"}");
        let reads = path != INGEST && (method == "GET" || path == "/v1/filters/check");
        assert_eq!(denial(&answer) != origin_denied(), reads, "{method} {path}: {}", answer.status);
        let is_allowed = answer.head.contains("access-control-allow-origin: https://ops.example.com");
        assert_eq!(is_allowed, reads, "{method} {path}: {}", answer.head);
    }
    assert_untouched(&gateway);
    // As origins, whatever the spelling.
    for same in ["https://ops.example.com:443", "HTTPS://OPS.example.com"] {
        assert_eq!(request(&gateway.address, "GET", "/v1/events", &[("Origin", same)], b"").status, 200);
    }
}

/// A request for events, with these lines of a head, by this version of HTTP.
fn ask_by(gateway: &Gateway, target: &str, version: &str, lines: &[&str]) -> (u16, String) {
    let lines = [&["Connection: close"], lines].concat().join("\r\n");
    let head = format!("GET {target} HTTP/{version}\r\n{lines}\r\n");
    denial(&raw_request(&gateway.address, &head, b""))
}

#[test]
fn without_readers_only_its_own_hosts_are_answered() {
    let gateway = Gateway::with_settings("[http]\nhosts = [\"tagcast.example.com\", \"2001:db8::7\"]\n");
    let port = gateway.address.split(':').next_back().expect("a port");
    for (host, own) in [
        (gateway.address.as_str(), true),
        ("127.0.0.1", true),
        ("127.0.0.1:1", true),
        ("127.8.9.10", true),
        (&format!("localhost:{port}"), true),
        ("LocalHost.", true),
        ("dev.localhost:8080", true),
        ("[::1]:8080", true),
        ("tagcast.example.com", true),
        ("TAGCAST.example.com.:443", true),
        ("[2001:db8::7]", true),
        ("evil.example", false),
        (&format!("evil.example:{port}"), false),
        ("localhost.evil.example", false),
        ("127.0.0.1.evil.example", false),
        ("notlocalhost", false),
        ("a.tagcast.example.com", false),
        ("0.0.0.0", false),
        ("192.168.0.1", false),
        ("169.254.169.254", false),
    ] {
        let (status, code) = ask_by(&gateway, "/v1/events", "1.1", &[&format!("Host: {host}")]);
        let expected = if own { (200, "") } else { (403, "host_denied") };
        assert_eq!((status, code.as_str()), expected, "{host}");
    }
    let bad = (400, "bad_request".to_owned());
    for lines in [
        &["Host: 127.0.0.1", "Host: evil.example"][..],
        &[],
        &["Host: evil.example/"],
        &["Host:"],
        &["Host: u@127.0.0.1"],
    ] {
        assert_eq!(ask_by(&gateway, "/v1/events", "1.1", lines), bad, "{lines:?}");
    }
    // No browser speaks it, and probes do.
    assert_eq!(ask_by(&gateway, "/healthz", "1.0", &[]).0, 200);
    assert_eq!(ask_by(&gateway, "/healthz", "1.0", &["Host: evil.example"]).1, "host_denied");
    // The target's host counts where it names one.
    let evil = "http://evil.example/v1/events";
    assert_eq!(ask_by(&gateway, evil, "1.1", &["Host: evil.example"]).1, "host_denied");
    assert_eq!(ask_by(&gateway, evil, "1.1", &["Host: 127.0.0.1"]), bad);
    assert_eq!(ask_by(&gateway, "http://127.0.0.1/v1/events", "1.1", &["Host: 127.0.0.1"]).0, 200);
}

#[test]
fn a_name_that_was_bound_anew_opens_no_route() {
    let gateway = Gateway::start();
    let body = new_image(1);
    for (method, path) in calls(&gateway) {
        // To the browser the page is the gateway's own.
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n\
             Sec-Fetch-Site: same-origin\r\nConnection: close\r\nContent-Length: {}\r\n",
            body.len()
        );
        let answer = raw_request(&gateway.address, &head, body.as_bytes());
        assert_eq!(denial(&answer), (403, "host_denied".into()), "{method} {path}");
        assert!(answer.body.contains("http.hosts"), "{}", answer.body);
    }
    assert_untouched(&gateway);
}

#[test]
fn with_readers_a_gateway_answers_by_any_name() {
    let token = "a-token-of-a-reader-that-is-long-enough";
    let gateway = Gateway::with_settings(&format!("[[readers]]\nname = \"r\"\ntoken = \"{token}\"\n"));
    let bearer = format!("Authorization: Bearer {token}");
    let lines = ["Host: tagcast.example.com", "Origin: https://tagcast.example.com", &bearer];
    assert_eq!(ask_by(&gateway, "/v1/events", "1.1", &lines).0, 200);
    let lines = ["Host: tagcast.example.com", "Origin: https://evil.example", &bearer];
    assert_eq!(ask_by(&gateway, "/v1/events", "1.1", &lines), origin_denied());
}

/// What asks for no token is as open to a page as a gateway without readers.
#[test]
fn a_source_that_asks_for_nothing_knows_its_hosts_too() {
    let settings = "[[readers]]\nname = \"r\"\ntoken = \"a-token-of-a-reader-that-is-long-enough\"\n\
                    [[sources]]\nname = \"open\"\nkind = \"distribution\"\n\
                    [[sources]]\nname = \"shut\"\nkind = \"distribution\"\n\
                    credentials = [{ bearer = \"a-secret-of-the-registry\" }]\n";
    let gateway = Gateway::with_settings(settings);
    let post = |source: &str, host: &str| {
        let body = new_image(1);
        let head = format!(
            "POST /v1/sources/{source}/events HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             Authorization: Bearer a-secret-of-the-registry\r\nContent-Length: {}\r\n",
            body.len()
        );
        denial(&raw_request(&gateway.address, &head, body.as_bytes()))
    };
    for source in ["open", "%6fpen"] {
        assert_eq!(post(source, "evil.example"), (403, "host_denied".into()), "{source}");
        assert_eq!(post(source, "localhost").0, 200, "{source}");
    }
    assert_eq!(post("shut", "tagcast.example.com").0, 200);
}

#[test]
fn settings_that_no_browser_could_ever_fit_are_refused_with_their_place() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("settings.toml");
    let source = "[[sources]]\nname = 'a'\nkind = 'azure'\nallowed_origins = ['eventgrid.azure.net', 'https://hush']\n";
    let origins = |value: &str| format!("[http]\nallowed_origins = ['https://ops.example.com', '{value}']\n");
    let mut settings = vec![
        (source.to_owned(), "sources[0] 'a': allowed_origins[1]: "),
        ("[http]\nhosts = ['*']\n".to_owned(), "http.hosts[0]: "),
        ("[http]\nhosts = ['tagcast.example.com:443']\n".to_owned(), "http.hosts[0]: "),
    ];
    for value in [
        "*",
        "null",
        "ops.example.com",
        "https://ops.example.com/",
        "https://ops.example.com/page",
        "https://Ops.example.com",
        "HTTPS://ops.example.com",
        "https://ops.example.com:443",
        "http://ops.example.com:80",
        "https://*.example.com",
        "https://user:hush@ops.example.com",
        "wss://ops.example.com",
    ] {
        settings.push((origins(value), "http.allowed_origins[1]: "));
    }
    for (text, place) in settings {
        std::fs::write(&file, &text).expect("the settings");
        let output = Command::new(env!("CARGO_BIN_EXE_tagcast"))
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(&file)
            .output()
            .expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{text}: {told}");
        assert!(told.contains(place) && !told.contains("hush"), "{text}: {told}");
        assert!(output.stdout.is_empty(), "it never says that it listens: {text}");
    }
}

#[test]
fn every_answer_says_what_browsers_may_do_with_it() {
    let gateway = Gateway::start();
    gateway.notify(new_image(1));
    gateway.notify("nonsense");
    let header = |answer: &Answer, name: &str| {
        let values = answer.head.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        values.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut kinds = std::collections::BTreeSet::new();
    let mut calls = calls(&gateway);
    calls.extend([("GET".into(), "/no/such/path".into()), ("PATCH".into(), "/v1/events".into())]);
    calls.push(("HEAD".into(), "/v1/sources".into()));
    for (method, path) in calls {
        let answer = request(&gateway.address, &method, &path, &[], b"{}");
        let kind = header(&answer, "content-type").concat();
        assert_eq!(header(&answer, "x-content-type-options"), ["nosniff"], "{method} {path}");
        assert_eq!(header(&answer, "cross-origin-resource-policy"), ["same-origin"], "{method} {path}");
        let caching = header(&answer, "cache-control");
        if kind.starts_with("application/json") {
            let has_tag = !header(&answer, "etag").is_empty();
            let expected = if has_tag { "private, no-cache" } else { "no-store" };
            assert_eq!(caching, [expected], "{method} {path}");
        }
        assert_eq!(caching.len(), 1, "{method} {path}: {}", answer.head);
        kinds.insert(kind);
    }
    assert!(kinds.len() > 3, "answers of many kinds were seen: {kinds:?}");
}

#[test]
fn the_listener_for_metrics_is_as_careful() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let _gateway = Gateway::with_settings(&format!("[http]\nmetrics_listen = \"{free}\"\n"));
    let ask = |lines: &str| {
        let head = format!("GET /metrics HTTP/1.1\r\nConnection: close\r\n{lines}\r\n");
        let answer = raw_request(&free.to_string(), &head, b"");
        assert!(answer.head.contains("cross-origin-resource-policy: same-origin"), "{}", answer.head);
        denial(&answer)
    };
    assert_eq!(ask("Host: localhost").0, 200);
    assert_eq!(ask("Host: evil.example"), (403, "host_denied".into()));
    assert_eq!(ask("Host: localhost\r\nOrigin: https://evil.example"), origin_denied());
}
