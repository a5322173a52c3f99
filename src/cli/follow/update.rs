use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Loss;
use crate::protocol::event_id;

/// What a gateway tells its follower.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) enum Update {
    /// Events, at least one, each the JSON of its message.
    Batch(Vec<Bytes>),
    /// Events that can't be had any more.
    Gap(Gap),
    /// There was nothing else up to this event id.
    Position(String),
}

/// A range of events, by their ids.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(in crate::cli) struct Gap {
    from: String,
    to: String,
    reason: String,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, reason } = self;
        write!(f, "events are missing from {from} to {to}: {reason}")
    }
}

/// The server's messages, as far as a follower cares.
#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(borrow)]
    messages: Option<Vec<&'a RawValue>>,
    subscribed: Option<StartMessage>,
    position: Option<PositionMessage>,
    gap: Option<Gap>,
    error: Option<ErrorMessage>,
}

#[derive(Deserialize)]
struct StartMessage {
    position: String,
}

#[derive(Deserialize)]
struct PositionMessage {
    event_id: String,
}

#[derive(Deserialize)]
struct ErrorMessage {
    code: String,
    message: String,
}

impl Update {
    /// Reads a message; `None` of one that is for others.
    pub(super) fn read(text: &Bytes) -> Result<Option<Self>, Loss> {
        let incoming: Incoming<'_> = serde_json::from_slice(text).map_err(|_| Loss::Foreign)?;
        Ok(match incoming {
            Incoming { error: Some(ErrorMessage { code, message }), .. } => {
                return Err(Loss::error(&code, message));
            }
            Incoming { messages: Some(events), .. } if !events.is_empty() => {
                Some(Self::Batch(events.iter().map(|event| text.slice_ref(event.get().as_bytes())).collect()))
            }
            Incoming { gap: Some(gap), .. } => Some(Self::Gap(gap)),
            Incoming { subscribed: Some(StartMessage { position }), .. }
            | Incoming { position: Some(PositionMessage { event_id: position }), .. } => {
                Some(Self::Position(position))
            }
            _ => None,
        })
    }

    /// From where to resume once it is dealt with.
    pub(in crate::cli) fn position(&self) -> Option<&str> {
        match self {
            Self::Batch(events) => events.last().and_then(|event| event_id(event)),
            Self::Gap(gap) => Some(&gap.to),
            Self::Position(position) => Some(position),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Recovery;

    fn read(text: &'static str) -> Result<Option<Update>, Loss> {
        Update::read(&Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn each_message_says_from_where_to_resume() {
        for (text, position) in [
            (r#"{"subscribed":{"filter":"true","position":"crt1"}}"#, "crt1"),
            (r#"{"position":{"event_id":"crt2"}}"#, "crt2"),
            (r#"{"gap":{"from":"crt1","to":"crt3","reason":"retention"}}"#, "crt3"),
            (
                r#"{"messages":[{"a":1},{"event_metadata":{"event_id":"crt00000080000000002"}}]}"#,
                "crt00000080000000002",
            ),
        ] {
            assert_eq!(read(text).unwrap().unwrap().position(), Some(position), "{text}");
        }
        for other in [r#"{"notice":{"data":1}}"#, r#"{"messages":[]}"#] {
            assert_eq!(read(other).unwrap(), None, "{other}");
        }
        assert!(matches!(read("hello"), Err(Loss::Foreign)));
    }

    #[test]
    fn an_error_passes_or_not_by_its_code() {
        let recovery = |text| read(text).unwrap_err().recovery();
        assert_eq!(recovery(r#"{"error":{"code":"overloaded","message":"m"}}"#), Recovery::Soon);
        assert_eq!(recovery(r#"{"error":{"code":"gap","message":"m"}}"#), Recovery::Never);
        assert_eq!(recovery(r#"{"error":{"code":"of_tomorrow","message":"m"}}"#), Recovery::Never);
    }
}
