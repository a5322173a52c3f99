//! Compression, where the settings allow it: clients that others wrote get the same events, and each batch is
//! compressed once for all of its group.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::json;

use crate::support::client::{Client, id};
use crate::support::gateway::Gateway;
use crate::support::notification::{body, push};
use crate::support::third_party::{By, Subscriber};

const SETTINGS: &str = "[connections]\ncompression = true\n";

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
    let handshake = |gateway: &Gateway, offer: &str| {
        let mut tcp = TcpStream::connect(&gateway.address).expect("the gateway listens");
        let head = format!(
            "GET /v1/ws?filter=true HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Extensions: {offer}\r\n\r\n",
            gateway.address
        );
        tcp.write_all(head.as_bytes()).expect("it is sent");
        let mut answer = [0; 1_024];
        let read = tcp.read(&mut answer).expect("an answer");
        let answer = String::from_utf8_lossy(&answer[..read]).to_ascii_lowercase();
        assert!(answer.starts_with("http/1.1 101"), "{answer}");
        answer.contains("permessage-deflate; server_no_context_takeover; client_no_context_takeover")
    };
    let off = Gateway::start();
    assert!(!handshake(&off, "permessage-deflate"));
    let on = Gateway::with_settings(SETTINGS);
    assert!(handshake(&on, "permessage-deflate; client_max_window_bits"));
    assert!(!handshake(&on, "permessage-deflate; server_max_window_bits=9"));
    // A client that offers nothing, as ours here, gets plain frames.
    let mut client = Client::connect(&on.websocket_url("?filter=true&batch_cutoff=0"));
    client.subscribed();
    on.notify(many(0));
    assert!(!client.batch().is_empty());
    assert!(on.metric("tagcast_frames_compressed_total").abs() < f64::EPSILON);
}
