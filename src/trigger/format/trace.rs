use bytes::Bytes;
use http::HeaderValue;
use serde::de::IgnoredAny;

use crate::message::StoredMessage;

/// `traceparent` (W3C Trace Context) of a delivery: that of its last event, where all of its events are of one trace. A
/// request has but one; where the events are of several, none of them is the request's.
pub(super) fn parent(events: &[Bytes]) -> Option<HeaderValue> {
    let (last, before) = events.split_last()?;
    let last: StoredMessage<'_, IgnoredAny> = serde_json::from_slice(last).ok()?;
    let trace = last.event_metadata.tracing_context;
    if trace.trace_id.is_empty() || trace.span_id.is_empty() {
        return None;
    }
    let is_of_it = |event: &Bytes| {
        let event = serde_json::from_slice::<StoredMessage<'_, IgnoredAny>>(event);
        event.is_ok_and(|event| event.event_metadata.tracing_context.trace_id == trace.trace_id)
    };
    let is_one = before.iter().all(is_of_it);
    is_one.then(|| HeaderValue::try_from(trace.traceparent()).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(trace: &str, span: &str) -> Bytes {
        let trace = format!(r#"{{"trace_id":"{trace}","span_id":"{span}","parent_span_id":""}}"#);
        format!(r#"{{"event_metadata":{{"tracing_context":{trace}}},"details":{{"tag":"x"}}}}"#).into()
    }

    #[test]
    fn one_trace_goes_on_and_several_do_not() {
        let of = |events: &[Bytes]| parent(events).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(of(&[event("a", "1")]), Some("00-a-1-01".into()));
        assert_eq!(of(&[event("a", "1"), event("a", "2")]), Some("00-a-2-01".into()));
        for none in [&[][..], &[event("a", "1"), event("b", "2")], &[event("", "")], &[Bytes::from("{}")]] {
            assert_eq!(of(none), None);
        }
    }
}
