//! `tagcast forward` and `tagcast trigger`: the command line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{definition, gateway, until};
use crate::support::gateway::Gateway;
use crate::support::notification::new_image;
use crate::support::target::{Reply, Target};

struct Forward(Child);

impl Forward {
    fn start(gateway: &Gateway, target: &Target, place: &Path, more: &[&str]) -> Self {
        Self::from(&gateway.url(), target, place, more)
    }

    fn from(url: &str, target: &Target, place: &Path, more: &[&str]) -> Self {
        let process = Command::new(env!("CARGO_BIN_EXE_tagcast"))
            .args(["forward", "--url", url, "--to", &target.url, "--position"])
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

/// A way to a gateway that turns the first who comes away with a 429 for a second, and tells when each came.
fn busy_at_first(gateway: &Gateway) -> (String, Receiver<Instant>) {
    let (listener, gateway) = (TcpListener::bind("127.0.0.1:0").unwrap(), gateway.address.clone());
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, came) = channel();
    std::thread::spawn(move || {
        for (n, client) in listener.incoming().map(Result::unwrap).enumerate() {
            tell.send(Instant::now()).unwrap();
            if n == 0 {
                turn_away(client);
            } else {
                pass_on(client, TcpStream::connect(&gateway).unwrap());
            }
        }
    });
    (url, came)
}

fn turn_away(mut client: TcpStream) {
    let mut lines = BufReader::new(client.try_clone().unwrap()).lines();
    while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
    let body = r#"{"error":{"code":"handshake_rate","message":"too many handshakes from this address"}}"#;
    let head = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Type: application/json";
    write!(client, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
}

fn pass_on(mut client: TcpStream, mut gateway: TcpStream) {
    let (mut from_gateway, mut to_client) = (gateway.try_clone().unwrap(), client.try_clone().unwrap());
    std::thread::spawn(move || std::io::copy(&mut client, &mut gateway));
    std::thread::spawn(move || std::io::copy(&mut from_gateway, &mut to_client));
}

#[test]
fn it_waits_out_a_gateway_that_has_too_much_to_do() {
    let (gateway, directory) = (gateway(), tempfile::tempdir().unwrap());
    gateway.notify(new_image(1));
    let target = Target::start();
    let (url, came) = busy_at_first(&gateway);
    let _forward = Forward::from(&url, &target, &directory.path().join("place"), &["--after", "earliest"]);
    target.wait(1);
    let (first, second) = (came.recv().unwrap(), came.recv().unwrap());
    assert!(second - first >= Duration::from_secs(1), "it came back before Retry-After was over");
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
