#![allow(clippy::ref_option_ref, reason = "what serde derives takes `&Option<&str>`")]

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::{Batching, Code, text_frame};
use crate::message::to_line;

/// What the server says beside batches. `id` is left out for the unnamed subscription.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerMessage<'a> {
    /// Every matching event behind `position` will come.
    Subscribed {
        /// Which subscription.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        /// The filter as it was understood.
        filter: &'a str,
        /// The window's bounds.
        batch: Batching,
        /// The form of its events.
        format: &'a str,
        /// Where it starts.
        position: String,
    },
    /// No batch of it follows.
    Unsubscribed {
        /// Which subscription.
        id: &'a str,
    },
    /// Nothing matched up to here: resume from it.
    Position {
        /// Which subscription.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        /// The position.
        event_id: String,
    },
    /// Events in this range that may have matched were not and will not be sent.
    Gap {
        /// Which subscription.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        /// The first one missing.
        from: String,
        /// The last one missing.
        to: String,
        /// Why.
        reason: &'a str,
    },
    /// What the operator sent to this one connection.
    Notice {
        /// Whatever it was.
        data: &'a Value,
    },
    /// Why an HTTP stream ends. A WebSocket has a frame of its own for that.
    Close {
        /// The number that the closing frame would have.
        code: u16,
        /// And its text.
        reason: &'a str,
    },
    /// A request failed; the connection and its other subscriptions live on.
    Error {
        /// What and why.
        #[serde(flatten)]
        error: ErrorBody,
        /// The subscription it was about.
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
    },
}

/// An error, the same over HTTP and WebSocket.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorBody {
    /// For programs: one of [`Code`], or of a filter's own codes.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// More for programs: a place in a filter, a limit.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

impl ErrorBody {
    /// An error without details.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code: code.as_str(), message: message.into(), details: Value::Null }
    }
}

impl ServerMessage<'_> {
    /// What they may be called.
    pub const NAMES: [&'static str; 7] =
        ["subscribed", "unsubscribed", "position", "gap", "notice", "close", "error"];

    /// The message as JSON.
    pub fn encode(&self) -> Bytes {
        // Plain structs with string keys: nothing that serde_json can refuse.
        to_line(self).unwrap_or_default().into()
    }

    /// The message as a whole WebSocket frame.
    pub fn frame(&self) -> Bytes {
        text_frame(self.encode())
    }

    /// What it is called: the one key that it has.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Subscribed { .. } => "subscribed",
            Self::Unsubscribed { .. } => "unsubscribed",
            Self::Position { .. } => "position",
            Self::Gap { .. } => "gap",
            Self::Notice { .. } => "notice",
            Self::Close { .. } => "close",
            Self::Error { .. } => "error",
        }
    }

    /// From where to resume, if it tells that.
    pub fn resume_from(&self) -> Option<&str> {
        match self {
            Self::Subscribed { position, .. } => Some(position),
            Self::Position { event_id, .. } => Some(event_id),
            Self::Gap { to, .. } => Some(to),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn have_the_shapes_of_the_protocol() {
        let json = |message: ServerMessage| String::from_utf8(message.encode().to_vec()).unwrap();
        assert_eq!(json(ServerMessage::Unsubscribed { id: "a" }), r#"{"unsubscribed":{"id":"a"}}"#);
        assert_eq!(
            json(ServerMessage::Subscribed {
                id: Some("a"),
                filter: "true",
                batch: Batching::default(),
                format: "tagcast",
                position: "crt0".into()
            }),
            r#"{"subscribed":{"id":"a","filter":"true","batch":{"size":100,"cutoff":"100ms","bytes":131072},"format":"tagcast","position":"crt0"}}"#
        );
        assert_eq!(
            json(ServerMessage::Position { id: None, event_id: "crt0".into() }),
            r#"{"position":{"event_id":"crt0"}}"#
        );
        let gap = ServerMessage::Gap { id: None, from: "a".into(), to: "b".into(), reason: "retention" };
        assert_eq!(json(gap), r#"{"gap":{"from":"a","to":"b","reason":"retention"}}"#);
        let notice = ServerMessage::Notice { data: &serde_json::json!([1]) };
        assert_eq!(json(notice), r#"{"notice":{"data":[1]}}"#);
        let close = ServerMessage::Close { code: 1012, reason: "shutting_down" };
        assert_eq!(json(close), r#"{"close":{"code":1012,"reason":"shutting_down"}}"#);
        let error = ErrorBody::new(Code::InvalidAfter, "no");
        assert_eq!(
            json(ServerMessage::Error { error, id: Some("a") }),
            r#"{"error":{"code":"invalid_after","message":"no","id":"a"}}"#
        );
    }
}
