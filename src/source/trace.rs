//! The trace that a notification names itself, where it is one of W3C Trace Context.

use crate::event::TraceContext;

/// From its three ids; the parent's may be missing.
pub(super) fn from_ids(trace_id: &str, span_id: &str, parent_span_id: &str) -> Option<TraceContext> {
    let is_known = is_id(trace_id, 32) && is_id(span_id, 16);
    is_known.then(|| TraceContext {
        trace_id: trace_id.to_owned(),
        span_id: span_id.to_owned(),
        parent_span_id: if is_id(parent_span_id, 16) { parent_span_id.to_owned() } else { String::new() },
    })
}

/// From a `traceparent`.
pub(super) fn from_parent(traceparent: &str) -> Option<TraceContext> {
    let mut parts = traceparent.split('-').skip(1);
    from_ids(parts.next()?, parts.next()?, "")
}

fn is_id(text: &str, len: usize) -> bool {
    text.len() == len
        && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        && text.bytes().any(|b| b != b'0')
}
