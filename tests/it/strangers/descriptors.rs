//! Descriptors: who takes them all, or tries to, takes none from the store and from a registry.
//!
//! `TAGCAST_SILENT_SOCKETS=20000` tries so many.

use std::collections::VecDeque;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::gateway::{Gateway, Launch};
use crate::support::http::{Answer, request, try_request};
use crate::support::notification::{body, push};
use crate::support::until;

const TOKEN: &str = "Bearer 0123456789abcdef0123456789abcdef";
const SETTINGS: &str = "
[log]
segment = '64KiB'
max_size = '512MiB'
[[readers]]
name = 'one'
token = '0123456789abcdef0123456789abcdef'
admin = true
[[sources]]
name = 'distribution'
kind = 'distribution'
credentials = [{ header = 'Authorization', value = 'Bearer a-long-secret-of-a-source' }]
";
/// Connections that are tried, and of so many descriptors.
const FEW: usize = 300;
const LIMIT: &str = "ulimit -n 256";

fn start() -> Gateway {
    Gateway::launched(SETTINGS, None, &[], Launch { first: LIMIT, ..Launch::default() })
}

/// One notification of a registry, on a connection of its own.
fn notify(gateway: &Gateway, n: usize) -> Answer {
    let headers = [("Authorization", "Bearer a-long-secret-of-a-source")];
    let told = body(&[push(&n.to_string(), "team/app", &format!("t{n}"), &n.to_string())]);
    request(&gateway.address, "POST", "/v1/sources/distribution/events", &headers, told.as_ref())
}

fn metric(gateway: &Gateway, name: &str) -> f64 {
    let answer = request(&gateway.address, "GET", "/metrics", &[("Authorization", TOKEN)], b"");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let value = answer.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0.0, |value| value.trim().parse().expect("a number"))
}

#[test]
fn silent_sockets_keep_no_registry_out() {
    let many = std::env::var("TAGCAST_SILENT_SOCKETS").map_or(FEW, |count| count.parse().expect("a number"));
    let launch = Launch { first: if many > FEW { "true" } else { LIMIT }, ..Launch::default() };
    let gateway = Gateway::launched(SETTINGS, None, &[], launch);
    let mut silent = VecDeque::new();
    for n in 0..many {
        // Those were closed long ago; this process has no more descriptors than others.
        if silent.len() == 4_000 {
            silent.pop_front();
        }
        silent.push_back(TcpStream::connect(&gateway.address).expect("it listens"));
        if n % (many / 20) == 0 {
            let began = Instant::now();
            let answer = notify(&gateway, n);
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert!(began.elapsed() < Duration::from_secs(1), "{:?} with {n} silent", began.elapsed());
        }
    }
    let most = if many > FEW { 1_000.0 } else { 16.0 };
    assert!(metric(&gateway, "tagcast_unproven_connections") <= most);
    assert!(metric(&gateway, "tagcast_connections_cut_for_room_total{code=\"unproven\"}") > 0.0);
    drop(silent);
    until("who has gone is not counted", || metric(&gateway, "tagcast_unproven_connections") <= 1.0);
}

#[test]
fn readers_leave_the_store_its_files() {
    let mut gateway = start();
    let upgrade = format!(
        "GET /v1/ws?filter=true HTTP/1.1\r\nHost: {}\r\nAuthorization: {TOKEN}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        gateway.address
    );
    let mut statuses = Vec::new();
    let mut open = Vec::new();
    for n in 0..FEW - 50 {
        let mut tcp = TcpStream::connect(&gateway.address).expect("it listens");
        tcp.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        tcp.write_all(upgrade.as_bytes()).expect("it is sent");
        let mut line = [0; 12];
        tcp.read_exact(&mut line).expect("an answer");
        statuses.push(String::from_utf8_lossy(&line[9..]).into_owned());
        open.push(tcp);
        if n % 20 == 0 {
            assert_eq!(notify(&gateway, n).status, 200, "with {n} readers");
        }
    }
    // Of 64 accepts 16 are for those who have shown nothing.
    assert_eq!(statuses.iter().filter(|status| *status == "101").count(), 48);
    assert!(statuses[48..].iter().all(|status| status == "503"), "{statuses:?}");
    // Segments and journals come and go.
    for n in FEW..FEW + 200 {
        assert_eq!(notify(&gateway, n).status, 200, "{n}");
    }
    assert_eq!(gateway.terminate(), Some(0));
}

#[test]
fn who_has_shown_a_token_is_not_sent_away_for_strangers() {
    let gateway = start();
    let mut known = TcpStream::connect(&gateway.address).expect("it listens");
    let mut ask = |path: &str| {
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: {TOKEN}\r\n\r\n", gateway.address);
        known.write_all(head.as_bytes()).expect("it is sent");
        let mut answer = [0; 512];
        let read = known.read(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer[..read]).into_owned()
    };
    assert!(ask("/v1/connections/none").starts_with("HTTP/1.1 404"));
    let silent: Vec<_> =
        (0..FEW / 3).map(|_| TcpStream::connect(&gateway.address).expect("it listens")).collect();
    until("strangers are sent away", || {
        metric(&gateway, "tagcast_connections_cut_for_room_total{code=\"unproven\"}") > 0.0
    });
    assert!(ask("/v1/connections/none").starts_with("HTTP/1.1 404"));
    drop(silent);
}

#[test]
fn the_soft_limit_is_raised_to_the_hard_one() {
    let launch = Launch { first: "ulimit -S -n 100 && ulimit -H -n 512", ..Launch::default() };
    let gateway = Gateway::launched("", None, &[], launch);
    let limits = fs::read_to_string(format!("/proc/{}/limits", gateway.pid())).expect("its limits");
    let files = limits.lines().find(|line| line.starts_with("Max open files")).expect("of files");
    assert_eq!(files.split_whitespace().skip(3).take(2).collect::<Vec<_>>(), ["512", "512"]);
    assert_eq!(try_request(&gateway.address, "GET", "/healthz", &[], b"").expect("an answer").status, 200);
}
