//! Threads that wait: name servers that are silent hold up nobody else.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::fault::names;
use crate::support::gateway::Gateway;
use crate::support::http::request;
use crate::support::notification::new_image;
use crate::support::target::Target;
use crate::support::until;

/// Triggers whose names never resolve; more than look-ups at once.
const SILENT: usize = 40;

#[test]
fn silent_name_servers_hold_up_neither_the_store_nor_another_target() {
    let mut told = String::new();
    for n in 0..SILENT {
        let _ = write!(told, "n{n}.silent.example=~600000,127.0.0.1;");
    }
    let environment = names(&format!("{told}live.test=127.0.0.1"));
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // Pages are read from disk.
    let settings = "[log]\nmemory = '1KiB'\n[targets]\nallow_networks = ['127.0.0.0/8']\n";
    let mut gateway = Gateway::within(settings, None, &environment);
    let target = Target::start();
    let port =
        target.url.rsplit(':').next().and_then(|rest| rest.split('/').next()).expect("a port").to_owned();
    let make = |name: &str, host: &str| {
        let body = json!({"filter": {"type": "CreateImageTag"}, "batch": {"cutoff": 0},
            "target": {"http": {"url": format!("http://{host}:{port}/{name}"), "timeout": "1s"}}});
        let path = format!("/v1/triggers/{name}");
        let made = request(&gateway.address, "PUT", &path, &[], body.to_string().as_bytes());
        assert_eq!(made.status, 201, "{}", made.body);
    };
    for n in 0..SILENT {
        make(&format!("silent-{n}"), &format!("n{n}.silent.example"));
    }
    gateway.notify(new_image(1));
    // Also those that found no place fail by themselves, and say at which step.
    for n in 0..SILENT {
        until("its name is not found", || {
            let log = gateway.get(&format!("/v1/triggers/silent-{n}/log?outcome=triggered")).json();
            log["rows"][0]["delivery"]["failure"] == "target_name"
        });
    }
    make("live", "live.test");
    let began = Instant::now();
    assert_eq!(gateway.notify(new_image(2)).status, 200);
    assert_eq!(gateway.get("/v1/events?after=earliest").status, 200);
    target.wait(1);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let began = Instant::now();
    assert_eq!(gateway.terminate(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}
