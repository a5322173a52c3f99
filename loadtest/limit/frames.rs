//! The bytes that a gateway would send for a post: framed envelopes with the tags in it.

use loadtest::event_id::EventId;
use loadtest::frame::text_header;
use loadtest::sample;
use memchr::memmem::Finder;

/// Numbers events and frames them.
pub(crate) struct Frames {
    next: u64,
    /// Events in an envelope at most. Those of one post share them; nothing waits for the next post.
    pub(crate) size: usize,
    /// Every so-manyeth event is acknowledged and not sent; 0: none.
    lose: u64,
    tag: Finder<'static>,
    text: Vec<u8>,
}

impl Frames {
    pub(crate) fn new(lose: u64) -> Self {
        Self { next: 1, size: 1, lose, tag: Finder::new(b"\"tag\": \""), text: Vec::new() }
    }

    /// Where the numbering stands.
    pub(crate) fn position(&self) -> EventId {
        EventId(u128::from(self.next - 1))
    }

    /// Appends the frames for all tags in `body` to `out`, and their ends to `ends`, counted from `base`.
    /// The answer's body comes back.
    pub(crate) fn write(&mut self, body: &[u8], base: u64, out: &mut Vec<u8>, ends: &mut Vec<u64>) -> String {
        let tags: Vec<_> = self.tag.find_iter(body).map(|at| tag(&body[at + 8..])).collect();
        let mut ids = Vec::with_capacity(tags.len());
        for batch in tags.chunks(self.size.max(1)) {
            self.text.clear();
            self.text.extend_from_slice(sample::HEAD.as_bytes());
            for tag in batch {
                let id = EventId(u128::from(self.next)).to_string();
                ids.push(format!("\"{id}\""));
                let is_lost = self.lose > 0 && self.next.is_multiple_of(self.lose);
                self.next += 1;
                if is_lost {
                    continue;
                }
                if self.text.len() > sample::HEAD.len() {
                    self.text.push(b',');
                }
                sample::event(&id, tag, &mut self.text);
            }
            if self.text.len() == sample::HEAD.len() {
                continue;
            }
            self.text.extend_from_slice(sample::TAIL.as_bytes());
            text_header(self.text.len(), out);
            out.extend_from_slice(&self.text);
            ends.push(base + out.len() as u64);
        }
        format!(
            "{{\"accepted\":{},\"duplicates\":0,\"ignored\":0,\"quarantined\":0,\"events\":[{}]}}",
            ids.len(),
            ids.join(",")
        )
    }
}

fn tag(text: &[u8]) -> &[u8] {
    &text[..text.iter().position(|&byte| byte == b'"').unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use loadtest::event_id::ids_in;
    use loadtest::frame::read_frame;
    use loadtest::message::{ENVELOPE, Events, Mark};
    use loadtest::notification::{Change, Notification, Registry};
    use serde_json::Value;

    use super::*;

    /// The frames for a post of this many notifications, and where they end.
    fn frames(count: u64, size: usize) -> (Vec<u8>, Vec<u64>) {
        let registry = Registry::new(1);
        let tags: Vec<_> = (0..count).map(|number| Mark { number, sent: 6 }.tag()).collect();
        let all = tags.iter().map(|tag| Notification {
            number: 1,
            request: 1,
            repository: "r",
            change: Change::Push { digest: registry.digest(0), tag, index: false },
        });
        let (mut body, mut out, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        registry.body(all, &mut body);
        let mut frames = Frames { size, ..Frames::new(0) };
        let answer = frames.write(&body, 100, &mut out, &mut ends);
        assert_eq!(ids_in(answer.as_bytes()).count() as u64, count);
        (out, ends)
    }

    #[test]
    fn are_what_the_harness_reads() {
        let (out, ends) = frames(2, 1);
        let first = read_frame(&out).unwrap().unwrap();
        assert_eq!(ends, [100 + first.length as u64, 100 + out.len() as u64]);
        assert!(first.payload.starts_with(ENVELOPE));
        serde_json::from_slice::<Value>(first.payload).unwrap();
        Events::default().each(first.payload, |id, read| {
            assert_eq!((id.0, read), (1, Some(Mark { number: 0, sent: 6 })));
        });
    }

    #[test]
    fn events_of_a_post_share_envelopes() {
        let (out, ends) = frames(5, 2);
        assert_eq!(ends.len(), 3);
        let first = read_frame(&out).unwrap().unwrap();
        let value: Value = serde_json::from_slice(first.payload).unwrap();
        assert_eq!(value["messages"].as_array().map(Vec::len), Some(2));
    }
}
