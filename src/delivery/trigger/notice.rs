use bytes::Bytes;
use serde::Deserialize;

use crate::event::Position;
use crate::protocol::event_id;

/// What one frame of a trigger's subscription says. It comes as lines: events, or one notice.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// The events of a batch, each its stored message.
    Batch(Vec<Bytes>),
    /// Nothing matched up to here.
    Position(Position),
    /// Events are missing.
    Gap(Missing),
    /// Nothing that concerns a trigger.
    Nothing,
}

/// Events that are missing, both ends included.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Missing {
    /// The first.
    pub(super) from: String,
    /// The last.
    pub(super) to: String,
    /// Why.
    pub(super) reason: String,
}

#[derive(Deserialize)]
struct Wire {
    position: Option<WirePosition>,
    gap: Option<Missing>,
}

#[derive(Deserialize)]
struct WirePosition {
    event_id: String,
}

impl Notice {
    pub(super) fn read(frame: &Bytes) -> Self {
        if event_id(frame).is_some() {
            return Self::Batch(lines(frame));
        }
        match serde_json::from_slice(frame) {
            Ok(Wire { gap: Some(missing), .. }) => Self::Gap(missing),
            Ok(Wire { position: Some(WirePosition { event_id }), .. }) => {
                event_id.parse().map_or(Self::Nothing, Self::Position)
            }
            _ => Self::Nothing,
        }
    }
}

/// The lines of a frame, which share its bytes.
pub(super) fn lines(frame: &Bytes) -> Vec<Bytes> {
    let lines = frame.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| frame.slice_ref(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Framing, ServerMessage};

    #[test]
    fn frames_are_batches_or_notices() {
        let event = r#"{"event_metadata":{"event_id":"crt00000080000000002"}}"#;
        let batch = Notice::read(&format!("{event}\n{event}\n").into());
        assert_eq!(batch, Notice::Batch(vec![event.into(), event.into()]));
        let told = |message: ServerMessage<'_>| Notice::read(&Framing::Lines.message(&message).unwrap());
        let id = "crt00000080000000002".to_owned();
        let position = told(ServerMessage::Position { id: None, event_id: id.clone() });
        assert_eq!(position, Notice::Position(id.parse().unwrap()));
        let gap =
            told(ServerMessage::Gap { id: None, from: id.clone(), to: id.clone(), reason: "retention" });
        let missing = Missing { from: id.clone(), to: id, reason: "retention".into() };
        assert_eq!(gap, Notice::Gap(missing));
    }
}
