//! The bytes that a gateway would send for a post: one framed envelope for each tag in it.

use std::io::Write as _;

use loadtest::event_id::EventId;
use loadtest::frame::text_header;
use memchr::memmem::Finder;

/// Everything of an event but id and tag, as a gateway writes it.
const BETWEEN: &str = "\",\"event_type\":\"yandex.cloud.events.containerregistry.CreateImageTag\",\
    \"created_at\":\"2026-01-07T11:09:14.276585742Z\",\"cloud_id\":\"default\",\"folder_id\":\"default\",\
    \"tracing_context\":{\"trace_id\":\"813c92a0187ee6bebab485a2021a9760\",\"span_id\":\"16d84ba0d5a09e90\",\
    \"parent_span_id\":\"\"}},\"details\":{\"registry_id\":\"registry.example.com:5000\",\
    \"repository_name\":\"lt/aa30e185/r0\",\"tag\":\"";
const AFTER: &str = "\",\"image_id\":\"crt4i1jinvvmuridqd35\",\
    \"image_digest\":\"sha256:a1ce13cbfb3f23c9bce1ac13e54036fd9759925f13bfad879a7757b5e88b1c8f\",\
    \"media_type\":\"application/vnd.oci.image.manifest.v1+json\",\"size\":418,\"actor\":\"ci-bot\",\
    \"source\":\"distribution\",\"source_event_id\":\"aa30e185-0001-4000-8000-000000000000\"}}]}";

/// Numbers events and frames them.
pub(crate) struct Frames {
    next: u64,
    tag: Finder<'static>,
}

impl Frames {
    pub(crate) fn new() -> Self {
        Self { next: 1, tag: Finder::new(b"\"tag\": \"") }
    }

    /// Where the numbering stands.
    pub(crate) fn position(&self) -> EventId {
        EventId(u128::from(self.next - 1))
    }

    /// Appends a frame for each tag in `body` to `out`, and its end to `ends`, counted from `base`.
    /// The answer's body comes back.
    pub(crate) fn write(&mut self, body: &[u8], base: u64, out: &mut Vec<u8>, ends: &mut Vec<u64>) -> String {
        let mut ids = Vec::new();
        for at in self.tag.find_iter(body) {
            let tag = &body[at + 8..];
            let tag = &tag[..tag.iter().position(|&byte| byte == b'"').unwrap_or(0)];
            let id = EventId(u128::from(self.next)).to_string();
            self.next += 1;
            let mut text = Vec::with_capacity(800);
            // A Vec takes everything.
            let _ = write!(text, "{{\"messages\":[{{\"event_metadata\":{{\"event_id\":\"{id}{BETWEEN}");
            text.extend_from_slice(tag);
            text.extend_from_slice(AFTER.as_bytes());
            text_header(text.len(), out);
            out.extend_from_slice(&text);
            ends.push(base + out.len() as u64);
            ids.push(format!("\"{id}\""));
        }
        format!(
            "{{\"accepted\":{},\"duplicates\":0,\"ignored\":0,\"quarantined\":0,\"events\":[{}]}}",
            ids.len(),
            ids.join(",")
        )
    }
}

#[cfg(test)]
mod tests {
    use loadtest::event_id::ids_in;
    use loadtest::frame::read_frame;
    use loadtest::message::{ENVELOPE, Events, Mark};
    use loadtest::notification::{Change, Notification, Registry};
    use serde_json::Value;

    use super::*;

    #[test]
    fn are_what_the_harness_reads() {
        let registry = Registry::new(1);
        let mark = Mark { number: 5, sent: 6 };
        let tag = mark.tag();
        let change = Change::Push { digest: registry.digest(0), tag: &tag, index: false };
        let one = Notification { number: 1, request: 1, repository: "r", change };
        let (mut body, mut out, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        registry.body([one, one], &mut body);
        let answer = Frames::new().write(&body, 100, &mut out, &mut ends);
        assert_eq!(ids_in(answer.as_bytes()).count(), 2);
        let first = read_frame(&out).unwrap().unwrap();
        assert_eq!(ends, [100 + first.length as u64, 100 + out.len() as u64]);
        assert!(first.payload.starts_with(ENVELOPE));
        serde_json::from_slice::<Value>(first.payload).unwrap();
        Events::default().each(first.payload, |id, read| {
            assert_eq!((id.0, read), (1, Some(mark)));
        });
    }
}
