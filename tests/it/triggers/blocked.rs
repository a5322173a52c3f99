//! Targets that must not be connected to.

use std::collections::HashMap;

use serde_json::json;

use super::{definition, make, send, state, until};
use crate::support::gateway::Gateway;
use crate::support::notification::new_image;
use crate::support::target::Target;
use crate::support::tls_server::TlsServer;

/// Addresses that no target has, and what an IPv4 address can be written as.
const BLOCKED: [[u8; 4]; 16] = [
    [0, 0, 0, 0],
    [0, 1, 2, 3],
    [10, 0, 0, 1],
    [100, 64, 0, 1],
    [127, 0, 0, 1],
    [127, 255, 255, 254],
    [169, 254, 169, 254],
    [172, 16, 0, 1],
    [172, 31, 255, 255],
    [192, 0, 0, 8],
    [192, 0, 2, 1],
    [192, 168, 1, 1],
    [198, 18, 0, 1],
    [203, 0, 113, 9],
    [224, 0, 0, 251],
    [255, 255, 255, 255],
];

fn spellings([a, b, c, d]: [u8; 4]) -> Vec<String> {
    let bits = u32::from_be_bytes([a, b, c, d]);
    let (high, low) = (bits >> 16, bits & 0xffff);
    let hosts = [
        format!("{a}.{b}.{c}.{d}"),
        format!("{a}.{b}.{c}.{d}."),
        format!("{bits}"),
        format!("0x{bits:x}"),
        format!("0{bits:o}"),
        format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("{a}.{}", bits & 0xff_ffff),
        format!("{a}.{b}.{low}"),
        format!("%3{}{}", a / 100 % 10, &format!("{a}.{b}.{c}.{d}")[usize::from(a >= 100)..]),
        format!("[::ffff:{a}.{b}.{c}.{d}]"),
        format!("[::ffff:{high:x}:{low:x}]"),
        format!("[::{high:x}:{low:x}]"),
        format!("[64:ff9b::{high:x}:{low:x}]"),
        format!("[2002:{high:x}:{low:x}::1]"),
        format!("[2001:0:4136:e378:8000:63bf:{:x}:{:x}]", high ^ 0xffff, low ^ 0xffff),
        format!("[2606:4700::5efe:{high:x}:{low:x}]"),
    ];
    let percent = a >= 100;
    let keep = |(index, host): (usize, String)| (index != 9 || percent).then_some(host);
    hosts.into_iter().enumerate().filter_map(keep).collect()
}

/// Other addresses, and what is no URL of a target at all.
fn odd_urls() -> Vec<String> {
    let v6 = [
        "[::]",
        "[::1]",
        "[fe80::1]",
        "[fc00::1]",
        "[fdff::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[2001:db8::1]",
        "[3fff::1]",
        "[100::1]",
        "[5f00::1]",
        "[64:ff9b:1::1]",
        "[2001:2::1]",
        "[4000::1]",
        "[::ffff:0:127.0.0.1]",
    ];
    let odd = [
        "http://127.0.0.1@example.com/",
        "http://example.com@127.0.0.1/",
        "http://example.com#@127.0.0.1/",
        "http://127。0。0。1/",
        "http://①②⑦.0.0.1/",
        "http://１２７.0.0.1/",
        "http:127.0.0.1/",
        "http:\\\\127.0.0.1\\",
        "http:///127.0.0.1/",
        "//127.0.0.1/",
        "http://127.0.0.1:80:80/",
        "http://127.0.0.1:99999/",
        "http://[::1",
        "http://[fe80::1%25eth0]/",
        "gopher://127.0.0.1/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "unix:///run/docker.sock",
        "javascript:alert(1)",
        "data:text/plain,x",
        "http://127.0.0.1\t/",
        "http://127.0.0.1\r\nHost: x/",
        "http:// 127.0.0.1/",
        "https://127.0.0.1/",
        "https://example.com:22/",
        "http://example.com:25/",
        "http://example.com:0/",
    ];
    v6.iter().map(|host| format!("http://{host}/")).chain(odd.map(str::to_owned)).collect()
}

#[test]
fn more_than_two_hundred_urls_are_refused() {
    let gateway = Gateway::start();
    let mut urls: Vec<String> =
        BLOCKED.into_iter().flat_map(spellings).map(|h| format!("http://{h}/")).collect();
    urls.extend(odd_urls());
    assert!(urls.len() >= 200, "{}", urls.len());
    for url in &urls {
        let wanted = json!({"target": {"http": {"url": url}}});
        let answer = send(&gateway, "PUT", "/v1/triggers/t", &wanted);
        let code = answer.code();
        let known = ["target_blocked", "target_invalid", "target_port", "target_scheme"];
        assert!(known.contains(&code.as_str()), "{url}: {answer:?}");
    }
}

#[test]
fn a_name_that_leads_inside_is_never_connected_to() {
    let (gateway, target) = (Gateway::start(), Target::start());
    let port = target.url.rsplit(':').next().unwrap();
    make(
        &gateway,
        &json!({"batch": {"cutoff": 0}, "target": {"http": {"url": format!("http://localhost:{port}")}}}),
    );
    gateway.notify(new_image(1));
    until("it fails", || state(&gateway)["failures"] == 1);
    assert_eq!(target.connections(), 0);
    until("it is told", || {
        let log = gateway.get("/v1/triggers/t/log?outcome=triggered").json();
        log["rows"]
            .as_array()
            .is_some_and(|rows| rows.iter().any(|row| row["delivery"]["failure"] == "target_blocked"))
    });
}

#[test]
fn the_gateway_never_calls_itself() {
    let gateway = super::gateway();
    let mut wanted = definition(&Target::start());
    let port = gateway.address.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "127.9.9.9", "[::ffff:127.0.0.1]", "0x7f000001"] {
        wanted["target"]["http"]["url"] = format!("http://{host}:{port}/v1/sources/yandex/events").into();
        let answer = send(&gateway, "PUT", "/v1/triggers/t", &wanted);
        assert_eq!(answer.code(), "target_blocked", "{host}: {answer:?}");
    }
    wanted["target"]["http"]["url"] = format!("http://localhost:{port}/v1/sources/yandex/events").into();
    make(&gateway, &wanted);
    gateway.notify(new_image(1));
    until("it fails", || state(&gateway)["failures"] == 1);
}

#[test]
fn a_certificate_must_verify_and_be_for_the_name() {
    let server = TlsServer::start(HashMap::new());
    let networks = "[targets]\nports = \"any\"\nallow_networks = [\"127.0.0.0/8\", \"::1/128\"]\n";
    let ca = format!("{}/tests/fixtures/tls/ca.pem", env!("CARGO_MANIFEST_DIR"));
    // Without the root nobody vouches for it, with it for another name.
    for environment in [&[][..], &[("SSL_CERT_FILE", ca.as_str())]] {
        let gateway = Gateway::within(networks, None, environment);
        let url = format!("https://localhost:{}/", server.port);
        make(&gateway, &json!({"batch": {"cutoff": 0}, "target": {"http": {"url": url}}}));
        gateway.notify(new_image(1));
        until("it fails", || {
            gateway.metric("tagcast_trigger_attempts_total{cloud=\"default\",code=\"target_certificate\"}")
                >= 1.0
        });
    }
    assert!(server.asked().is_empty());
}
