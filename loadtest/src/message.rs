//! The few things of a server's message that a check needs, found by searching: a parser would be the client's limit.

use memchr::memmem::{self, Finder};

use crate::event_id::{self, EventId};

/// How every envelope of an unnamed subscription begins.
pub const ENVELOPE: &[u8] = b"{\"messages\":[";

/// Number and intended send time of a notification, which travel in its tag: a reader needs no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Which notification of the run.
    pub number: u64,
    /// When it was to be posted, on this process's clock.
    pub sent: u64,
}

impl Mark {
    /// Characters of a mark.
    pub const LENGTH: usize = 2 + 10 + 16;

    /// The tag.
    pub fn tag(self) -> String {
        format!("lt{:010x}{:016x}", self.number, self.sent)
    }

    /// Reads the tag at the start of `text`.
    pub fn read(text: &[u8]) -> Option<Self> {
        let digits = text.get(..Self::LENGTH)?.strip_prefix(b"lt")?;
        let (number, sent) = digits.split_at(10);
        Some(Self { number: hex(number)?, sent: hex(sent)? })
    }
}

fn hex(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

/// Finds events in envelopes. Made once: a searcher's preparation costs more than a search.
#[derive(Debug)]
pub struct Events {
    id: Finder<'static>,
    tag: Finder<'static>,
}

impl Default for Events {
    fn default() -> Self {
        Self { id: Finder::new(b"\"event_id\":\"crt"), tag: Finder::new(b"\"tag\":\"lt") }
    }
}

impl Events {
    /// Id, and mark if the tag is one, of every event in an envelope.
    #[inline]
    pub fn each(&self, envelope: &[u8], mut see: impl FnMut(EventId, Option<Mark>)) {
        const BEFORE_ID: usize = b"\"event_id\":\"".len();
        const BEFORE_TAG: usize = b"\"tag\":\"".len();
        let Some(mut at) = self.id.find(envelope) else { return };
        loop {
            let id = at + BEFORE_ID;
            let rest = id + event_id::LENGTH;
            let next = envelope.get(rest..).and_then(|rest| self.id.find(rest)).map(|next| rest + next);
            // The tag is looked for within this event, so that the next one's can't be taken for it.
            let own = envelope.get(rest..next.unwrap_or(envelope.len())).unwrap_or_default();
            let mark = self.tag.find(own).and_then(|tag| Mark::read(&own[tag + BEFORE_TAG..]));
            if let Some(id) = EventId::read(&envelope[id..]) {
                see(id, mark);
            }
            let Some(next) = next else { return };
            at = next;
        }
    }
}

/// What the server says beside batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The subscription is live after this position.
    Subscribed(Option<EventId>),
    /// Nothing matched up to here.
    Position(Option<EventId>),
    /// Events are missing, as the text says.
    Gap(String),
    /// Something was refused, as the text says.
    Error(String),
}

impl Notice {
    /// Reads a message that is no envelope.
    pub fn read(message: &[u8]) -> Self {
        let text = || String::from_utf8_lossy(message).into_owned();
        let id = |name: &[u8]| EventId::read(&message[memmem::find(message, name)? + name.len()..]);
        if message.starts_with(b"{\"subscribed\":") {
            Self::Subscribed(id(b"\"position\":\""))
        } else if message.starts_with(b"{\"position\":") {
            Self::Position(id(b"\"event_id\":\""))
        } else if message.starts_with(b"{\"gap\":") {
            Self::Gap(text())
        } else {
            Self::Error(text())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "crtjsu23lo00000004j7";
    const B: &str = "crtjsu23lo00000004j8";

    #[test]
    fn marks_are_read_as_written() {
        let mark = Mark { number: 77, sent: 1_234_567_890_123 };
        assert_eq!(mark.tag().len(), Mark::LENGTH);
        assert_eq!(Mark::read(mark.tag().as_bytes()), Some(mark));
        assert_eq!(Mark::read(b"latest"), None);
    }

    #[test]
    fn each_event_has_its_own_mark() {
        let mark = Mark { number: 1, sent: 2 };
        let event = |id: &str, tag: &str| {
            format!(r#"{{"event_metadata":{{"event_id":"{id}"}},"details":{{"tag":"{tag}"}}}}"#)
        };
        let text = format!("{{\"messages\":[{},{}]}}", event(A, "latest"), event(B, &mark.tag()));
        let mut seen = Vec::new();
        Events::default().each(text.as_bytes(), |id, mark| seen.push((id.to_string(), mark)));
        assert_eq!(seen, [(A.to_owned(), None), (B.to_owned(), Some(mark))]);
    }

    #[test]
    fn reads_what_is_no_envelope() {
        let subscribed = format!(r#"{{"subscribed":{{"filter":"true","position":"{A}"}}}}"#);
        assert_eq!(Notice::read(subscribed.as_bytes()), Notice::Subscribed(EventId::read(A.as_bytes())));
        let position = format!(r#"{{"position":{{"event_id":"{A}"}}}}"#);
        assert_eq!(Notice::read(position.as_bytes()), Notice::Position(EventId::read(A.as_bytes())));
        assert!(matches!(Notice::read(br#"{"gap":{}}"#), Notice::Gap(_)));
        assert!(matches!(Notice::read(br#"{"error":{}}"#), Notice::Error(_)));
    }
}
