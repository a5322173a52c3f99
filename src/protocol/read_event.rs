use serde::Deserialize;

use crate::event::{Attributes, AttributesBuilder, EventType, Field, UnknownEventType};

/// An event as clients see it, as far as a filter can test it. Any field may be left out, and what is
/// not known is passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    event_metadata: Metadata,
    details: Details,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    event_type: Option<String>,
    cloud_id: String,
    folder_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    registry_id: String,
    repository_name: String,
    tag: String,
    image_digest: String,
    image_id: String,
    media_type: String,
    size: i64,
    actor: String,
    source: String,
}

/// A JSON value that is no event.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadEvent {
    /// It has another shape.
    #[error("not an event: {0}")]
    Shape(#[from] serde_json::Error),
    /// Its type is not one of ours.
    #[error(transparent)]
    Type(#[from] UnknownEventType),
}

/// The fields that a filter may name of an event given as JSON. Its type may be without the prefix; where
/// it is left out it is `CreateImageTag`, for an event has to have one.
///
/// # Errors
///
/// [`BadEvent`] if a field is of the wrong form, or the type is none.
pub(crate) fn read_event(json: &str, type_prefix: &str) -> Result<Attributes, BadEvent> {
    let Message { event_metadata: metadata, details } = serde_json::from_str(json)?;
    let event_type = match &metadata.event_type {
        Some(name) => name.strip_prefix(type_prefix).unwrap_or(name).parse()?,
        None => EventType::CreateImageTag,
    };
    let mut builder = AttributesBuilder::new(event_type);
    builder
        .set(Field::Cloud, &metadata.cloud_id)
        .set(Field::Folder, &metadata.folder_id)
        .set(Field::Registry, &details.registry_id)
        .set(Field::Repository, &details.repository_name)
        .set(Field::Tag, &details.tag)
        .set(Field::Digest, &details.image_digest)
        .set(Field::ImageId, &details.image_id)
        .set(Field::MediaType, &details.media_type)
        .set(Field::Actor, &details.actor)
        .set(Field::Source, &details.source)
        .size(details.size);
    Ok(builder.build())
}

#[cfg(test)]
mod tests {
    use super::super::encode_event;
    use super::super::event::tests::sample;
    use super::*;
    use crate::event::Position;

    #[test]
    fn reads_what_is_sent() {
        let event = sample();
        let message = encode_event(&event, Position { epoch: 1, offset: 2 }, "p.");
        let read = read_event(std::str::from_utf8(&message).unwrap(), "p.").unwrap();
        assert_eq!(read, event.attributes());
    }

    #[test]
    fn fields_may_be_left_out_but_not_be_wrong() {
        let read = read_event(r#"{"details":{"tag":"v1"},"more":1}"#, "p.").unwrap();
        assert_eq!((read.get(Field::Tag), read.get(Field::Cloud)), ("v1", ""));
        assert_eq!(read.event_type(), EventType::CreateImageTag);
        let of_type =
            |name: &str| read_event(&format!(r#"{{"event_metadata":{{"event_type":"{name}"}}}}"#), "p.");
        assert_eq!(of_type("p.DeleteImage").unwrap().event_type(), EventType::DeleteImage);
        assert_eq!(of_type("DeleteImage").unwrap().event_type(), EventType::DeleteImage);
        assert!(of_type("q.DeleteImage").is_err());
        assert!(read_event(r#"{"details":{"tag":5}}"#, "p.").is_err());
    }
}
