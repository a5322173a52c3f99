//! Names with several addresses, of which not all live, and name servers that are silent.

use std::process::{Command, Stdio};

use serde_json::json;

use super::{make, send, until};
use crate::support::fault::{DeadAddress, names};
use crate::support::gateway::Gateway;
use crate::support::notification::new_image;
use crate::support::target::Target;

/// A target beside two dead addresses of the same port, and the environment in which names lead there.
fn beside_dead_ones(port: &str) -> ([DeadAddress; 2], [(&'static str, String); 2]) {
    let dead = ["127.0.0.8", "127.0.0.9"].map(|ip| DeadAddress::at(format!("{ip}:{port}").parse().unwrap()));
    let told = "several.example=127.0.0.8,127.0.0.9,127.0.0.1;dead.example=127.0.0.8;\
                one-inside.example=127.0.0.1,10.0.0.1;slow.example=~1500,127.0.0.1;silent.example=~4000,127.0.0.1";
    (dead, names(told))
}

fn port(url: &str) -> String {
    url.rsplit(':').next().unwrap().split('/').next().unwrap().to_owned()
}

fn gateway(environment: &[(&'static str, String)]) -> Gateway {
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Gateway::within(super::LOOPBACK, None, &environment)
}

#[test]
fn a_dead_address_keeps_no_delivery_from_the_ones_that_live() {
    let target = Target::start();
    let port = port(&target.url);
    let (_dead, environment) = beside_dead_ones(&port);
    let gateway = gateway(&environment);
    let definition = |host: &str, timeout: &str| {
        let url = format!("http://{host}.example:{port}/{host}");
        json!({"filter": {"type": "CreateImageTag"}, "batch": {"cutoff": 0},
               "target": {"http": {"url": url, "timeout": timeout}}, "retry": {"attempts": 1}})
    };
    for (host, timeout) in
        [("several", "10s"), ("slow", "10s"), ("dead", "1s"), ("silent", "1s"), ("one-inside", "10s")]
    {
        let made = send(&gateway, "PUT", &format!("/v1/triggers/{host}"), &definition(host, timeout));
        assert_eq!(made.status, 201, "{made:?}");
    }
    gateway.notify(new_image(1));
    let mut came: Vec<_> = target.wait(2).into_iter().map(|request| request.path).collect();
    came.sort();
    assert_eq!(came, ["/several", "/slow"]);
    // What failed says at which step.
    for (host, code) in
        [("dead", "target_connect"), ("silent", "target_name"), ("one-inside", "target_blocked")]
    {
        until(code, || {
            let log = gateway.get(&format!("/v1/triggers/{host}/log?outcome=triggered")).json();
            log["rows"][0]["delivery"]["failure"] == code
        });
    }
    assert_eq!(target.connections(), 2);
}

#[test]
fn the_commands_find_the_address_that_lives() {
    let hosts = "[http]\nhosts = ['several.example']\n";
    let gateway = Gateway::with_settings(&format!("{}{hosts}", super::LOOPBACK));
    let port = port(&gateway.url());
    let (_dead, environment) = beside_dead_ones(&port);
    let url = format!("http://several.example:{port}");
    gateway.notify(new_image(1));
    make(&gateway, &json!({"target": {"feed": "f"}}));
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagcast"));
        command.args(arguments).args(["--url", &url]).envs(environment.iter().cloned());
        command.stdout(Stdio::piped()).spawn().expect("it is built")
    };
    let list = run(&["trigger", "list"]).wait_with_output().unwrap();
    assert!(
        list.status.success()
            && list.stdout.starts_with(b"NAME ")
            && String::from_utf8_lossy(&list.stdout).contains("\nt "),
        "{list:?}"
    );
    let mut watch = run(&["watch", "--after", "earliest"]);
    let mut line = String::new();
    let mut out = std::io::BufReader::new(watch.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    let _ = watch.kill();
    let _ = watch.wait();
    assert!(line.contains("\"tag\":\"v1\"") || line.contains("team/app"), "{line}");
}
