use serde::de::Error as _;
use serde_json::value::RawValue;

use crate::message::{CloudEvent, EventDetails, StoredMessage, Text, to_line};

/// A stored message as a CloudEvent, whose data is the event's details as they were encoded.
///
/// # Errors
///
/// If `message` is none of ours.
pub(crate) fn cloud_event(message: &[u8]) -> serde_json::Result<CloudEvent<Text<'_>, &RawValue>> {
    let message: StoredMessage<'_, Option<&RawValue>> = serde_json::from_slice(message)?;
    let data = message.details.ok_or_else(|| serde_json::Error::missing_field("details"))?;
    let details: EventDetails<Text<'_>> = serde_json::from_str(data.get())?;
    let metadata = message.event_metadata;
    let trace = &metadata.tracing_context;
    let subject = match &*details.tag {
        "" => details.repository_name,
        tag => format!("{}:{tag}", &*details.repository_name).into(),
    };
    Ok(CloudEvent {
        specversion: "1.0".into(),
        source: format!("/registries/{}", &*details.registry_id).into(),
        subject,
        datacontenttype: Some("application/json".into()),
        data,
        traceparent: Some(trace.traceparent().into()),
        id: metadata.event_id,
        event_type: metadata.event_type,
        time: metadata.created_at,
        cloudid: Some(metadata.cloud_id),
        folderid: Some(metadata.folder_id),
    })
}

/// The same, encoded.
pub(crate) fn encode_cloud_event(message: &[u8]) -> Vec<u8> {
    // The log verified these bytes and we wrote them: they parse.
    cloud_event(message).and_then(|event| to_line(&event)).unwrap_or_else(|_| message.to_vec())
}

#[cfg(test)]
mod tests {
    use super::super::event::{encode_event, tests::sample};
    use super::*;
    use crate::event::Position;

    #[test]
    fn moves_the_fields_and_keeps_the_details() {
        let mut event = sample();
        let message = encode_event(&event, Position { epoch: 1, offset: 2 }, "p.");
        let cloud: serde_json::Value = serde_json::from_slice(&encode_cloud_event(&message)).unwrap();
        let own: serde_json::Value = serde_json::from_slice(&message).unwrap();
        assert_eq!(cloud["specversion"], "1.0");
        assert_eq!(cloud["id"], own["event_metadata"]["event_id"]);
        assert_eq!(cloud["type"], "p.CreateImageTag");
        assert_eq!(cloud["source"], "/registries/hub.example.com");
        assert_eq!(cloud["subject"], "team/app:v1");
        assert_eq!(cloud["data"], own["details"]);
        assert_eq!(cloud["cloudid"], "default");

        event.artifact.tag.clear();
        let message = encode_event(&event, Position { epoch: 1, offset: 3 }, "p.");
        let cloud: serde_json::Value = serde_json::from_slice(&encode_cloud_event(&message)).unwrap();
        assert_eq!(cloud["subject"], "team/app");
    }
}
