//! `tagcast watch`, as a script uses it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::support::client::{Client, brief};
use crate::support::gateway::Gateway;
use crate::support::notification::{body, new_image, push};

fn watch(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagcast"));
    command.arg("watch").args(arguments);
    command
}

/// A watcher whose lines are read as they come.
struct Watcher {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Watcher {
    fn start(arguments: &[&str]) -> Self {
        let mut process = watch(arguments).stdout(Stdio::piped()).spawn().expect("it runs");
        let lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        Self { process, lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("a line").expect("text")
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn in_a_pipe_it_prints_one_event_a_line_and_survives_a_restart() {
    let mut gateway = Gateway::start();
    gateway.notify(new_image(0));
    let arguments =
        ["--url", &gateway.url(), "--after", "earliest", "--batch-cutoff", "0", "type == 'CreateImageTag'"];
    let mut watcher = Watcher::start(&arguments);
    let mut seen = vec![watcher.line()];
    for n in 1..4 {
        if n % 2 == 0 {
            gateway.terminate();
        } else {
            gateway.kill();
        }
        gateway.start_again();
        gateway.notify(new_image(n));
        seen.push(watcher.line());
    }
    let tags: Vec<_> =
        seen.iter().map(|line| brief(&serde_json::from_str::<Value>(line).expect("JSON"))).collect();
    for (n, tag) in tags.iter().enumerate() {
        assert!(tag.starts_with(&format!("CreateImageTag team/app:v{n} ")), "{tags:?}");
    }
}

#[test]
fn as_a_table_it_prints_what_matters() {
    let gateway = Gateway::start();
    gateway.notify(new_image(7));
    let mut watcher =
        Watcher::start(&["--url", &gateway.address, "--after", "earliest", "--format", "table"]);
    assert!(
        watcher
            .line()
            .starts_with("2026-11-22T03:54:15  CreateImage     hub.example.com/team/app:v7  sha256:")
    );
}

#[test]
fn a_wrong_filter_is_shown_with_its_place() {
    let gateway = Gateway::start();
    let output = watch(&["--url", &gateway.url(), "tag = 'v1'"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(text, "tagcast: unexpected '='; to compare write '=='\n  tag = 'v1'\n      ^\n");
}

#[test]
fn exit_codes_tell_why_it_ended() {
    let code = |arguments: &[&str]| watch(arguments).output().expect("it runs").status.code();
    assert_eq!(code(&["--url", "127.0.0.1:1", "--no-retry"]), Some(1));
    assert_eq!(code(&["--url", "ftp://nowhere"]), Some(2));
    let gateway =
        Gateway::with_settings(&format!("[[readers]]\nname = \"a\"\ntoken = \"{}\"\n", "x".repeat(32)));
    assert_eq!(code(&["--url", &gateway.url()]), Some(3));
    assert_eq!(code(&["--url", &gateway.url(), "--token", "wrong"]), Some(3));
}

#[test]
fn a_reader_with_a_token_sees_its_cloud_alone() {
    let token = "0123456789abcdef0123456789abcdef";
    let settings = format!(
        "[[readers]]\nname = \"one\"\ntoken = \"{token}\"\ncloud = \"c1\"\n\
         [[sources]]\nname = \"s1\"\nkind = \"distribution\"\ncloud = \"c1\"\n\
         [[sources]]\nname = \"s2\"\nkind = \"distribution\"\ncloud = \"c2\"\n"
    );
    let gateway = Gateway::with_settings(&settings);
    let (status, body) = Client::refused(&gateway.websocket_url("?filter=true"));
    assert_eq!((status, body["error"]["code"].as_str()), (401, Some("unauthenticated")));
    // What it must not see stands in the log before what it waits for.
    gateway.post("/v1/sources/s2/events", new_image(1));
    gateway.post("/v1/sources/s1/events", new_image(2));
    let mut watcher = Watcher::start(&[
        "--url",
        &gateway.address,
        "--after",
        "earliest",
        "--token",
        token,
        "cloud_id == 'c1' || cloud_id == 'c2'",
    ]);
    for _ in 0..2 {
        let line = watcher.line();
        assert!(line.contains("\"cloud_id\":\"c1\""), "{line}");
    }
}

#[test]
fn a_closed_pipe_is_a_quiet_end() {
    let gateway = Gateway::start();
    for n in 0..50 {
        gateway.notify(new_image(n));
    }
    let mut head = Watcher::start(&["--url", &gateway.url(), "--after", "earliest"]);
    head.line();
    let Watcher { process, lines } = &mut head;
    drop(std::mem::replace(lines, BufReader::new(empty()).lines()));
    for n in 50..60 {
        gateway.notify(new_image(n));
    }
    assert_eq!(process.wait().expect("it ends").code(), Some(0));
}

#[test]
fn output_that_cannot_be_written_is_no_quiet_end() {
    let gateway = Gateway::start();
    gateway.notify(new_image(0));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("it is there");
    let mut command = watch(&["--url", &gateway.url(), "--after", "earliest"]);
    let ended = command.stdout(full).stderr(Stdio::piped()).output().expect("it runs");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(74), "{said}");
    assert!(said.contains("standard output: No space left"), "{said}");
}

/// A pipe with nothing in it.
fn empty() -> ChildStdout {
    let mut nothing = Command::new("true").stdout(Stdio::piped()).spawn().expect("true");
    let _ = nothing.wait();
    nothing.stdout.take().expect("it is piped")
}

/// What a stranger may push: a name that reads as another, and an actor who would clear the screen.
const SPOOFED: &str = "v1\u{202e}gpj\u{200b}";

#[test]
fn names_neither_steer_a_terminal_nor_read_as_others() {
    let gateway = Gateway::start();
    let mut push = push("n", "team/app", SPOOFED, "image");
    push["actor"]["name"] = "bot\u{1b}[2J\u{9b}2J".into();
    gateway.notify(body(&[push]));
    let filter = "type == 'CreateImageTag'";
    let table = ["--url", &gateway.url(), "--after", "earliest", "--format", "table", filter];
    let line = Watcher::start(&table).line();
    assert!(line.contains("team/app:v1[U+202E]gpj[U+200B]  sha256:"), "{line:?}");
    assert!(!line.chars().any(char::is_control), "{line:?}");
    // A pipe gets the event as it is.
    let json = ["--url", &gateway.url(), "--after", "earliest", filter];
    let event: Value = serde_json::from_str(&Watcher::start(&json).line()).expect("JSON");
    assert_eq!(event["details"]["tag"], SPOOFED);
}

#[test]
fn on_a_terminal_json_is_readable_too() {
    let gateway = Gateway::start();
    gateway.notify(body(&[push("n", "team/app", SPOOFED, "image")]));
    // A terminal of its own, by util-linux.
    let program = env!("CARGO_BIN_EXE_tagcast");
    let command =
        format!("{program} watch --url {} --after earliest --format json --no-retry", gateway.url());
    let mut script = Command::new("script");
    let script = script.args(["--quiet", "--flush", "--command", &command, "/dev/null"]);
    let mut process = script.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("script");
    let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
    let line =
        lines.find_map(|line| line.ok().filter(|line| line.contains("CreateImageTag"))).expect("an event");
    assert!(line.contains("v1\\u202egpj\\u200b") && !line.contains('\u{202e}'), "{line:?}");
    let event: Value = serde_json::from_str(line.trim()).expect("JSON");
    assert_eq!(event["details"]["tag"], SPOOFED);
    let _ = process.kill();
    let _ = process.wait();
}
