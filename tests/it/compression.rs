//! Compression, where the settings allow it: clients that others wrote get the same events, and each batch is
//! compressed once for all of its group.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::json;

use crate::support::client::id;
use crate::support::gateway::Gateway;
use crate::support::notification::{body, push};
use crate::support::third_party::{By, Subscriber};

const SETTINGS: &str = "[connections]\ncompression = true\n";
const OFFER: &str = "permessage-deflate";

fn many(from: usize) -> String {
    let pushes: Vec<_> = (from..from + 25)
        .map(|n| push(&n.to_string(), "team/app", &format!("v{n}"), &n.to_string()))
        .collect();
    body(&pushes)
}

#[test]
fn other_peoples_clients_get_the_same_and_it_is_made_once_for_all() {
    let gateway = Gateway::with_settings(SETTINGS);
    let url = gateway.websocket_url("?filter=true&batch_size=50&batch_cutoff=5s");
    let compressed = [By::Python, By::Node, By::Python].map(|by| Subscriber::start(by, &url, 100, &[]));
    // Python's client compresses what it sends, too.
    let request = json!({"subscribe": {"id": "named", "filter": "tag == 'v7' || tag == 'v99'"}});
    let named = Subscriber::start(By::Python, &gateway.websocket_url(""), 2, &[request]);
    let mut plain = gateway.connect("?filter=true&batch_size=50&batch_cutoff=5s");
    plain.subscribed();
    for from in [0, 25] {
        assert_eq!(gateway.notify(many(from)).json()["accepted"], 50);
    }
    let expected: Vec<_> = plain.events(100).iter().map(id).collect();
    for subscriber in compressed {
        let messages = subscriber.messages();
        let events = messages.iter().filter_map(|message| message["messages"].as_array()).flatten();
        assert_eq!(events.map(id).collect::<Vec<_>>(), expected);
    }
    assert_eq!(named.messages().iter().filter(|message| message.get("error").is_some()).count(), 0);
    // Two batches for three clients, and one of the named subscription's.
    let made = gateway.metric("tagcast_frames_compressed_total");
    assert!((2.0..=4.0).contains(&made), "{made}");
}

#[test]
fn it_is_off_unless_the_settings_and_the_client_ask_for_it() {
    let is_taken = |gateway: &Gateway, offer: &str| {
        let (_, head) = upgrade(gateway, offer);
        head.contains("permessage-deflate; server_no_context_takeover; client_no_context_takeover")
    };
    let off = Gateway::start();
    assert!(!is_taken(&off, "permessage-deflate"));
    let on = Gateway::with_settings(SETTINGS);
    assert!(is_taken(&on, "permessage-deflate; client_max_window_bits"));
    assert!(!is_taken(&on, "permessage-deflate; server_max_window_bits=9"));
    // A client that offers nothing, as ours here, gets plain frames, and must not send others.
    let mut client = on.connect("?filter=true&batch_cutoff=0");
    client.subscribed();
    on.notify(many(0));
    assert!(!client.batch().is_empty());
    assert!(on.metric("tagcast_frames_compressed_total").abs() < f64::EPSILON);
    assert_eq!(said(&on, "x-other", &frame(0xc1, &deflate(b"{}"))), (String::new(), 1002));
}

#[test]
fn a_compressed_message_is_bounded_by_what_it_is_inflated() {
    let gateway = Gateway::with_settings(SETTINGS);
    let around = json!({"subscribe": {"id": ""}}).to_string().len();
    for (len, fits) in [((16 << 10) - 1, true), (16 << 10, true), ((16 << 10) + 1, false)] {
        let message = json!({"subscribe": {"id": "x".repeat(len - around)}}).to_string();
        let message = frame(0xc1, &deflate(message.as_bytes()));
        assert!(message.len() < 300);
        let (answer, code) = said(&gateway, OFFER, &[message, frame(0x88, &[])].concat());
        assert_eq!((answer.contains("invalid_id"), code), (fits, if fits { 1005 } else { 1009 }), "{len}");
    }
}

#[test]
fn hostile_compression_ends_its_connection_and_hurts_nobody_else() {
    let gateway = Gateway::with_settings(SETTINGS);
    let mut bystander = gateway.connect("?filter=true&batch_cutoff=0");
    bystander.subscribed();
    let hello = deflate(b"hello");
    // 20 MiB, and its first kilobyte again and again.
    let bomb = deflate(&vec![0; 20 << 20]);
    let piece = &bomb[..1 << 10];
    let cases = [
        ("a bomb that is too long even compressed", frame(0xc1, &bomb), 1009),
        ("a bomb", frame(0xc1, &deflate(&vec![0; 4 << 20])), 1009),
        ("a bomb in pieces", [frame(0x41, piece), frame(0, piece).repeat(20)].concat(), 1009),
        ("bytes that mean nothing", frame(0xc1, &[0xff; 40]), 1002),
        ("a stream in a stream", frame(0xc1, &[b"\x01\0\0\xff\xff".as_slice(), &hello].concat()), 1002),
        (
            "a fragment that says it again",
            [frame(0x41, &hello[..2]), frame(0xc0, &hello[2..])].concat(),
            1002,
        ),
        ("a message in a message", [frame(0x41, &hello[..2]), frame(0xc1, &hello)].concat(), 1002),
        ("a compressed ping", frame(0xc9, &hello), 1002),
        ("a binary message", frame(0xc2, &hello), 1003),
        ("no UTF-8", frame(0xc1, &deflate(&[0xff; 9])), 1007),
        ("no mask", [vec![0xc1, 7], hello.clone()].concat(), 1002),
    ];
    for (n, (what, frames, expected)) in cases.into_iter().enumerate() {
        assert_eq!(said(&gateway, OFFER, &frames), (String::new(), expected), "{what}");
        gateway.notify(body(&[push(&format!("after-{n}"), "team/app", "latest", &n.to_string())]));
        assert!(!bystander.batch().is_empty(), "{what}");
    }
}

/// Compresses a message as a client does.
fn deflate(message: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(message).expect("memory takes it");
    encoder.flush().expect("memory takes it");
    let mut out = encoder.get_ref().clone();
    // What ends every flush stays off the wire.
    out.truncate(out.len() - 4);
    out
}

/// A client's frame, under a mask that changes nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match u16::try_from(payload.len()) {
        Ok(short @ 0..126) => out.push(0x80 + short.to_be_bytes()[1]),
        Ok(middle) => out.extend([&[0xfe], &middle.to_be_bytes()[..]].concat()),
        Err(_) => out.extend([&[0xff], &(payload.len() as u64).to_be_bytes()[..]].concat()),
    }
    out.extend([0; 4]);
    out.extend(payload);
    out
}

/// A WebSocket whose handshake offers extensions, and the head of the answer.
fn upgrade(gateway: &Gateway, offer: &str) -> (TcpStream, String) {
    let mut tcp = TcpStream::connect(&gateway.address).expect("the gateway listens");
    tcp.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    let head = format!(
        "GET /v1/ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Extensions: {offer}\r\n\r\n",
        gateway.address
    );
    tcp.write_all(head.as_bytes()).expect("it is sent");
    let (mut answer, mut byte) = (Vec::new(), [0]);
    while !answer.ends_with(b"\r\n\r\n") {
        tcp.read_exact(&mut byte).expect("an answer");
        answer.extend(byte);
    }
    let answer = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 101"), "{answer}");
    (tcp, answer)
}

/// What the gateway says to these frames, and the code by which it closes.
fn said(gateway: &Gateway, offer: &str, frames: &[u8]) -> (String, u16) {
    let (mut tcp, _) = upgrade(gateway, offer);
    // It may close before it has read all of them.
    let _ = tcp.write_all(frames);
    let mut answer = Vec::new();
    let _ = tcp.read_to_end(&mut answer);
    let close = answer.iter().rposition(|byte| *byte == 0x88).expect("a close frame");
    let code = answer.get(close + 2..close + 4).map_or(1005, |code| u16::from_be_bytes([code[0], code[1]]));
    (String::from_utf8_lossy(&answer[..close]).into_owned(), code)
}
