use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Encoded;
use crate::protocol::encode_cloud_event;

/// What a header value of CloudEvents' HTTP binding holds only in escaped form, beside all that is not ASCII.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// The attributes as headers, the data as the body.
pub(super) fn encode(message: &Bytes) -> Encoded {
    let event = encode_cloud_event(message);
    let attributes: Map<String, Value> = serde_json::from_slice(&event).unwrap_or_default();
    let mut headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    for (name, value) in &attributes {
        let Some(value) = value.as_str().filter(|_| name != "datacontenttype") else { continue };
        let value = utf8_percent_encode(value, ESCAPED).to_string();
        let header = (HeaderName::try_from(format!("ce-{name}")), HeaderValue::try_from(value));
        if let (Ok(name), Ok(value)) = header {
            headers.push((name, value));
        }
    }
    Encoded { headers, body: data(&event) }
}

/// The data as it is written in the event.
fn data(event: &[u8]) -> Bytes {
    #[derive(serde::Deserialize)]
    struct Data<'a> {
        #[serde(borrow)]
        data: &'a RawValue,
    }
    let data = serde_json::from_slice::<Data<'_>>(event);
    data.map(|event| Bytes::copy_from_slice(event.data.get().as_bytes())).unwrap_or_default()
}
