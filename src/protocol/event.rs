use bytes::Bytes;

use crate::event::{Event, Position, image_id};
use crate::message::{EventDetails, EventMessage, EventMetadata, TracingContext, to_line};

/// The event's JSON message, the one encoding that it has from the log to every client.
pub(crate) fn encode_event(event: &Event, position: Position, type_prefix: &str) -> Bytes {
    let event_id = position.to_string();
    let event_type = format!("{type_prefix}{}", event.event_type);
    let created_at = event.created_at.to_string();
    let via = event.via.names();
    let image_id = image_id(&event.artifact.registry, &event.artifact.digest);
    let event_metadata = EventMetadata {
        event_id: event_id.as_str(),
        event_type: event_type.as_str(),
        created_at: created_at.as_str(),
        cloud_id: event.tenant.cloud.as_str(),
        folder_id: event.tenant.folder.as_str(),
        tracing_context: TracingContext {
            trace_id: event.trace.trace_id.as_str(),
            span_id: event.trace.span_id.as_str(),
            parent_span_id: event.trace.parent_span_id.as_str(),
        },
    };
    let details = EventDetails {
        registry_id: event.artifact.registry.as_str(),
        repository_name: event.artifact.repository.as_str(),
        tag: event.artifact.tag.as_str(),
        image_id: image_id.as_str(),
        image_digest: event.artifact.digest.as_str(),
        media_type: event.artifact.media_type.as_str(),
        size: event.artifact.size,
        actor: event.actor.as_str(),
        source: event.source.as_str(),
        source_event_id: event.source_event_id.as_str(),
        cut: event.cut.clone(),
        via: via.iter().map(String::as_str).collect(),
    };
    let message = EventMessage { event_metadata, details };
    // Strings, integers and structs only: nothing that serde_json can refuse.
    to_line(&message).unwrap_or_default().into()
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
    use crate::event::{Artifact, EventType, Tenant, TraceContext, Via};

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
            cut: Vec::new(),
            via: Via::default(),
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
        for absent in ["media_type", "size", "actor", "cut", "via"] {
            assert!(json["details"].get(absent).is_none(), "{absent}");
        }
    }
}
