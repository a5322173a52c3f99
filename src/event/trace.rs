use std::fmt::Write as _;

/// W3C trace context of an event: it carries on the notification's trace, or starts one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceContext {
    /// 32 lower-case hex digits.
    pub trace_id: String,
    /// 16 lower-case hex digits: this gateway's span.
    pub span_id: String,
    /// 16 lower-case hex digits: the caller's span; empty where the trace began here.
    pub parent_span_id: String,
}

impl TraceContext {
    /// Continues the trace of a `traceparent` header (W3C Trace Context, version 00 and later), or
    /// starts a new one where there is none or it is malformed. `random` names the new span and trace.
    pub fn continued(traceparent: Option<&str>, random: [u8; 24]) -> Self {
        let span_id = hex(&random[..8]);
        match traceparent.and_then(parse) {
            Some((trace_id, parent)) => {
                Self { trace_id: trace_id.to_owned(), span_id, parent_span_id: parent.to_owned() }
            }
            None => Self { trace_id: hex(&random[8..]), span_id, parent_span_id: String::new() },
        }
    }
}

fn parse(header: &str) -> Option<(&str, &str)> {
    let mut parts = header.trim().split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex =
        |s: &str, len: usize| s.len() == len && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let not_zero = |s: &str| s.bytes().any(|b| b != b'0');
    let known = is_hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
    (known
        && is_hex(trace, 32)
        && is_hex(parent, 16)
        && is_hex(flags, 2)
        && not_zero(trace)
        && not_zero(parent))
    .then_some((trace, parent))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn continues_a_trace() {
        let header = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let context = TraceContext::continued(Some(&header), [7; 24]);
        assert_eq!(context.trace_id, TRACE);
        assert_eq!(context.parent_span_id, "00f067aa0ba902b7");
        assert_eq!(context.span_id, "0707070707070707");
    }

    #[test]
    fn starts_one_where_the_header_is_wrong() {
        for bad in [
            "",
            "00",
            "00-0-0-00",
            &format!("00-{TRACE}-0000000000000000-01"),
            &format!("ff-{TRACE}-00f067aa0ba902b7-01"),
        ] {
            let context = TraceContext::continued(Some(bad), [7; 24]);
            assert_eq!(context.trace_id.len(), 32);
            assert_ne!(context.trace_id, TRACE);
            assert_eq!(context.parent_span_id, "");
        }
    }
}
