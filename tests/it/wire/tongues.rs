//! What is spoken here, told to who speaks something else, or names the gateway in another way.

use std::process::Command;

use crate::support::gateway::Gateway;
use crate::support::http::raw_request;
use crate::support::notification::new_image;

fn curl(arguments: &[&str]) -> (i32, String) {
    let got =
        Command::new("curl").args(["--silent", "--show-error", "--max-time", "10"]).args(arguments).output();
    let got = got.expect("curl");
    let text = [got.stdout, got.stderr].concat();
    (got.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_client_that_speaks_http_2_unasked_is_told_what_is_spoken() {
    let gateway = Gateway::start();
    let url = gateway.url() + "/v1/events";
    let body = format!("@{}/Cargo.lock", env!("CARGO_MANIFEST_DIR"));
    for more in [&["--include"][..], &["--data-binary", &body, "--include"]] {
        let (code, text) = curl(&[&["--http2-prior-knowledge", &url], more].concat());
        assert!(text.starts_with("HTTP/2 505"), "{code}: {text}");
        assert!(text.contains("this port speaks HTTP/1.1"), "{code}: {text}");
    }
    // Who offers HTTP/2 gets HTTP/1.1, also with a body: Java's client offers it each time.
    let ingest = gateway.url() + "/v1/sources/distribution/events";
    let (_, text) = curl(&["--http2", "--include", "--data-binary", &new_image(0), &ingest]);
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let (_, text) = curl(&["--http2", "--include", &url]);
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
}

#[test]
fn a_client_that_speaks_tls_gets_an_answer_at_once() {
    let gateway = Gateway::start();
    let url = gateway.url().replace("http", "https");
    let (code, text) = curl(&["--insecure", &url]);
    assert!(code == 35 && text.contains("wrong version number"), "{code}: {text}");
}

#[test]
fn an_upgrade_that_can_t_be_is_told_what_is_missing() {
    let gateway = Gateway::start();
    let (upgrade, connection) = ("Upgrade: websocket\r\n", "Connection: keep-alive, Upgrade\r\n");
    let (version, key) = ("Sec-WebSocket-Version: 13\r\n", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    let whole = [upgrade, connection, version, key].concat();
    let without = |part| whole.replace(part, "");
    for path in ["/v1/ws", "/v1/ws?filter=true"] {
        for (protocol, headers, told) in [
            ("HTTP/1.0", whole.clone(), "proxy_http_version 1.1"),
            ("HTTP/1.0", without(connection), "proxy_http_version 1.1"),
            ("HTTP/1.1", without(upgrade), "proxy_set_header Upgrade"),
            ("HTTP/1.1", whole.replace("websocket", "h2c"), "proxy_set_header Upgrade"),
            ("HTTP/1.1", without(connection), "proxy_set_header Connection"),
            ("HTTP/1.1", whole.replace(connection, "Connection: close\r\n"), "proxy_set_header Connection"),
            ("HTTP/1.1", without(version), "version 13"),
            ("HTTP/1.1", whole.replace("13", "8"), "version 13"),
            ("HTTP/1.1", without(key), "Sec-WebSocket-Key"),
            ("HTTP/1.1", "Connection: close\r\n".into(), "ws://"),
            ("HTTP/1.0", String::new(), "ws://"),
        ] {
            let head = format!("GET {path} {protocol}\r\nHost: localhost\r\n{headers}");
            let answer = raw_request(&gateway.address, &head, b"");
            assert_eq!((answer.status, answer.code().as_str()), (426, "upgrade_required"), "{head}");
            assert!(answer.body.contains(told), "{head}{}", answer.body);
            assert!(answer.head.contains("upgrade: websocket"), "{}", answer.head);
        }
    }
}

#[test]
fn a_host_is_the_same_by_whatever_way_it_is_written() {
    let gateway = Gateway::with_settings("[http]\nhosts = ['tagcast.example.com']\n");
    for (target, hosts, status) in [
        ("/v1/server", &["tagcast.example.com"][..], 200),
        ("/v1/server", &["TAGCAST.Example.COM"], 200),
        ("/v1/server", &["tagcast.example.com:80"], 200),
        ("/v1/server", &["tagcast.example.com:443"], 200),
        ("/v1/server", &["tagcast.example.com."], 200),
        ("/v1/server", &["LOCALHOST:80"], 200),
        ("http://tagcast.example.com/v1/server", &["tagcast.example.com"], 200),
        ("http://Tagcast.example.com/v1/server", &["tagcast.EXAMPLE.com"], 200),
        ("http://tagcast.example.com:80/v1/server", &["tagcast.example.com"], 200),
        ("http://tagcast.example.com/v1/server", &["tagcast.example.com:80"], 200),
        ("http://tagcast.example.com/v1/server", &["tagcast.example.com:443"], 400),
        ("http://tagcast.example.com/v1/server", &["localhost"], 400),
        ("/v1/server", &["evil.example"], 403),
        ("/v1/server", &[], 400),
        ("/v1/server", &[""], 400),
        ("/v1/server", &["localhost", "localhost"], 400),
        ("/v1/server", &["localhost", "LOCALHOST"], 400),
        ("/v1/server", &["localhost, localhost"], 400),
    ] {
        let hosts = hosts.iter().map(|host| format!("Host: {host}\r\n")).collect::<Vec<_>>().concat();
        let head = format!("GET {target} HTTP/1.1\r\n{hosts}Connection: close\r\n");
        let answer = raw_request(&gateway.address, &head, b"");
        assert_eq!(answer.status, status, "{head}{}", answer.body);
    }
    // A page that the gateway showed under one of these names is its own.
    for (origin, host) in [
        ("https://tagcast.example.com", "TAGCAST.example.com:443"),
        ("https://tagcast.example.com", "tagcast.example.com"),
        ("http://tagcast.example.com", "tagcast.example.com:80"),
    ] {
        let head =
            format!("GET /v1/server HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nConnection: close\r\n");
        assert_eq!(raw_request(&gateway.address, &head, b"").status, 200, "{head}");
    }
}
