//! An event as a gateway writes it, for senders that are no gateway: the same bytes but for id and tag.

/// How a batch begins.
pub const HEAD: &str = "{\"messages\":[";
/// How it ends.
pub const TAIL: &str = "]}";

const BEFORE: &str = "{\"event_metadata\":{\"event_id\":\"";
const BETWEEN: &str = "\",\"event_type\":\"yandex.cloud.events.containerregistry.CreateImageTag\",\
    \"created_at\":\"2026-01-07T11:09:14.276585742Z\",\"cloud_id\":\"default\",\"folder_id\":\"default\",\
    \"tracing_context\":{\"trace_id\":\"813c92a0187ee6bebab485a2021a9760\",\"span_id\":\"16d84ba0d5a09e90\",\
    \"parent_span_id\":\"\"}},\"details\":{\"registry_id\":\"registry.example.com:5000\",\
    \"repository_name\":\"lt/aa30e185/r0\",\"tag\":\"";
const AFTER: &str = "\",\"image_id\":\"crt4i1jinvvmuridqd35\",\
    \"image_digest\":\"sha256:a1ce13cbfb3f23c9bce1ac13e54036fd9759925f13bfad879a7757b5e88b1c8f\",\
    \"media_type\":\"application/vnd.oci.image.manifest.v1+json\",\"size\":418,\"actor\":\"ci-bot\",\
    \"source\":\"distribution\",\"source_event_id\":\"aa30e185-0001-4000-8000-000000000000\"}}";

/// Appends one event.
pub fn event(id: &str, tag: &[u8], out: &mut Vec<u8>) {
    for part in [BEFORE.as_bytes(), id.as_bytes(), BETWEEN.as_bytes(), tag, AFTER.as_bytes()] {
        out.extend_from_slice(part);
    }
}

/// Appends a batch of one event.
pub fn envelope(id: &str, tag: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(HEAD.as_bytes());
    event(id, tag, out);
    out.extend_from_slice(TAIL.as_bytes());
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn is_an_envelope() {
        let mut out = Vec::new();
        envelope("crt00000000000000001", b"v1", &mut out);
        let value: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["messages"][0]["details"]["tag"], "v1");
        assert_eq!(value["messages"][0]["event_metadata"]["event_id"], "crt00000000000000001");
    }
}
