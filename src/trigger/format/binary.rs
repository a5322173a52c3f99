use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::Payload;
use crate::protocol::cloud_event;

/// What a header value of CloudEvents' HTTP binding holds only in escaped form, beside all that is not ASCII.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// The attributes as headers, the data as the body.
pub(super) fn encode(message: &Bytes) -> Payload {
    let mut headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    // The log verified these bytes and we wrote them: they parse.
    let Ok(event) = cloud_event(message) else { return Payload { headers, body: Bytes::new() } };
    for (name, value) in event.attributes() {
        let value = utf8_percent_encode(value, ESCAPED).to_string();
        let header = (HeaderName::try_from(format!("ce-{name}")), HeaderValue::try_from(value));
        if let (Ok(name), Ok(value)) = header {
            headers.push((name, value));
        }
    }
    Payload { headers, body: message.slice_ref(event.data.get().as_bytes()) }
}
