//! `tagcast forward` and `tagcast trigger`: the command line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
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

#[test]
fn each_has_a_file_of_its_own_whatever_it_is_called() {
    let (gateway, directory) = (gateway(), tempfile::tempdir().unwrap());
    let files = ["hook.prod", "hook.staging", "hook", "hook.new"].map(|name| directory.path().join(name));
    let only = ["type == 'CreateImageTag'", "--after", "earliest", "--batch-size", "1"];
    let targets = [(); 4].map(|()| Target::start());
    for sent in [40, 80] {
        for n in sent - 40..sent {
            gateway.notify(new_image(n));
        }
        let start = |(file, target): (&PathBuf, &Target)| Forward::start(&gateway, target, file, &only);
        let mut all: Vec<_> = files.iter().zip(&targets).map(start).collect();
        for (target, forward) in targets.iter().zip(&mut all) {
            until("every event comes", || target.events() == sent);
            assert!(forward.0.try_wait().unwrap().is_none(), "it goes on");
        }
        for (file, target) in files.iter().zip(&targets) {
            let last = target.received().pop().unwrap().header("tagcast-position").to_owned();
            until("it is noted", || first_line(file) >= last);
        }
    }
}

fn first_line(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_default().lines().next().unwrap_or_default().to_owned()
}

/// Runs to its end; the code and what it says.
fn ends(url: &str, target: &Target, place: &Path, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new("timeout");
    command.args(["20", env!("CARGO_BIN_EXE_tagcast"), "forward", "--url", url, "--to", &target.url]);
    command.arg("--position").arg(place).args(more);
    let output = command.output().expect("it is built");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_position_is_that_of_one_forward() {
    let (gateway, directory) = (gateway(), tempfile::tempdir().unwrap());
    let (target, other) = (Target::start(), Target::start());
    let place = directory.path().join("place");
    let filter = "type == 'CreateImageTag'";
    gateway.notify(new_image(1));
    let first = Forward::start(&gateway, &target, &place, &[filter, "--after", "earliest"]);
    until("it is noted", || target.events() == 1 && !first_line(&place).is_empty());

    let (code, why) = ends(&gateway.url(), &other, &place, &[filter]);
    assert!(code == Some(1) && why.contains("in use"), "{code:?} {why}");
    drop(first);
    let url = gateway.url();
    for (url, target, filter) in
        [(&*url, &other, filter), (&*url, &target, "true"), ("http://127.0.0.1:1", &target, filter)]
    {
        let (code, why) = ends(url, target, &place, &[filter]);
        assert!(code == Some(2) && why.contains("another forward") && why.contains(&gateway.url()), "{why}");
    }
    assert!(other.received().is_empty());

    gateway.notify(new_image(2));
    let _again = Forward::start(&gateway, &target, &place, &["(type == \"CreateImageTag\")"]);
    until("it goes on", || target.events() == 2);
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

#[test]
fn nobody_who_reads_what_it_tells_is_nobody_who_holds_it_up() {
    let (gateway, directory) = (gateway(), tempfile::tempdir().unwrap());
    gateway.notify(new_image(1));
    let target = Target::start();
    let (url, _came) = busy_at_first(&gateway);
    let (_unread, mut full) = std::io::pipe().unwrap();
    // As much as a pipe holds.
    full.write_all(".".repeat(64 << 10).as_bytes()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagcast"));
    command.args(["forward", "--url", &url, "--to", &target.url, "--after", "earliest", "--position"]);
    let process = command.arg(directory.path().join("place")).stderr(full).spawn();
    let mut forward = Forward(process.expect("it is built"));
    target.wait(1);
    let pid = i32::try_from(forward.0.id()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(forward.0.wait().unwrap().code(), Some(0));
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
    let (heads, row) = list.split_once('\n').expect("a line of heads");
    assert!(heads.starts_with("NAME ") && heads.contains(" GIVEN UP "), "{list}");
    assert!(row.starts_with("t ") && row.contains("running") && row.contains(&target.url), "{list}");
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
