//! What is written as a line is one line for everyone: U+2028 and U+2029, at which Python and JavaScript cut too, are
//! escapes in it, and U+0085.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::http::request;
use crate::support::notification::{body, push};
use crate::support::stream::Stream;
use crate::support::target::{Reply, Target};
use crate::support::until;

const TAG: &str = "v\u{2028}1\u{2029}é";
/// What readers of lines cut at, as UTF-8.
const BREAKS: [&str; 3] = ["\u{85}", "\u{2028}", "\u{2029}"];

fn gateway() -> Gateway {
    let gateway = Gateway::with_settings("[targets]\nallow_networks = [\"127.0.0.0/8\"]\n");
    gateway.notify(body(&[push("1", "team/\u{2028}", TAG, "one"), push("2", "team/app", "v2", "two")]));
    gateway
}

/// The parameters of a stream of the new tags, by a filter that holds all of the characters.
fn query(more: &[(&str, &str)]) -> String {
    let filter = "type == 'CreateImageTag' && tag != 'x\u{85}\u{2028}\u{2029}'";
    let mut query = form_urlencoded::Serializer::new("?".to_owned());
    query.append_pair("filter", filter).append_pair("after", "earliest").extend_pairs(more).finish()
}

fn is_unbroken(text: &str) -> bool {
    !BREAKS.iter().any(|end| text.contains(end))
}

#[test]
fn readers_of_lines_get_whole_events() {
    let gateway = gateway();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for more in [&[][..], &[("format", "cloudevents")]] {
        let mut lines = Stream::lines(&gateway.address, &query(more));
        let line = lines.line().expect("an event");
        assert!(is_unbroken(&line) && line.contains(r"v\u20281\u2029é"), "{line}");
        if !more.is_empty() {
            assert!(line.contains(r#""subject":"team/\u2028:v\u20281\u2029é""#), "{line}");
        }
    }
    let mut command = Command::new(root.join(".tools/venv/bin/python"));
    command.arg(root.join("tests/clients/lines.py"));
    let url = format!("{}/v1/events{}", gateway.url(), query(&[("batch_cutoff", "0s")]));
    let output = command.args([&url, "2"]).output().expect("`make test-tools` installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for (library, read) in told.as_object().expect("an object") {
        let read = read.as_array().expect("a list");
        let events: Vec<&Value> = read
            .iter()
            .flat_map(|value| {
                value["messages"].as_array().map_or_else(|| vec![value], |list| list.iter().collect())
            })
            .filter(|event| event["details"].is_object())
            .collect();
        let tags: Vec<&Value> = events.iter().map(|event| &event["details"]["tag"]).collect();
        assert_eq!(tags, [TAG, "v2"], "{library}");
    }
    let filter = &told["sseclient-py"][0]["subscribed"]["filter"];
    assert!(filter.as_str().expect("a filter").contains("\u{2028}\u{2029}"), "{filter}");
}

#[test]
fn filters_see_the_characters_and_not_their_escapes() {
    let gateway = gateway();
    for (filter, found) in [
        ("tag == 'v\u{2028}1\u{2029}é'", 2),
        (r"tag == 'v\u20281\u2029é'", 2),
        (r"tag.contains(r'\u2028')", 0),
        (r"tag.matches(r'^v\x{2028}1.é$')", 2),
        ("repository.endsWith('/\u{2028}') && size(tag) == 5", 2),
    ] {
        let answer = gateway.post("/v1/filters/check", json!({"filter": filter}).to_string());
        assert_eq!(answer.json()["matched"], found, "{filter}: {answer:?}");
    }
}

#[test]
fn targets_watchers_and_errors_get_lines_too() {
    let gateway = gateway();
    let formats = ["tagcast", "cloudevents", "cloudevents-binary", "alibaba", "azure"];
    let targets = formats.map(|format| {
        let target = Target::answering(|_| Reply::Full(200, "WebHook-Allowed-Origin: *\r\n", ""));
        let definition = json!({
            "filter": {"type": "CreateImageTag"}, "batch": {"cutoff": 0},
            "target": {"http": {"url": target.url, "format": format}},
        });
        let path = format!("/v1/triggers/{format}");
        let made = request(&gateway.address, "PUT", &path, &[], definition.to_string().as_bytes());
        assert_eq!(made.status, 201, "{made:?}");
        target
    });
    gateway.notify(body(&[push("3", "team/app", "\u{2028}", "three")]));
    for (format, target) in formats.into_iter().zip(targets) {
        // One form begins with a handshake.
        let is_sent = || target.received().into_iter().find(|request| request.method == "POST");
        until("it is sent", || is_sent().is_some());
        let sent = String::from_utf8(is_sent().expect("a batch").body).expect("text");
        assert!(is_unbroken(&sent) && sent.contains(r"\u2028"), "{format}: {sent}");
    }
    let refused = gateway.get("/v1/events?filter=tag+%3D%3D+%E2%80%A8");
    assert_eq!(refused.status, 400);
    assert!(is_unbroken(&refused.body), "{refused:?}");

    let mut watch = Command::new(env!("CARGO_BIN_EXE_tagcast"));
    watch.args(["watch", "--url", &gateway.url(), "--after", "earliest", "type == 'CreateImageTag'"]);
    let mut watch = watch.stdout(Stdio::piped()).spawn().expect("it runs");
    let mut lines = BufReader::new(watch.stdout.take().expect("it is piped")).lines();
    let line = lines.next().expect("a line").expect("text");
    let _ = watch.kill().and_then(|()| watch.wait());
    assert!(is_unbroken(&line) && line.contains(r"v\u20281\u2029é"), "{line}");
}
