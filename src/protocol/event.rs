use bytes::Bytes;
use serde::Serialize;

use crate::event::{Event, Position, image_id};

/// An event as clients see it. The fields of the seed format keep its names and are always there;
/// those that follow them in `details` are left out where the source does not tell them.
#[derive(Serialize)]
struct Message<'a> {
    event_metadata: Metadata<'a>,
    details: Details<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    event_id: String,
    event_type: String,
    created_at: String,
    cloud_id: &'a str,
    folder_id: &'a str,
    tracing_context: Tracing<'a>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the protocol's names")]
struct Tracing<'a> {
    trace_id: &'a str,
    span_id: &'a str,
    parent_span_id: &'a str,
}

#[derive(Serialize)]
struct Details<'a> {
    registry_id: &'a str,
    repository_name: &'a str,
    tag: &'a str,
    image_id: String,
    image_digest: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    media_type: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    size: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    actor: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    source: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    source_event_id: &'a str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(size: &u64) -> bool {
    *size == 0
}

/// The event's JSON message, the one encoding that it has from the log to every client.
pub(crate) fn encode_event(event: &Event, position: Position, type_prefix: &str) -> Bytes {
    let message = Message {
        event_metadata: Metadata {
            event_id: position.to_string(),
            event_type: format!("{type_prefix}{}", event.event_type),
            created_at: event.created_at.to_string(),
            cloud_id: &event.tenant.cloud,
            folder_id: &event.tenant.folder,
            tracing_context: Tracing {
                trace_id: &event.trace.trace_id,
                span_id: &event.trace.span_id,
                parent_span_id: &event.trace.parent_span_id,
            },
        },
        details: Details {
            registry_id: &event.artifact.registry,
            repository_name: &event.artifact.repository,
            tag: &event.artifact.tag,
            image_id: image_id(&event.artifact.registry, &event.artifact.digest),
            image_digest: &event.artifact.digest,
            media_type: &event.artifact.media_type,
            size: event.artifact.size,
            actor: &event.actor,
            source: &event.source,
            source_event_id: &event.source_event_id,
        },
    };
    // Strings, integers and structs only: nothing that serde_json can refuse.
    serde_json::to_vec(&message).unwrap_or_default().into()
}

/// The id of an encoded event; `None` of bytes that are none.
pub(crate) fn event_id(message: &[u8]) -> Option<&str> {
    // The order of the fields is ours, so nothing has to be parsed.
    let rest = message.strip_prefix(b"{\"event_metadata\":{\"event_id\":\"")?;
    std::str::from_utf8(rest.get(..20)?).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::event::{Artifact, EventType, Tenant, TraceContext};

    pub(crate) fn sample() -> Event {
        Event {
            event_type: EventType::CreateImageTag,
            artifact: Artifact {
                registry: "hub.example.com".into(),
                repository: "team/app".into(),
                tag: "v1".into(),
                digest: format!("sha256:{}", "a".repeat(64)),
                media_type: "application/vnd.oci.image.manifest.v1+json".into(),
                size: 418,
            },
            created_at: "2026-01-07T11:09:14.276585742Z".parse().unwrap(),
            tenant: Tenant::default(),
            trace: TraceContext::continued(None, [7; 24]),
            actor: "ci-bot".into(),
            source: "harbor-eu".into(),
            source_event_id: "42".into(),
        }
    }

    #[test]
    fn has_the_shape_of_the_protocol() {
        let bytes = encode_event(&sample(), Position { epoch: 1, offset: 2 }, "p.");
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(json["event_metadata"]["event_id"], "crt00000080000000002");
        assert_eq!(event_id(&bytes), Some("crt00000080000000002"));
        assert_eq!(event_id(b"{}"), None);
        assert_eq!(json["event_metadata"]["event_type"], "p.CreateImageTag");
        assert_eq!(json["event_metadata"]["created_at"], "2026-01-07T11:09:14.276585742Z");
        assert_eq!(json["event_metadata"]["tracing_context"]["trace_id"].as_str().unwrap().len(), 32);
        assert_eq!(json["details"]["registry_id"], "hub.example.com");
        assert_eq!(json["details"]["image_id"].as_str().unwrap().len(), 20);
        assert_eq!(json["details"]["size"], 418);
    }

    #[test]
    fn leaves_out_what_the_source_did_not_tell() {
        let mut event = sample();
        event.artifact.media_type.clear();
        event.artifact.size = 0;
        event.artifact.tag.clear();
        event.actor.clear();
        let bytes = encode_event(&event, Position { epoch: 1, offset: 2 }, "p.");
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(json["details"]["tag"], "", "a field of the seed format is always there");
        for absent in ["media_type", "size", "actor"] {
            assert!(json["details"].get(absent).is_none(), "{absent}");
        }
    }
}
