use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The parts of a stored message that the CloudEvents form moves about; `details` stays as it was encoded.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    event_metadata: Metadata<'a>,
    #[serde(borrow)]
    details: &'a RawValue,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    event_id: &'a str,
    event_type: String,
    created_at: &'a str,
    cloud_id: String,
    folder_id: String,
    #[serde(borrow)]
    tracing_context: Tracing<'a>,
}

#[derive(Deserialize)]
struct Tracing<'a> {
    trace_id: &'a str,
    span_id: &'a str,
}

#[derive(Deserialize)]
struct Details {
    registry_id: String,
    repository_name: String,
    tag: String,
}

/// CloudEvents 1.0, JSON format, structured.
#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
    source: String,
    subject: String,
    time: &'a str,
    datacontenttype: &'static str,
    data: &'a RawValue,
    cloudid: &'a str,
    folderid: &'a str,
    traceparent: String,
}

/// A stored message in the CloudEvents form.
pub(crate) fn encode_cloud_event(message: &[u8]) -> Vec<u8> {
    // The log verified these bytes and we wrote them: they parse.
    encode(message).unwrap_or_else(|_| message.to_vec())
}

/// The same.
///
/// # Errors
///
/// If `message` is none of ours.
fn encode(message: &[u8]) -> serde_json::Result<Vec<u8>> {
    let message: Message = serde_json::from_slice(message)?;
    let details: Details = serde_json::from_str(message.details.get())?;
    let metadata = &message.event_metadata;
    let subject = match details.tag.as_str() {
        "" => details.repository_name,
        tag => format!("{}:{tag}", details.repository_name),
    };
    serde_json::to_vec(&CloudEvent {
        specversion: "1.0",
        id: metadata.event_id,
        event_type: &metadata.event_type,
        source: format!("/registries/{}", details.registry_id),
        subject,
        time: metadata.created_at,
        datacontenttype: "application/json",
        data: message.details,
        cloudid: &metadata.cloud_id,
        folderid: &metadata.folder_id,
        traceparent: format!(
            "00-{}-{}-01",
            metadata.tracing_context.trace_id, metadata.tracing_context.span_id
        ),
    })
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
        let cloud: serde_json::Value = serde_json::from_slice(&encode(&message).unwrap()).unwrap();
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
        let cloud: serde_json::Value = serde_json::from_slice(&encode(&message).unwrap()).unwrap();
        assert_eq!(cloud["subject"], "team/app");
    }
}
