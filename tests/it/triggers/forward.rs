//! `tagcast forward` and `tagcast trigger`: the command line.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::json;

use super::{definition, gateway, until};
use crate::support::gateway::Gateway;
use crate::support::notification::new_image;
use crate::support::target::{Reply, Target};

struct Forward(Child);

impl Forward {
    fn start(gateway: &Gateway, target: &Target, place: &Path, more: &[&str]) -> Self {
        let process = Command::new(env!("CARGO_BIN_EXE_tagcast"))
            .args(["forward", "--url", &gateway.url(), "--to", &target.url, "--position"])
            .arg(place)
            .args(more)
            .stderr(Stdio::null())
            .spawn();
        Self(process.expect("it is built"))
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_bot_behind_a_firewall_gets_every_event_and_goes_on_where_it_was() {
    let (gateway, directory) = (gateway(), tempfile::tempdir().unwrap());
    let place = directory.path().join("place");
    let target = Target::answering(|_| Reply::Status(200));
    let only = ["type == 'CreateImageTag'", "--after", "earliest"];
    let forward = Forward::start(&gateway, &target, &place, &only);
    gateway.notify(new_image(1));
    gateway.notify(new_image(2));
    until("both came", || target.events() == 2);
    until("it is noted", || {
        let last = target.received().last().unwrap().header("tagcast-position").to_owned();
        std::fs::read_to_string(&place).is_ok_and(|text| text.trim() >= last.as_str())
    });
    drop(forward);
    gateway.notify(new_image(3));
    let _forward = Forward::start(&gateway, &target, &place, &only);
    until("it goes on", || target.events() == 3);
    let last = target.received().pop().unwrap();
    assert_eq!(last.json()["messages"][0]["details"]["tag"], "v3");
    assert!(last.header("webhook-id").starts_with("fwd_"));
}

#[test]
fn it_speaks_the_other_forms_too() {
    let (gateway, directory) = (gateway(), tempfile::tempdir().unwrap());
    let target = Target::start();
    let place = directory.path().join("place");
    let more = ["tag == 'v1'", "--format", "alibaba", "--after", "earliest"];
    let _forward = Forward::start(&gateway, &target, &place, &more);
    gateway.notify(new_image(0));
    gateway.notify(new_image(1));
    assert_eq!(target.wait(1)[0].json()["push_data"]["tag"], "v1");
}

fn run(gateway: &Gateway, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagcast"));
    command.args(["trigger", "--url", &gateway.url()]).args(arguments).output().expect("it is built")
}

#[test]
fn triggers_from_the_command_line() {
    let (gateway, target, directory) = (gateway(), Target::start(), tempfile::tempdir().unwrap());
    let file = directory.path().join("t.json");
    let file_name = file.to_str().unwrap();
    std::fs::write(&file, definition(&target).to_string()).unwrap();
    assert!(run(&gateway, &["put", "t", file_name]).status.success());
    let list = String::from_utf8(run(&gateway, &["list"]).stdout).unwrap();
    assert!(list.starts_with("t ") && list.contains("running") && list.contains(&target.url), "{list}");
    gateway.notify(new_image(1));
    target.wait(1);
    assert!(String::from_utf8_lossy(&run(&gateway, &["pause", "t"]).stdout).contains("\"paused\""));
    assert!(run(&gateway, &["resume", "t"]).status.success());
    let log = run(&gateway, &["log", "t", "--outcome", "triggered"]).stdout;
    assert!(String::from_utf8_lossy(&log).contains("CreateImageTag"));
    assert!(run(&gateway, &["dead-letters", "t"]).status.success());
    std::fs::write(&file, json!({"target": {"http": {"url": "ftp://x/"}}}).to_string()).unwrap();
    let refused = run(&gateway, &["put", "t", file_name]);
    let why = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && why.contains("/target/http/url"), "{why}");
    assert!(run(&gateway, &["delete", "t"]).status.success());
    assert!(!run(&gateway, &["show", "t"]).status.success());
}
