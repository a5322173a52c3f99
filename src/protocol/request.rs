use serde::Deserialize;
use serde_json::Value;

use super::subscribe::Choices;
use super::{BatchSpec, Code, NAME_RULE, SubscribeRequest, is_name};
use crate::message::{JsonFault, Object, object};

/// What a client may ask for.
#[derive(Debug)]
pub enum Request {
    /// A filter and a window of the client's own, from a position in the log.
    Subscribe(SubscribeRequest),
    /// No more batches of this one.
    Unsubscribe(String),
}

/// A request that can't be met, and why.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct BadRequest {
    /// For programs.
    pub code: Code,
    /// For people.
    pub message: String,
    /// The subscription it was about, if that much could be read.
    pub id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Message {
    subscribe: Option<Object<SubscribeMessage>>,
    unsubscribe: Option<Object<UnsubscribeMessage>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubscribeMessage {
    id: String,
    #[serde(default)]
    filter: Value,
    #[serde(default, deserialize_with = "object")]
    batch: BatchSpec,
    after: Option<String>,
    format: Option<String>,
    on_gap: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnsubscribeMessage {
    id: String,
}

impl BadRequest {
    /// One that names no subscription.
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), id: None }
    }
}

impl Request {
    /// Reads one text message of a client.
    ///
    /// # Errors
    ///
    /// [`BadRequest`] if it is no JSON, of the wrong shape, or a value is out of its bounds.
    pub fn parse(text: &str) -> Result<Self, BadRequest> {
        let Object(message) = serde_json::from_str(text).map_err(|error: serde_json::Error| {
            let why = format!("not a request: {}", JsonFault(&error.to_string()));
            BadRequest::new(Code::BadRequest, why)
        })?;
        match message {
            Message {
                subscribe: Some(Object(SubscribeMessage { id, filter, batch, after, format, on_gap })),
                unsubscribe: None,
            } => {
                check_id(&id)?;
                let choices = Choices {
                    filter,
                    batch,
                    after: after.as_deref(),
                    format: format.as_deref(),
                    on_gap: on_gap.as_deref(),
                };
                match choices.read() {
                    Ok(request) => Ok(Self::Subscribe(SubscribeRequest { id: Some(id), ..request })),
                    Err(error) => Err(BadRequest { id: Some(id), ..error }),
                }
            }
            Message { subscribe: None, unsubscribe: Some(Object(UnsubscribeMessage { id })) } => {
                check_id(&id)?;
                Ok(Self::Unsubscribe(id))
            }
            _ => {
                let message = "a request is {\"subscribe\":{…}} or {\"unsubscribe\":{…}}";
                Err(BadRequest::new(Code::BadRequest, message))
            }
        }
    }
}

fn check_id(id: &str) -> Result<(), BadRequest> {
    if is_name(id) {
        return Ok(());
    }
    Err(BadRequest::new(Code::InvalidId, format!("an id has {NAME_RULE}")))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Batching, Format, Start};
    use super::*;

    fn subscribe(text: &str) -> SubscribeRequest {
        match Request::parse(text) {
            Ok(Request::Subscribe(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_a_subscription() {
        let request = subscribe(
            r#"{"subscribe":{"id":"releases","filter":"tag == 'v1'","batch":{"size":7,"cutoff":"250ms","bytes":2048},
               "after":"earliest","format":"cloudevents"}}"#,
        );
        assert_eq!(request.id.as_deref(), Some("releases"));
        assert_eq!(request.filter, "tag == 'v1'");
        assert_eq!(request.batching, Batching { size: 7, cutoff: Duration::from_millis(250), bytes: 2048 });
        assert_eq!((request.start, request.format), (Start::Earliest, Format::CloudEvents));
        let plain = subscribe(r#"{"subscribe":{"id":"a"}}"#);
        assert_eq!((plain.batching, plain.start), (Batching::default(), Start::Now));
    }

    #[test]
    fn refuses_with_a_code() {
        let code = |text: &str| Request::parse(text).unwrap_err().code;
        for bad in [
            "",
            "[]",
            "{}",
            "null",
            r#"{"subscribe":{}}"#,
            r#"{"subscribe":{"id":"a","x":1}}"#,
            r#"{"hello":{}}"#,
        ] {
            assert_eq!(code(bad), Code::BadRequest, "{bad}");
        }
        assert_eq!(code(r#"{"subscribe":{"id":"a b"}}"#), Code::InvalidId);
        assert_eq!(code(r#"{"unsubscribe":{"id":""}}"#), Code::InvalidId);
        assert_eq!(code(r#"{"subscribe":{"id":"a","after":"soon"}}"#), Code::InvalidAfter);
        assert_eq!(code(r#"{"subscribe":{"id":"a","format":"xml"}}"#), Code::InvalidFormat);
        assert_eq!(code(r#"{"subscribe":{"id":"a","batch":{"size":0}}}"#), Code::InvalidBatch);
        let error = Request::parse(r#"{"subscribe":{"id":"a","after":"soon"}}"#).unwrap_err();
        assert_eq!(error.id.as_deref(), Some("a"), "the client learns which of its subscriptions failed");
    }
}
