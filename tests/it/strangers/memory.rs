//! What a client sends, and what it does not read, costs the gateway little memory.
//!
//! `TAGCAST_WHOLE_ATTACKS=1` makes each attack as large as it was first seen, for a gateway that was built to run.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::http::request;
use crate::support::notification::{body, push};
use crate::support::until;

/// Whether attacks are as large as they can be.
fn whole() -> bool {
    std::env::var_os("TAGCAST_WHOLE_ATTACKS").is_some()
}

/// How much memory a gateway took at most since it was last asked.
struct Memory {
    process: String,
    before: usize,
}

impl Memory {
    fn of(gateway: &Gateway) -> Self {
        let process = format!("/proc/{}", gateway.pid());
        // From now on its peak is counted anew.
        fs::write(format!("{process}/clear_refs"), "5").expect("a process of ours");
        let mut memory = Self { process, before: 0 };
        memory.before = memory.read("VmRSS:");
        memory
    }

    fn read(&self, name: &str) -> usize {
        let status = fs::read_to_string(format!("{}/status", self.process)).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux tells");
        line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") << 10
    }

    /// It never grew by more than an attack may cost, and by less than `most` where the attack is a small one.
    fn assert_grew_less_than(&self, most: usize) {
        let grown = self.read("VmHWM:").saturating_sub(self.before);
        let most = if whole() { 64 << 20 } else { most };
        println!("grown by {} KiB", grown >> 10);
        assert!(grown < most, "grown by {} KiB", grown >> 10);
    }
}

/// A WebSocket of which nobody reads more than the head.
pub(super) fn websocket(gateway: &Gateway, query: &str) -> TcpStream {
    let mut tcp = TcpStream::connect(&gateway.address).expect("the gateway listens");
    // The kernel, too, takes little for whoever reads nothing.
    socket2::SockRef::from(&tcp).set_recv_buffer_size(4 << 10).expect("a buffer");
    tcp.set_write_timeout(Some(Duration::from_secs(1))).expect("a timeout");
    tcp.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let head = format!(
        "GET /v1/ws{query} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        gateway.address
    );
    tcp.write_all(head.as_bytes()).expect("it listens");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        tcp.read_exact(&mut byte).expect("an answer");
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    tcp
}

/// A client's frame, under a mask that changes nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    if let Ok(short @ 0..126) = u8::try_from(payload.len()) {
        frame.push(0x80 | short);
    } else {
        frame.push(0x80 | 0x7e);
        frame.extend(u16::try_from(payload.len()).expect("a small frame").to_be_bytes());
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Sends this again and again, up to so many bytes, or until the other end takes no more.
fn flood(tcp: &mut TcpStream, piece: &[u8], bytes: usize) {
    let many = piece.repeat((64 << 10) / piece.len() + 1);
    for _ in 0..bytes / many.len() {
        if tcp.write_all(&many).is_err() {
            return;
        }
    }
}

/// The code and the reason with which the gateway closes.
fn closed(mut tcp: TcpStream) -> (u16, String) {
    let mut all = Vec::new();
    match tcp.read_to_end(&mut all) {
        Ok(_) => {}
        // What we sent and it did not read resets the connection.
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    let at = all.windows(2).rposition(|two| two[0] == 0x88 && usize::from(two[1]) >= 2).expect("a close");
    let end = at + 2 + usize::from(all[at + 1]);
    let code = u16::from_be_bytes([all[at + 2], all[at + 3]]);
    (code, String::from_utf8_lossy(&all[at + 4..end]).into_owned())
}

#[test]
fn pings_that_nobody_reads_the_answers_of() {
    let gateway = Gateway::start();
    let mut tcp = websocket(&gateway, "");
    let memory = Memory::of(&gateway);
    flood(&mut tcp, &frame(0x89, &[b'p'; 125]), if whole() { 148 << 20 } else { 24 << 20 });
    memory.assert_grew_less_than(16 << 20);
    drop(tcp);
    until("it is closed", || gateway.metric("tagcast_connections{transport=\"websocket\"}") < 0.5);
    assert_eq!(gateway.count("tagcast_connections_closed_total{code=\"rate_limited\"}"), 1);
}

#[test]
fn control_frames_have_a_burst() {
    let gateway = Gateway::start();
    for first in [0x89, 0x8a] {
        for (count, ends) in [(19, false), (20, false), (21, true)] {
            let mut tcp = websocket(&gateway, "");
            tcp.write_all(&frame(first, b"p").repeat(count)).expect("it reads");
            if ends {
                assert_eq!(closed(tcp), (4429, "rate_limited".to_owned()), "{count} of {first:x}");
                continue;
            }
            tcp.write_all(&frame(0x81, b"{}")).expect("it reads");
            let mut answer = Vec::new();
            while !String::from_utf8_lossy(&answer).contains("bad_request") {
                let mut piece = [0; 1_024];
                let read = tcp.read(&mut piece).expect("it is open");
                assert_ne!(read, 0, "{count} of {first:x}");
                answer.extend(&piece[..read]);
            }
            assert_eq!(answer.contains(&0x8a), first == 0x89, "the newest ping, at least, is answered");
        }
    }
}

#[test]
fn a_message_has_sixteen_fragments() {
    let gateway = Gateway::with_settings("[connections]\ncompression = true\n");
    for (count, ends) in [(15, false), (16, false), (17, true)] {
        let mut tcp = websocket(&gateway, "");
        let rest = frame(0, b"").repeat(count - 2);
        let message = [frame(0x01, b"{"), rest, frame(0x80, b"}")].concat();
        tcp.write_all(&message).expect("it reads");
        if ends {
            assert_eq!(closed(tcp), (1009, "too_many_fragments".to_owned()), "{count}");
            continue;
        }
        let mut answer = [0; 512];
        let read = tcp.read(&mut answer).expect("it is open");
        assert!(String::from_utf8_lossy(&answer[..read]).contains("bad_request"), "{count}");
    }
}

#[test]
fn commands_that_nobody_reads_the_answers_of() {
    let settings = "[connections]\ncommands_per_second = 1000000\ncommands_burst = 1000000\n";
    let gateway = Gateway::with_settings(settings);
    let filter = format!("message.subject == '{}'", "x".repeat(1_900));
    let ask = json!({"subscribe": {"id": "a", "filter": filter}}).to_string();
    let leave = json!({"unsubscribe": {"id": "a"}}).to_string();
    let mut tcp = websocket(&gateway, "");
    let memory = Memory::of(&gateway);
    let both = [frame(0x81, ask.as_bytes()), frame(0x81, leave.as_bytes())].concat();
    flood(&mut tcp, &both, 24 << 20);
    memory.assert_grew_less_than(16 << 20);
}

/// Posts so many bodies of a thousand events each.
fn fill(gateway: &Gateway, bodies: usize) {
    for n in 0..bodies {
        let pushes: Vec<_> = (0..500)
            .map(|m| push(&format!("{n}.{m}"), "team/app", &format!("v{n}.{m}"), &format!("{n}.{m}")))
            .collect();
        let answer = gateway.notify(body(&pushes));
        assert_eq!(answer.json()["accepted"], 1_000, "{} {}", answer.status, answer.body);
    }
}

/// What waits for each connection.
fn queued(gateway: &Gateway) -> Vec<u64> {
    let page: Value = gateway.get("/v1/connections?limit=1000").json();
    let connections = page["connections"].as_array().expect("a list");
    connections.iter().map(|one| one["queued"]["bytes"].as_u64().expect("a number")).collect()
}

#[test]
fn replays_that_nobody_reads() {
    // Little of the log is in memory, so that who reads it has copies of its own.
    let gateway = Gateway::with_settings(
        "[log]\nmemory = \"1MiB\"\n[[sources]]\nname = \"distribution\"\nkind = \"distribution\"\n\
         rate = 1000000\nburst = 1000000\n",
    );
    let bodies = if whole() { 100 } else { 10 };
    fill(&gateway, bodies);
    // What the store keeps for itself is there before.
    let mut reader = gateway.connect("?filter=true&after=earliest&batch_size=5000");
    assert_eq!(reader.events(1_000 * bodies).len(), 1_000 * bodies);
    drop(reader);
    until("it is gone", || queued(&gateway).is_empty());
    let memory = Memory::of(&gateway);
    let subscribe = |id: usize| {
        let ask = json!({"subscribe": {"id": id.to_string(), "filter": true, "after": "earliest"}});
        frame(0x81, ask.to_string().as_bytes())
    };
    let all: Vec<u8> = (0..30).flat_map(subscribe).collect();
    let count = if whole() { 60 } else { 12 };
    let attackers: Vec<_> = (0..count)
        .map(|_| {
            let mut tcp = websocket(&gateway, "");
            tcp.write_all(&all).expect("it reads");
            tcp
        })
        .collect();
    let waits = |queued: &[u64]| queued.len() == count && queued.iter().all(|bytes| *bytes > 0);
    until("something waits for each", || waits(&queued(&gateway)));
    // Whatever else they read would be there by now.
    until("they read no more", || {
        let before = memory.read("VmRSS:");
        std::thread::sleep(Duration::from_millis(300));
        memory.read("VmRSS:").abs_diff(before) < 1 << 20
    });
    memory.assert_grew_less_than(40 << 20);
    let counted = gateway.count("tagcast_outbox_bytes");
    let sum: u64 = queued(&gateway).iter().sum();
    assert!(counted > 0 && sum <= (512 << 10) * count as u64, "{counted} {sum}");
    drop(attackers);
    until("what waited is let go of", || gateway.count("tagcast_outbox_bytes") == 0);
}

/// A request of which nobody reads the answer.
fn ask(gateway: &Gateway, request: &[u8]) -> TcpStream {
    let mut tcp = TcpStream::connect(&gateway.address).expect("the gateway listens");
    socket2::SockRef::from(&tcp).set_recv_buffer_size(4 << 10).expect("a buffer");
    tcp.set_write_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    tcp.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    // Who is refused may be cut off while it sends.
    let _ = tcp.write_all(request);
    tcp
}

/// The status of an answer that nobody has read yet.
fn status(mut tcp: &TcpStream) -> u16 {
    let mut head = [0; 12];
    tcp.read_exact(&mut head).map_or(0, |()| String::from_utf8_lossy(&head[9..]).parse().expect("a status"))
}

const SIGNED: &str = "[[sources]]\nname = \"hub\"\nkind = \"ghcr\"\ncredentials = [{ signature = \"a secret of a source\" }]\n\
    [[sources]]\nname = \"distribution\"\nkind = \"distribution\"\n\
    credentials = [{ header = \"Authorization\", value = \"Bearer a-secret-of-a-source\" }]\n";

#[test]
fn bodies_of_whoever_showed_no_secret() {
    let gateway = Gateway::with_settings(SIGNED);
    let memory = Memory::of(&gateway);
    let all_but_one = vec![b'x'; (2 << 20) - 1];
    let head = |rest: &str| {
        let host = &gateway.address;
        format!(
            "POST /v1/sources/hub/events HTTP/1.1\r\nHost: {host}\r\nX-Hub-Signature-256: sha256=00\r\n{rest}\r\n\r\n"
        )
    };
    let announced = [head("Content-Length: 2097152").as_bytes(), &all_but_one].concat();
    let chunked = [head("Transfer-Encoding: chunked").as_bytes(), b"200000\r\n", &all_but_one].concat();
    let count = if whole() { 200 } else { 40 };
    let mut attackers: Vec<_> =
        (0..count).map(|n| ask(&gateway, if n % 2 == 0 { &announced } else { &chunked })).collect();
    // Those with a place are silent; the others are refused at once.
    let refused = |tcp: &TcpStream| {
        tcp.set_nonblocking(true).expect("a socket");
        let answered = tcp.peek(&mut [0; 12]).is_ok_and(|bytes| bytes == 12);
        tcp.set_nonblocking(false).expect("a socket");
        answered
    };
    let waiting = || attackers.iter().filter(|tcp| !refused(tcp)).count();
    until("one address has its share", || waiting() <= 8);
    memory.assert_grew_less_than(32 << 20);
    let counted = gateway.count("tagcast_http_body_bytes");
    assert!((1 << 20..=8 << 20).contains(&counted), "{counted}");
    let refused: Vec<_> = attackers.iter().filter(|tcp| refused(tcp)).map(status).collect();
    assert!(refused.iter().all(|status| *status == 503), "{refused:?}");
    // Who shows a secret has room, as large as it may be.
    let pad = "x".repeat((2 << 20) - 30);
    let headers = [("Authorization", "Bearer a-secret-of-a-source")];
    let body = format!("{{\"events\":[],\"pad\":\"{pad}\"}}");
    let answer =
        request(&gateway.address, "POST", "/v1/sources/distribution/events", &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    attackers.clear();
    until("what was held is let go of", || gateway.count("tagcast_http_body_bytes") == 0);
}

#[test]
fn a_body_that_is_announced_takes_no_room_before_it_comes() {
    let gateway = Gateway::with_settings(SIGNED);
    let head = format!(
        "POST /v1/sources/hub/events HTTP/1.1\r\nHost: {}\r\nX-Hub-Signature-256: sha256=00\r\n\
         Content-Length: 2097152\r\n\r\n",
        gateway.address
    );
    let _silent: Vec<_> = (0..40).map(|_| ask(&gateway, head.as_bytes())).collect();
    let sent = [head.as_bytes(), &vec![b'x'; 2 << 20]].concat();
    assert_eq!(status(&ask(&gateway, &sent)), 401);
}

#[test]
fn pages_that_nobody_reads() {
    let gateway = Gateway::with_settings(
        "[log]\nmemory = \"1MiB\"\n[[sources]]\nname = \"distribution\"\nkind = \"distribution\"\n\
         rate = 1000000\nburst = 1000000\n[connections]\nwrite_stall = \"2s\"\n",
    );
    fill(&gateway, 4);
    let page = || gateway.get("/v1/events?filter=true&after=earliest&limit=1000");
    assert!(page().body.len() > 500 << 10);
    let memory = Memory::of(&gateway);
    let get = format!(
        "GET /v1/events?filter=true&after=earliest&limit=1000 HTTP/1.1\r\nHost: {}\r\n\r\n",
        gateway.address
    );
    let count = if whole() { 500 } else { 60 };
    let attackers: Vec<_> = (0..count).map(|_| ask(&gateway, get.as_bytes())).collect();
    let cut = || gateway.count("tagcast_connections_closed_total{code=\"slow_consumer\"}");
    until("those with a place are cut off", || cut() > 0);
    let held = gateway.count("tagcast_http_answer_bytes");
    assert!(held <= 8 << 20, "{held}");
    memory.assert_grew_less_than(32 << 20);
    drop(attackers);
    until("what was held is let go of", || gateway.count("tagcast_http_answer_bytes") == 0);
    assert_eq!(page().status, 200);
}

#[test]
fn requests_one_behind_the_other_of_which_nobody_reads_the_answers() {
    let gateway = Gateway::start();
    let memory = Memory::of(&gateway);
    for path in ["/healthz", "/openapi.json"] {
        for method in ["GET", "HEAD"] {
            let mut tcp = ask(&gateway, b"");
            tcp.set_write_timeout(Some(Duration::from_millis(300))).expect("a timeout");
            let one = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n\r\n", gateway.address);
            flood(&mut tcp, one.as_bytes(), if whole() { 64 << 20 } else { 8 << 20 });
        }
    }
    memory.assert_grew_less_than(16 << 20);
}

#[test]
fn who_reads_late_gets_every_answer() {
    let gateway = Gateway::start();
    let get = |rest: &str| format!("GET /openapi.json HTTP/1.1\r\nHost: {}\r\n{rest}\r\n", gateway.address);
    let all = get("").repeat(29) + &get("Connection: close\r\n");
    let mut tcp = TcpStream::connect(&gateway.address).expect("the gateway listens");
    tcp.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    tcp.write_all(all.as_bytes()).expect("it reads");
    until("an answer waits", || gateway.count("tagcast_http_answer_bytes") > 0);
    let mut answers = Vec::new();
    tcp.read_to_end(&mut answers).expect("all of them");
    let begin = b"HTTP/1.1 200 OK";
    assert_eq!(answers.windows(begin.len()).filter(|bytes| bytes == begin).count(), 30);
}
