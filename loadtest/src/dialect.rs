//! What a connection says first, and how it understands what it hears: Tagcast's protocol, or that of a peer.
//!
//! A peer's messages carry the same envelopes, as they are or behind a few bytes of its own protocol. Readers search
//! them for events, so those bytes need not be understood.

use memchr::memmem;
use serde::{Deserialize, Serialize};

use crate::event_id::EventId;
use crate::frame::client_frame;
use crate::handshake::{Subscription, upgrade};

/// The name of the one topic, channel or subject.
const TOPIC: &str = "load";

/// What a connection says first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Hello {
    /// It subscribes at Tagcast; connections take these in turn.
    Tagcast(Vec<Subscription>),
    /// It subscribes to the topic of a peer.
    Peer(Dialect),
}

/// The protocol of a peer, over WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum Dialect {
    /// Messages as they are, at `/sub` and `/pub`: nchan, and a server over Node's `ws`.
    Plain,
    /// MQTT 3.1.1, QoS 0.
    Mqtt,
    /// NATS.
    Nats,
    /// Centrifugo's JSON protocol.
    Centrifugo,
}

/// What a message of the server means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Events, maybe.
    Events,
    /// The subscription stands.
    Ready,
    /// A message of Tagcast's that is no batch.
    Message,
    /// Something that wants this answer, framed.
    Answer(Vec<u8>),
    /// Nothing of interest.
    Nothing,
}

impl Hello {
    /// The request that upgrades connection `number`.
    pub fn request(&self, host: &str, number: usize, after: Option<EventId>) -> Vec<u8> {
        match self {
            Self::Tagcast(all) => {
                let own = all.get(number % all.len().max(1)).cloned().unwrap_or_default();
                let after = after.map(|id| id.to_string());
                Subscription { after: after.or(own.after), ..own }.request(host)
            }
            Self::Peer(dialect) => dialect.request(host, "/sub"),
        }
    }

    /// What is sent after the upgrade.
    pub fn greeting(&self) -> Option<Vec<u8>> {
        match self {
            Self::Tagcast(_) => None,
            Self::Peer(dialect) => dialect.greeting(true),
        }
    }

    /// Whether the upgrade is all it takes.
    pub fn is_ready_at_once(&self) -> bool {
        matches!(self, Self::Peer(Dialect::Plain))
    }

    /// Understands a message.
    pub fn hear(&self, payload: &[u8]) -> Meaning {
        match self {
            Self::Tagcast(_) => Meaning::Message,
            Self::Peer(dialect) => dialect.hear(payload),
        }
    }
}

impl Dialect {
    /// The request that upgrades.
    pub fn request(self, host: &str, plain: &str) -> Vec<u8> {
        match self {
            Self::Plain => upgrade(host, plain, None),
            Self::Mqtt => upgrade(host, "/mqtt", Some("mqtt")),
            Self::Nats => upgrade(host, "/", None),
            Self::Centrifugo => upgrade(host, "/connection/websocket", None),
        }
    }

    /// What is sent after the upgrade, by one that `subscribes` or one that publishes.
    pub fn greeting(self, subscribes: bool) -> Option<Vec<u8>> {
        let mut packets = match self {
            Self::Plain => return None,
            // CONNECT: clean session, no keep-alive, no name: the server gives one.
            Self::Mqtt => vec![b"\x10\x0C\0\x04MQTT\x04\x02\0\0\0\0".to_vec()],
            Self::Nats => {
                let subscribe = if subscribes { format!("SUB {TOPIC} 1\r\n") } else { String::new() };
                let options = "{\"verbose\":false,\"pedantic\":false,\"echo\":false}";
                vec![format!("CONNECT {options}\r\n{subscribe}PING\r\n").into_bytes()]
            }
            Self::Centrifugo => vec![b"{\"id\":1,\"connect\":{}}".to_vec()],
        };
        match self {
            Self::Mqtt if subscribes => packets.push(mqtt_subscribe()),
            Self::Centrifugo if subscribes => {
                let text = format!("{{\"id\":2,\"subscribe\":{{\"channel\":\"{TOPIC}\"}}}}");
                packets.push(text.into_bytes());
            }
            _ => {}
        }
        Some(packets.iter().flat_map(|packet| self.frame(packet)).collect())
    }

    /// A frame of the sort that it takes.
    fn frame(self, payload: &[u8]) -> Vec<u8> {
        let is_text = matches!(self, Self::Plain | Self::Centrifugo);
        client_frame(if is_text { 0x81 } else { 0x82 }, payload)
    }

    /// Understands a message.
    pub fn hear(self, payload: &[u8]) -> Meaning {
        match (self, payload) {
            // MQTT: PUBLISH of QoS 0, and the answer to SUBSCRIBE.
            (Self::Plain, _) | (Self::Mqtt, [0x30, ..]) | (Self::Nats, [b'M', b'S', b'G', ..]) => {
                Meaning::Events
            }
            (Self::Mqtt, [0x90, ..]) | (Self::Nats, [b'P', b'O', b'N', b'G', ..]) => Meaning::Ready,
            (Self::Nats, [b'P', b'I', b'N', b'G', ..]) => Meaning::Answer(self.frame(b"PONG\r\n")),
            (Self::Centrifugo, b"{}") => Meaning::Answer(self.frame(b"{}")),
            (Self::Centrifugo, text) if text.starts_with(b"{\"push\"") => Meaning::Events,
            // Several answers may share a message.
            (Self::Centrifugo, text) if memmem::find(text, b"{\"id\":2,").is_some() => Meaning::Ready,
            _ => Meaning::Nothing,
        }
    }

    /// The frame that publishes `payload`.
    pub fn publish(self, payload: &[u8]) -> Vec<u8> {
        let (head, tail): (Vec<u8>, &[u8]) = match self {
            Self::Plain => (Vec::new(), b""),
            Self::Mqtt => {
                let mut head = vec![0x30];
                remaining(2 + TOPIC.len() + payload.len(), &mut head);
                mqtt_text(TOPIC, &mut head);
                (head, b"")
            }
            Self::Nats => (format!("PUB {TOPIC} {}\r\n", payload.len()).into_bytes(), b"\r\n"),
            Self::Centrifugo => {
                let head = format!("{{\"id\":3,\"publish\":{{\"channel\":\"{TOPIC}\",\"data\":");
                (head.into_bytes(), b"}}")
            }
        };
        self.frame(&[&head, payload, tail].concat())
    }
}

fn mqtt_subscribe() -> Vec<u8> {
    let mut packet = vec![0x82];
    remaining(2 + 2 + TOPIC.len() + 1, &mut packet);
    packet.extend_from_slice(&[0, 1]);
    mqtt_text(TOPIC, &mut packet);
    packet.push(0);
    packet
}

fn mqtt_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// MQTT's remaining length: seven bits a byte, the lowest first.
fn remaining(mut length: usize, out: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(length & 0x7F).unwrap_or(0);
        length >>= 7;
        out.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mqtt_packets_are_those_of_the_standard() {
        assert_eq!(mqtt_subscribe(), b"\x82\x09\0\x01\0\x04load\0");
        let mut lengths = Vec::new();
        for length in [0, 127, 128, 16_383, 16_384] {
            remaining(length, &mut lengths);
        }
        assert_eq!(lengths, [0, 0x7F, 0x80, 1, 0xFF, 0x7F, 0x80, 0x80, 1]);
        assert_eq!(Dialect::Mqtt.publish(b"hi"), b"\x82\x8A\0\0\0\0\x30\x08\0\x04loadhi");
    }

    #[test]
    fn a_reader_subscribes_in_its_greeting() {
        let greeting = |dialect: Dialect, subscribes| dialect.greeting(subscribes).unwrap_or_default();
        let options = "{\"verbose\":false,\"pedantic\":false,\"echo\":false}";
        let text = format!("CONNECT {options}\r\nSUB load 1\r\nPING\r\n");
        assert_eq!(greeting(Dialect::Nats, true), client_frame(0x82, text.as_bytes()));
        let subscribe = client_frame(0x82, &mqtt_subscribe());
        let both = [greeting(Dialect::Mqtt, false), subscribe].concat();
        assert_eq!(greeting(Dialect::Mqtt, true), both);
        let connect = client_frame(0x81, b"{\"id\":1,\"connect\":{}}");
        assert_eq!(greeting(Dialect::Centrifugo, false), connect);
        assert_eq!(Dialect::Plain.greeting(true), None);
    }

    #[test]
    fn messages_are_told_from_the_rest() {
        assert_eq!(Dialect::Mqtt.hear(b"\x20\x02\0\0"), Meaning::Nothing);
        assert_eq!(Dialect::Mqtt.hear(b"\x90\x03\0\x01\0"), Meaning::Ready);
        assert_eq!(Dialect::Nats.hear(b"MSG load 1 2\r\nhi\r\n"), Meaning::Events);
        assert_eq!(Dialect::Nats.hear(b"INFO {}\r\n"), Meaning::Nothing);
        assert!(matches!(Dialect::Centrifugo.hear(b"{}"), Meaning::Answer(_)));
        assert_eq!(Dialect::Centrifugo.hear(b"{\"id\":2,\"subscribe\":{}}"), Meaning::Ready);
    }

    #[test]
    fn one_that_comes_back_says_where_it_was() {
        let hello = Hello::Tagcast(vec![Subscription::default()]);
        let request = String::from_utf8(hello.request("h", 3, Some(EventId(7)))).unwrap();
        assert!(request.contains("after=crt00000000000000007"), "{request}");
    }
}
