//! Two readers are two; and who reads `/metrics`.

use std::net::TcpListener;
use std::process::Command;

use crate::support::gateway::Gateway;
use crate::support::http::{request, try_request};
use crate::support::until;

/// The gateway does not start with these settings; what it says.
fn refused(settings: &str) -> String {
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("settings.toml");
    std::fs::write(&file, settings).expect("the settings");
    let mut serve = Command::new(env!("CARGO_BIN_EXE_tagcast"));
    serve.args(["serve", "--data-dir"]).arg(place.path().join("data")).arg("--config").arg(file);
    let output = serve.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78), "{said}");
    said
}

fn reader(name: &str, token: &str) -> String {
    format!("[[readers]]\nname = \"{name}\"\ntoken = \"{token}\"\n")
}

#[test]
fn two_readers_of_one_name_or_token_are_refused_at_the_start() {
    let (one, two) = ("1".repeat(32), "2".repeat(32));
    let said = refused(&(reader("a", &one) + &reader("a", &two)));
    assert!(said.contains("two readers are called 'a'"), "{said}");
    let said = refused(&(reader("a", &one) + &reader("b", &two) + &reader("c", &one)));
    assert!(said.contains("'a' and 'c' have the same token"), "{said}");
    assert!(!said.contains(&one), "{said}");
    Gateway::with_settings(&(reader("a", &one) + &reader("b", &two)));
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

#[test]
fn metrics_are_open_where_they_have_a_listener_of_their_own() {
    let (token, port) = ("1".repeat(32), free_port());
    let settings = format!("[http]\nmetrics_listen = \"127.0.0.1:{port}\"\n{}", reader("a", &token));
    let mut gateway = Gateway::with_settings(&settings);
    assert_eq!(gateway.get("/metrics").code(), "unauthenticated");
    let own = format!("127.0.0.1:{port}");
    let metrics = request(&own, "GET", "/metrics", &[], b"");
    assert!(metrics.status == 200 && metrics.body.contains("tagcast_commits_total"), "{metrics:?}");
    assert!(metrics.head.contains("application/openmetrics-text"), "{}", metrics.head);
    assert_eq!(request(&own, "HEAD", "/metrics", &[], b"").status, 200);
    for path in ["/", "/v1/server", "/healthz", "/v1/events", "/metrics/x"] {
        assert_eq!(request(&own, "GET", path, &[], b"").code(), "not_found", "{path}");
    }
    assert_eq!(request(&own, "POST", "/metrics", &[], b"").code(), "method_not_allowed");
    assert_eq!(gateway.terminate(), Some(0));
    until("it ends with the gateway", || try_request(&own, "GET", "/metrics", &[], b"").is_err());
}

#[test]
fn metrics_do_not_listen_where_the_gateway_does() {
    let said = refused("listen = \"127.0.0.1:8080\"\n[http]\nmetrics_listen = \"127.0.0.1:8080\"\n");
    assert!(said.contains("http.metrics_listen: must be another address than listen"), "{said}");
}
