use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

use super::envelope::put_message;
use super::{Close, Format, ServerMessage, close_frame, encode_envelope, event_id, ping_frame, text_frame};

/// What an error is called among server-sent events.
const REFUSED: &str = "refused";

/// How messages are told apart on the wire. The messages themselves are the same for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Framing {
    /// Frames of RFC 6455.
    #[default]
    WebSocket,
    /// Server-sent events: the body of `text/event-stream`.
    Sse,
    /// JSON, one event a line: the body of `application/x-ndjson`.
    Lines,
    /// Server-sent events with errors under the name that they had once, which collides with an `EventSource`'s own.
    SseOfOld,
}

impl Framing {
    /// Every one that has a name of its own.
    pub(crate) const ALL: [Self; 3] = [Self::WebSocket, Self::Sse, Self::Lines];

    /// What a connection that uses it is called.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Sse | Self::SseOfOld => "sse",
            Self::Lines => "ndjson",
        }
    }

    /// Whether it is `text/event-stream`.
    pub(crate) const fn is_sse(self) -> bool {
        matches!(self, Self::Sse | Self::SseOfOld)
    }

    /// A batch: the bytes that all members of a group share.
    pub(crate) fn batch<'a, I>(self, id: Option<&str>, format: Format, messages: I) -> Bytes
    where
        I: Iterator<Item = &'a Bytes> + Clone,
    {
        match self {
            Self::WebSocket => text_frame(encode_envelope(id, format, messages)),
            Self::Sse | Self::SseOfOld => {
                let last = messages.clone().last().and_then(|message| event_id(message));
                server_sent(None, last, &encode_envelope(id, format, messages))
            }
            Self::Lines => {
                let mut out = BytesMut::new();
                for message in messages {
                    put_message(&mut out, format, message);
                    out.put_u8(b'\n');
                }
                out.freeze()
            }
        }
    }

    /// Any other message; nothing where this framing has no form of it.
    pub(crate) fn message(self, message: &ServerMessage<'_>) -> Option<Bytes> {
        Some(match (self, message) {
            (Self::WebSocket, message) => message.frame(),
            // An `EventSource` has an event `error` of its own.
            (Self::Sse, ServerMessage::Error { .. }) => server_sent(Some(REFUSED), None, &message.encode()),
            (Self::Sse | Self::SseOfOld, message) => {
                server_sent(Some(message.name()), message.resume_from(), &message.encode())
            }
            // One event a line: the start is told by a header.
            (Self::Lines, ServerMessage::Subscribed { .. }) => return None,
            (Self::Lines, message) => {
                let mut line = message.encode().to_vec();
                line.push(b'\n');
                line.into()
            }
        })
    }

    /// What is sent into a long silence, so that everyone on the way sees that the connection lives.
    pub(crate) fn heartbeat(self) -> Bytes {
        match self {
            Self::WebSocket => ping_frame(),
            Self::Sse | Self::SseOfOld => Bytes::from_static(b":\n\n"),
            Self::Lines => Bytes::from_static(b"\n"),
        }
    }

    /// The same frame, which says as well when whoever loses the connection is to come back, where this framing has a
    /// word for it.
    pub(crate) fn with_retry(self, frame: &Bytes, pause: Duration) -> Bytes {
        if !self.is_sse() {
            return frame.clone();
        }
        let mut out = BytesMut::from(format!("retry: {}\n", pause.as_millis()).as_bytes());
        out.put_slice(frame);
        out.freeze()
    }

    /// The last thing that is sent.
    pub(crate) fn close(self, close: Close) -> Bytes {
        if self == Self::WebSocket {
            return close_frame(close);
        }
        let close = ServerMessage::Close { code: close.code(), reason: close.reason() };
        self.message(&close).unwrap_or_default()
    }
}

/// One server-sent event. Our JSON has no line breaks, so its data is one line.
fn server_sent(name: Option<&str>, id: Option<&str>, data: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(data.len() + 64);
    for (field, value) in [("event", name), ("id", id)] {
        if let Some(value) = value {
            out.put_slice(field.as_bytes());
            out.put_slice(b": ");
            out.put_slice(value.as_bytes());
            out.put_u8(b'\n');
        }
    }
    out.put_slice(b"data: ");
    out.put_slice(data);
    out.put_slice(b"\n\n");
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::super::event::{encode_event, tests::sample};
    use super::super::{Code, ErrorBody};
    use super::*;
    use crate::event::Position;

    fn events() -> [Bytes; 2] {
        [2, 3].map(|offset| encode_event(&sample(), Position { epoch: 1, offset }, "p."))
    }

    fn text(bytes: &Bytes) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_server_sent_batch_is_an_envelope_under_its_last_id() {
        let events = events();
        let batch = Framing::Sse.batch(None, Format::Tagcast, events.iter());
        let envelope = encode_envelope(None, Format::Tagcast, events.iter());
        assert_eq!(text(&batch), format!("id: crt00000080000000003\ndata: {}\n\n", text(&envelope)));
        let cloud = Framing::Sse.batch(None, Format::CloudEvents, events.iter());
        assert!(text(&cloud).starts_with("id: crt00000080000000003\ndata: {\"messages\":[{\"specversion\""));
    }

    #[test]
    fn lines_hold_one_event_each() {
        let events = events();
        let batch = Framing::Lines.batch(None, Format::Tagcast, events.iter());
        assert_eq!(text(&batch), format!("{}\n{}\n", text(&events[0]), text(&events[1])));
    }

    #[test]
    fn other_messages_have_names_and_say_from_where_to_resume() {
        let gap = ServerMessage::Gap { id: None, from: "a".into(), to: "b".into(), reason: "retention" };
        let sent = Framing::Sse.message(&gap).unwrap();
        let json = r#"{"gap":{"from":"a","to":"b","reason":"retention"}}"#;
        assert_eq!(text(&sent), format!("event: gap\nid: b\ndata: {json}\n\n"));
        assert_eq!(text(&Framing::Lines.message(&gap).unwrap()), format!("{json}\n"));
        let close = Framing::Sse.close(Close::ShuttingDown);
        let json = r#"{"close":{"code":1012,"reason":"shutting_down"}}"#;
        assert_eq!(text(&close), format!("event: close\ndata: {json}\n\n"));
        let late = Framing::Sse.with_retry(&close, Duration::from_millis(1_500));
        assert_eq!(text(&late), format!("retry: 1500\n{}", text(&close)));
        for framing in [Framing::Lines, Framing::WebSocket] {
            let close = framing.close(Close::ShuttingDown);
            assert_eq!(framing.with_retry(&close, Duration::from_secs(1)), close);
        }
        assert_eq!(text(&Framing::Sse.heartbeat()), ":\n\n");
    }

    #[test]
    fn an_error_is_no_event_of_the_event_source() {
        let error = ErrorBody::new(Code::Gap, "no");
        let error = ServerMessage::Error { error, id: None };
        let json = r#"{"error":{"code":"gap","message":"no"}}"#;
        for (framing, told) in [
            (Framing::Sse, format!("event: refused\ndata: {json}\n\n")),
            (Framing::SseOfOld, format!("event: error\ndata: {json}\n\n")),
            (Framing::Lines, format!("{json}\n")),
        ] {
            assert_eq!(text(&framing.message(&error).unwrap()), told);
        }
    }
}
