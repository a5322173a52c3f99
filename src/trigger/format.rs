//! A batch as its target gets it.

mod alibaba;
mod azure;
mod binary;
mod trace;
mod via;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};

use crate::message::StoredMessage;
use crate::protocol::{Format, encode_cloud_event, encode_envelope};

const VIA: HeaderName = HeaderName::from_static("tagcast-via");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The form of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetFormat {
    /// The envelope.
    Tagcast,
    /// A batch of CloudEvents.
    CloudEvents,
    /// One event a request, its attributes in headers.
    CloudEventsBinary,
    /// What Alibaba Cloud ACR sends for a push.
    Alibaba,
    /// What Azure Container Registry sends over Event Grid, as CloudEvents.
    Azure,
}

/// Body and headers of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// What the body is, the trace that it goes on with, and in the binary form the event's attributes.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
}

impl TargetFormat {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::Tagcast, Self::CloudEvents, Self::CloudEventsBinary, Self::Alibaba, Self::Azure];

    /// The name in a definition.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tagcast => "tagcast",
            Self::CloudEvents => "cloudevents",
            Self::CloudEventsBinary => "cloudevents-binary",
            Self::Alibaba => "alibaba",
            Self::Azure => "azure",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }

    /// A filter for the events that it can tell; `None` where it tells all.
    pub const fn tells(self) -> Option<&'static str> {
        match self {
            Self::Alibaba => Some(r#"type == "CreateImageTag""#),
            Self::Azure => Some(
                r#"type in ["CreateImageTag", "DeleteImage", "CreateChart", "DeleteChart"] || (type == "CreateImage" && tag == "")"#,
            ),
            _ => None,
        }
    }

    /// Events in a batch at most, where it has a bound of its own. `asked`: whether the definition says a number.
    pub const fn largest(self, asked: bool) -> Option<usize> {
        match self {
            Self::CloudEventsBinary | Self::Alibaba => Some(1),
            Self::Azure if !asked => Some(1),
            _ => None,
        }
    }

    /// Whether the target is asked for its consent before the first delivery.
    pub const fn shakes_hands(self) -> bool {
        matches!(self, Self::Azure)
    }

    /// Encodes events, given as their stored messages. None of them is a notice that events are missing; where the
    /// form has no place for that, `None`.
    pub fn encode(self, events: &[Bytes]) -> Option<Payload> {
        let mut payload = self.payload(events)?;
        payload.headers.extend(trace::parent(events).map(|parent| (TRACEPARENT, parent)));
        payload.headers.extend(via::way(events).map(|way| (VIA, way)));
        Some(payload)
    }

    fn payload(self, events: &[Bytes]) -> Option<Payload> {
        let typed = |content: &'static str, body: Bytes| Payload {
            headers: vec![(CONTENT_TYPE, HeaderValue::from_static(content))],
            body,
        };
        Some(match (self, events) {
            (Self::Tagcast, events) => {
                typed("application/json", encode_envelope(None, Format::Tagcast, events.iter()))
            }
            (Self::CloudEvents, events) => {
                let events = events.iter().map(|event| encode_cloud_event(event)).collect();
                typed("application/cloudevents-batch+json", list(events))
            }
            (Self::CloudEventsBinary, [event]) => binary::encode(event),
            (Self::Alibaba, [event]) => typed("application/json", alibaba::encode(&read(event)).into()),
            (Self::Azure, [event]) => {
                typed("application/cloudevents+json; charset=utf-8", azure::encode(&read(event)).into())
            }
            (Self::Azure, [_, _, ..]) => {
                let events = events.iter().map(|event| azure::encode(&read(event))).collect();
                typed("application/cloudevents-batch+json; charset=utf-8", list(events))
            }
            _ => return None,
        })
    }
}

fn list(parts: Vec<Vec<u8>>) -> Bytes {
    let mut body = vec![b'['];
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend(part);
    }
    body.push(b']');
    body.into()
}

/// Reads a stored message, which is one of ours.
fn read(message: &[u8]) -> StoredMessage<'_> {
    serde_json::from_slice(message).unwrap_or_default()
}

#[cfg(test)]
mod tests;
