use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::event::{Attributes, AttributesBuilder, EventType, Field, UnknownEventType};
use crate::message::{EventDetails, EventMessage, EventMetadata, JsonFault, Object, Whole};

/// A text that may be left out, but be nothing else.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "String")]
struct StrictText(Option<String>);

impl From<String> for StrictText {
    fn from(text: String) -> Self {
        Self(Some(text))
    }
}

impl StrictText {
    fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

/// An event as far as a filter can test it.
type Message = EventMessage<
    Object<EventMetadata<StrictText, IgnoredAny, IgnoredAny>>,
    Object<EventDetails<StrictText, Whole>>,
>;

/// A JSON value that is no event.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EventError {
    /// It has another shape.
    #[error("not an event: {}", JsonFault(&.0.to_string()))]
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
/// [`EventError`] if a field is of the wrong form, or the type is none.
pub(crate) fn read_event(json: &str, type_prefix: &str) -> Result<Attributes, EventError> {
    let Object(message): Object<Message> = serde_json::from_str(json)?;
    let Message { event_metadata: Object(metadata), details: Object(details) } = message;
    let event_type = match &metadata.event_type.0 {
        Some(name) => name.strip_prefix(type_prefix).unwrap_or(name).parse()?,
        None => EventType::CreateImageTag,
    };
    let mut builder = AttributesBuilder::new(event_type);
    builder
        .set(Field::Cloud, metadata.cloud_id.as_str())
        .set(Field::Folder, metadata.folder_id.as_str())
        .set(Field::Registry, details.registry_id.as_str())
        .set(Field::Repository, details.repository_name.as_str())
        .set(Field::Tag, details.tag.as_str())
        .set(Field::Digest, details.image_digest.as_str())
        .set(Field::ImageId, details.image_id.as_str())
        .set(Field::MediaType, details.media_type.as_str())
        .set(Field::Actor, details.actor.as_str())
        .set(Field::Source, details.source.as_str())
        .size(details.size.0);
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
        for wrong in [
            r#"{"details":{"tag":5}}"#,
            r#"{"details":{"tag":null}}"#,
            r#"{"details":null}"#,
            r#"{"event_metadata":{"event_type":""}}"#,
        ] {
            assert!(read_event(wrong, "p.").is_err(), "{wrong}");
        }
    }
}
