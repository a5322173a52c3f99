//! Answers, compressed for who asks; streams, never.

use std::process::Command;

use serde_json::Value;

use crate::support::gateway::Gateway;
use crate::support::http::{Answer, request};
use crate::support::notification::new_image;
use crate::support::stream::Stream;

/// What curl gets of this path, and what it has unpacked by itself.
fn curl(gateway: &Gateway, path: &str) -> (String, Vec<u8>) {
    let head = tempfile::NamedTempFile::new().expect("a file");
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--compressed", "--dump-header"]).arg(head.path());
    let got = curl.arg(format!("{}{path}", gateway.url())).output().expect("curl");
    assert!(got.status.success(), "{path}");
    (std::fs::read_to_string(head.path()).expect("a head").to_ascii_lowercase(), got.stdout)
}

fn ask(gateway: &Gateway, path: &str, coding: &str) -> Answer {
    request(&gateway.address, "GET", path, &[("Accept-Encoding", coding)], b"")
}

#[test]
fn a_large_answer_is_compressed_for_who_asks() {
    let gateway = Gateway::start();
    for n in 0..40 {
        gateway.notify(new_image(n));
    }
    for path in ["/v1/events?after=earliest", "/openapi.json", "/asyncapi.json", "/v1/registries", "/metrics"]
    {
        let plain = gateway.get(path);
        let (head, unpacked) = curl(&gateway, path);
        let is_large = plain.body.len() >= 1 << 10;
        assert_eq!(head.contains("content-encoding: gzip"), is_large, "{path}: {head}");
        for head in [&head, &plain.head] {
            assert_eq!(head.contains("accept-encoding"), is_large, "{path}: {head}");
        }
        let told = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let told: usize = told.and_then(|length| length.trim().parse().ok()).expect("a length");
        assert_eq!(told < unpacked.len(), is_large, "{path}: {told}");
        if path != "/metrics" {
            let unpacked: Value = serde_json::from_slice(&unpacked).expect("JSON");
            assert_eq!(unpacked, plain.json(), "{path}");
        }
    }
    let vary = ask(&gateway, "/v1/events?after=earliest", "gzip").head;
    assert!(vary.contains("vary: accept\r\n") || vary.contains("vary: accept,"), "{vary}");
    for coding in ["gzip;q=0", "identity, gzip;q=0.5", "br", "*;q=0"] {
        let answer = ask(&gateway, "/v1/events?after=earliest", coding);
        assert!(!answer.head.contains("content-encoding"), "{coding}: {}", answer.head);
        assert!(answer.json()["messages"].is_array() || answer.json()["events"].is_array(), "{coding}");
    }
    assert!(gateway.metric("tagcast_http_answer_bytes") < 1.0);
}

#[test]
fn a_stream_is_never_compressed_and_says_so() {
    let gateway = Gateway::start();
    for accept in ["text/event-stream", "application/x-ndjson"] {
        let headers = [("Accept", accept), ("Accept-Encoding", "gzip, br, zstd")];
        let stream = Stream::open(&gateway.address, "/v1/events?filter=true", &headers);
        assert!(!stream.head.contains("content-encoding"), "{}", stream.head);
        for said in ["cache-control: no-store, no-transform", "x-accel-buffering: no"] {
            assert!(stream.head.contains(said), "{}", stream.head);
        }
    }
}
