use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

use super::{Format, encode_envelope};

/// What stands behind the messages of a page.
#[derive(Debug, Serialize)]
pub(crate) struct PageEnd {
    /// Events that may have matched and can't be had; none: left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<PageGap>,
    /// Where to go on later: nothing up to here is new to who has this page.
    pub position: String,
    /// Where the next page begins; none: left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A range of events that can't be had.
#[derive(Debug, Serialize)]
pub(crate) struct PageGap {
    /// The first one missing.
    pub from: String,
    /// The last one missing.
    pub to: String,
    /// Why.
    pub reason: &'static str,
}

/// A page: an envelope, and in it what else there is to say.
pub(crate) fn encode_page<'a, I>(format: Format, messages: I, end: &PageEnd) -> Bytes
where
    I: Iterator<Item = &'a Bytes> + Clone,
{
    let envelope = encode_envelope(None, format, messages);
    // Plain structs with string keys: nothing that serde_json can refuse.
    let end = serde_json::to_vec(end).unwrap_or_default();
    let mut out = BytesMut::with_capacity(envelope.len() + end.len());
    out.put_slice(envelope.strip_suffix(b"}").unwrap_or_default());
    out.put_u8(b',');
    out.put_slice(end.strip_prefix(b"{").unwrap_or_default());
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_an_envelope_with_more_in_it() {
        let messages = [Bytes::from_static(b"{\"a\":1}")];
        let end = PageEnd { gaps: Vec::new(), position: "crt2".into(), next: None };
        let page = encode_page(Format::Tagcast, messages.iter(), &end);
        assert_eq!(page, r#"{"messages":[{"a":1}],"position":"crt2"}"#);
        let gap = PageGap { from: "crt1".into(), to: "crt2".into(), reason: "retention" };
        let end = PageEnd { gaps: vec![gap], position: "crt2".into(), next: Some("crt2".into()) };
        let page = encode_page(Format::Tagcast, [].iter(), &end);
        assert_eq!(
            page,
            r#"{"messages":[],"gaps":[{"from":"crt1","to":"crt2","reason":"retention"}],"position":"crt2","next":"crt2"}"#
        );
    }
}
