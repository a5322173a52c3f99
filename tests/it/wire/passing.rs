//! What a proxy says while the gateway behind it is replaced is waited out; what is final is told with its reason.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

use crate::support::client::Client;
use crate::support::gateway::Gateway;
use crate::support::notification::new_image;
use crate::support::relay::Relay;
use crate::support::target::{Reply, Target};
use crate::support::until;

const PAGE: &str = "<html><body>Back soon</body></html>";

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn tagcast(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagcast"));
    command.args(arguments).env_remove("TAGCAST_URL").env_remove("TAGCAST_TOKEN");
    command
}

#[test]
fn a_watch_waits_until_the_gateway_is_back() {
    let gateway = Gateway::start();
    gateway.notify(new_image(1));
    let ours = r#"{"error":{"code":"shutting_down","message":"the gateway is stopping"}}"#;
    let rollouts = [
        [(404, "", PAGE), (502, "", PAGE)],
        [(200, "", PAGE), (421, "", PAGE)],
        [(302, "Location: /maintenance\r\n", ""), (408, "", "")],
        [(425, "", ""), (503, "Retry-After: 1\r\n", ours)],
        [(307, "Location: https://status.example.com/\r\n", PAGE), (404, "", r#"{"error":{"code":404}}"#)],
    ];
    let watches = rollouts.map(|answers| {
        let relay = Relay::answering(&gateway.address, &answers);
        let arguments = ["watch", "--url", &relay.address, "--after", "earliest", "--batch-cutoff", "0"];
        let process = tagcast(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        (answers, relay, Killed(process.expect("it runs")))
    });
    for (answers, relay, mut watch) in watches {
        let first = BufReader::new(watch.0.stdout.take().expect("a pipe")).lines().next();
        let first = first.unwrap_or_else(|| panic!("{answers:?}")).expect("text");
        assert!(first.contains("CreateImage"), "{answers:?}: {first}");
        assert_eq!(relay.taken(), 3, "{answers:?}");
        let said = BufReader::new(watch.0.stderr.take().expect("a pipe")).lines();
        for ((status, ..), line) in answers.iter().zip(said) {
            let line = line.expect("text");
            assert!(
                line.contains(&status.to_string()) && line.contains("connecting again"),
                "{answers:?}: {line}"
            );
        }
    }
}

#[test]
fn a_plain_request_says_why_a_handshake_was_refused() {
    let gateway = Gateway::with_settings("[connections]\ntotal = 1\n");
    let refused = || gateway.get("/v1/ws?heartbeat=10s").code();
    assert_eq!(refused(), "upgrade_required", "nothing else is wrong");
    let only = gateway.connect("?filter=true");
    assert_eq!(Client::refused(&gateway.websocket_url("")).1["error"]["code"], "overloaded");
    assert_eq!(refused(), "overloaded");
    drop(only);
    until("there is room", || refused() == "upgrade_required");
}

/// Runs to its end.
fn ends(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = tagcast(arguments).output().expect("it runs");
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn what_is_final_says_why() {
    let forbidden = r#"{"error":{"code":"host_denied","message":"not by this name"}}"#;
    let upgrade = r#"{"error":{"code":"upgrade_required","message":"connect with ws://"}}"#;
    let unknown = r#"{"error":{"code":"not_found","message":"there is nothing here"}}"#;
    for (status, headers, body, code, why) in [
        (401, "", PAGE, 3, "401 Unauthorized"),
        (403, "", forbidden, 3, "not by this name"),
        (
            308,
            "Location: https://hub.example.com/\r\n",
            PAGE,
            2,
            "308 Permanent Redirect, to https://hub.example.com/",
        ),
        (302, "Location: https://127.0.0.1/v1/ws\r\n", PAGE, 2, "302 Found, to https://127.0.0.1/v1/ws"),
        (400, "", PAGE, 2, "400 Bad Request"),
        (404, "", unknown, 2, "there is nothing here"),
        (426, "", upgrade, 2, "does not let the upgrade through"),
    ] {
        let relay = Relay::answering("127.0.0.1:1", &[(status, headers, body)]);
        let (ended, said) = ends(&["watch", "--url", &relay.address]);
        assert_eq!(ended, Some(code), "{status}: {said}");
        assert!(said.contains(why) && said.lines().count() == 1, "{status}: {said}");
    }
}

#[test]
fn commands_that_ask_once_say_who_answered_and_end_by_the_same_rule() {
    let stopping = r#"{"error":{"code":"shutting_down","message":"the gateway is stopping"}}"#;
    let unknown = r#"{"error":{"code":"not_found","message":"there is no such trigger"}}"#;
    let wrong = r#"{"error":{"code":"bad_request","message":"limit is 1 to 1000"}}"#;
    for (status, body, code, why) in [
        (404, PAGE, 1, "something else than a Tagcast gateway answers: 404 Not Found"),
        (200, PAGE, 1, "something else than a Tagcast gateway answers: 200 OK"),
        (503, stopping, 1, "the gateway answers 503 Service Unavailable: the gateway is stopping"),
        (404, unknown, 1, "there is no such trigger"),
        (400, wrong, 2, "limit is 1 to 1000"),
        (401, PAGE, 3, "something else than a Tagcast gateway answers: 401 Unauthorized"),
    ] {
        let target = Target::answering(move |_| Reply::Full(status, "", body));
        let url = target.url.trim_end_matches("/hook");
        let (ended, said) = ends(&["trigger", "--url", url, "show", "x"]);
        assert_eq!((ended, said.trim()), (Some(code), &*format!("tagcast: {why}")), "{status}");
        if status != 200 {
            let directory = tempfile::tempdir().expect("a directory");
            let copy = directory.path().join("copy").display().to_string();
            let (ended, said) = ends(&["backup", "--url", url, &copy]);
            assert_eq!((ended, said.trim()), (Some(code), &*format!("tagcast: {why}")), "{status}");
        }
    }
}
