//! Nobody reads standard error: the gateway goes on, drops lines, counts them, and ends when it is told to.

use std::io::Read as _;
use std::time::{Duration, Instant};

use crate::support::gateway::{Gateway, Launch};
use crate::support::http::request;
use crate::support::until;

const SETTINGS: &str = "
[[sources]]
name = 'distribution'
kind = 'distribution'
credentials = [{ header = 'Authorization', value = 'Bearer a-long-random-secret-of-a-source' }]
";

fn unread(settings: &str, log: &str) -> Gateway {
    let launch = Launch { unread: true, ..Launch::default() };
    Gateway::launched(settings, None, &[("TAGCAST_LOG", log)], launch)
}

/// Ends it, and returns what it wrote.
fn end(mut gateway: Gateway) -> String {
    let mut diagnostics = gateway.take_diagnostics();
    let began = Instant::now();
    assert_eq!(gateway.terminate(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let mut text = String::new();
    diagnostics.read_to_string(&mut text).expect("text");
    text
}

/// Each of these signals makes a line. A pipe holds 64 KiB, and as much as 2 MiB may wait.
fn flood(gateway: &Gateway) {
    until("lines are dropped", || {
        for _ in 0..1_000 {
            gateway.poke();
        }
        gateway.count("tagcast_diagnostics_dropped_total") > 0
    });
}

#[test]
fn nobody_waits_for_a_reader_of_diagnostics() {
    let gateway = unread("", "info");
    flood(&gateway);
    assert_eq!(gateway.notify("{\"events\":[]}").status, 200);
    let text = end(gateway);
    assert!(text.len() >= 32 << 10 && text.len() < 3 << 20, "{}", text.len());
}

#[test]
fn who_reads_again_is_told_what_was_dropped() {
    let mut gateway = unread("", "info");
    flood(&gateway);
    let mut diagnostics = gateway.take_diagnostics();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        diagnostics.read_to_string(&mut text).expect("text");
        text
    });
    assert_eq!(gateway.terminate(), Some(0));
    let text = reader.join().expect("it ends with the gateway");
    assert!(text.contains("nobody read the diagnostics"), "{} bytes", text.len());
    assert!(text.contains("stopping"), "those that came later are there");
}

#[test]
fn what_strangers_cause_comes_once_a_minute() {
    let gateway = unread(SETTINGS, "info");
    for _ in 0..310 {
        let wrong = [("Authorization", "Bearer wrong")];
        let answer = request(&gateway.address, "POST", "/v1/sources/distribution/events", &wrong, b"{}");
        assert!([401, 429].contains(&answer.status), "{}", answer.status);
    }
    let text = end(gateway);
    assert_eq!(text.matches("not its own").count(), 1, "{text}");
}
