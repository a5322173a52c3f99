//! An orderly end, and an orderly life before it: heartbeat, readiness.

use std::time::Duration;

use crate::support::client::id;
use crate::support::gateway::Gateway;
use crate::support::notification::new_image;
use crate::support::until;

#[test]
fn readers_get_their_last_batch_their_position_and_1012() {
    let mut gateway = Gateway::start();
    let mut waiting = gateway.connect("?filter=true&batch_cutoff=300s");
    waiting.subscribed();
    let mut idle = gateway.connect("?filter=tag+%3D%3D+%27never%27");
    idle.subscribed();
    gateway.notify(new_image(1));
    assert_eq!(gateway.terminate(), Some(0));
    let last = waiting.events(2);
    for client in [&mut waiting, &mut idle] {
        assert_eq!(client.wait_for("position")["position"]["event_id"], id(&last[1]).as_str());
        assert_eq!(client.wait_for_close(), (1012, "shutting_down".into()));
    }
    gateway.start_again();
    let mut resumed = gateway.connect(&format!("?filter=true&after={}", id(&last[0])));
    assert_eq!(resumed.events(1), last[1..]);
}

#[test]
fn what_tells_a_daemon_nothing_does_not_end_it() {
    let mut gateway = Gateway::start();
    let mut client = gateway.connect("?filter=true&batch_cutoff=0");
    client.subscribed();
    for (n, signal) in ["HUP", "USR1", "USR2", "PIPE", "HUP"].into_iter().enumerate() {
        gateway.signal(signal);
        assert_eq!(gateway.notify(new_image(n)).status, 200, "{signal}");
        assert_eq!(client.events(2).len(), 2, "{signal}");
    }
    assert_eq!(gateway.terminate(), Some(0));
}

#[test]
fn the_gateway_says_how_it_is() {
    let gateway = Gateway::start();
    assert_eq!((gateway.get("/healthz").status, gateway.get("/readyz").status), (200, 200));
    gateway.notify(new_image(1));
    let server = gateway.get("/v1/server").json();
    assert_eq!(server["log"]["newest"], 2);
    assert_eq!(server["position"].as_str().map(str::len), Some(20));
    assert!((gateway.metric("tagcast_events_total{event_type=\"CreateImage\"}") - 1.0).abs() < f64::EPSILON);
    let page = gateway.get("/");
    assert!(page.head.contains("text/html") && page.head.contains("content-security-policy"));
    assert!(page.body.contains("<title>Tagcast</title>") && !page.body.contains("{{"));
}

#[test]
fn a_second_gateway_on_the_same_directory_is_refused() {
    let gateway = Gateway::start();
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_tagcast"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(gateway.data_dir())
        .output()
        .expect("it runs");
    assert_eq!(second.status.code(), Some(74));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another process"));
}

#[test]
fn an_open_address_without_credentials_is_refused() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_tagcast"))
        .args(["serve", "--listen", "0.0.0.0:0"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&output.stderr).contains("readers need tokens"));
}

#[test]
fn a_silent_client_is_pinged_and_a_dead_one_is_closed() {
    let gateway = Gateway::with_settings("[connections]\nping = \"1s\"\npong = \"1s\"\n");
    let mut alive = gateway.connect("?filter=true");
    alive.subscribed();
    // Reading answers pings; not reading is being dead.
    let mut dead = gateway.connect("?filter=true");
    dead.subscribed();
    until("the dead one is closed", || {
        assert!(alive.everything_within(Duration::from_millis(100)).is_empty());
        gateway.metric("tagcast_connections_closed_total{code=\"pong_timeout\"}") > 0.5
    });
    assert_eq!(alive.closed, None);
    assert_eq!(dead.wait_for_close(), (4002, "pong_timeout".into()));
}
