//! `tagcast filter`, as a person or a script uses it.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::json;

const EVENT: &str = r#"{"event_metadata":{"event_type":"yandex.cloud.events.containerregistry.CreateImageTag"},
    "details":{"repository_name":"team/app","tag":"latest"}}"#;

fn filter(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_tagcast"))
        .arg("filter")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    // It may end without reading.
    let _ = process.stdin.take().expect("it is piped").write_all(input.as_bytes());
    let Output { status, stdout, stderr } = process.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code().expect("a code"), text(stdout), text(stderr))
}

#[test]
fn check_prints_what_is_understood_or_where_it_is_wrong() {
    let (code, out, _) = filter(&["check", r#"{"tag":{"matches":"release-v.*"}}"#], "");
    assert_eq!((code, out.as_str()), (0, "tag.startsWith(\"release-v\")\n"));
    let (code, out, error) = filter(&["check", "repository == 'a' && tga == 'v1'"], "");
    assert_eq!((code, out.as_str()), (2, ""));
    let expected = "tagcast: unknown field 'tga'; did you mean 'tag'?\n  repository == 'a' && tga == 'v1'\n  \
                    \u{20}                    ^^^\n  hint: tag\n";
    assert_eq!(error, expected);
    let (code, _, error) = filter(&["check", r#"{"tag":{"startWith":"v"}}"#], "");
    assert_eq!(code, 2);
    assert!(error.contains("at /tag/startWith"), "{error}");
}

#[test]
fn explain_says_which_condition_decided() {
    let (code, out, _) = filter(&["explain", "repository == 'team/app' && tag.startsWith('v')"], EVENT);
    assert_eq!((code, out.as_str()), (1, "does not match: tag.startsWith('v'), value \"latest\"\n"));
    let (code, out, _) = filter(&["explain", "tag == 'latest'", "-"], EVENT);
    assert_eq!((code, out.as_str()), (0, "matches: tag == 'latest', value \"latest\"\n"));
    let (code, _, error) = filter(&["explain", "true"], "");
    assert_eq!((code, error.as_str()), (2, "tagcast: one event is explained, and there are 0\n"));
}

#[test]
fn test_prints_which_events_of_a_file_match() {
    let event = |tag: &str| json!({"details": {"repository_name": "team/app", "tag": tag}});
    let envelope = json!({"messages": [event("v1"), event("latest")]});
    let lines = format!("{}\n{envelope}\n{}\n", event("v0"), event("edge"));
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), lines).expect("it is written");
    let path = file.path().to_str().expect("a path");
    let (code, out, _) = filter(&["test", "tag.startsWith('v')", path], "");
    let expected = "1: CreateImageTag team/app:v0\n2: CreateImageTag team/app:v1\n2 of 4 events match\n";
    assert_eq!((code, out.as_str()), (0, expected));
    let (code, out, _) = filter(&["test", "tag == 'x'", path], "");
    assert_eq!((code, out.as_str()), (1, "0 of 4 events match\n"));
    let (code, _, error) = filter(&["test", "true", "-"], "{\"details\":{\"tag\":5}}");
    assert_eq!(code, 2);
    assert!(error.contains("standard input: event 1:"), "{error}");
}
