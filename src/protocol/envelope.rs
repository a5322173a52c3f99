use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

use super::encode_cloud_event;

/// Bytes of an envelope beside its messages: `{"messages":[` and `]}`, and the name of a named subscription.
fn overhead(id: Option<&str>) -> usize {
    15 + id.map_or(0, |id| id.len() + 8)
}

/// The form in which a subscription gets its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// Our own, as it is stored.
    #[default]
    Tagcast,
    /// CloudEvents 1.0 JSON.
    CloudEvents,
}

impl Format {
    /// The name in a request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tagcast => "tagcast",
            Self::CloudEvents => "cloudevents",
        }
    }
}

/// The bounds of one batch; it closes at whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Batching {
    /// Events, 1–5,000.
    pub size: usize,
    /// Time since its first event, 0–300 s.
    #[serde(serialize_with = "as_text")]
    pub cutoff: Duration,
    /// Bytes of the encoded envelope, 1 KiB–1 MiB.
    pub bytes: usize,
}

impl Batching {
    /// What messages may weigh, each with a comma behind it, so that their envelope has `bytes` at most.
    pub(crate) fn weight(&self, id: Option<&str>) -> usize {
        // The last message has no comma.
        (self.bytes + 1).saturating_sub(overhead(id))
    }

    /// The `bytes` that came to this [`Self::weight`].
    pub(crate) fn bytes_of(weight: usize, id: Option<&str>) -> usize {
        weight + overhead(id) - 1
    }
}

impl Default for Batching {
    fn default() -> Self {
        Self { size: 100, cutoff: Duration::from_millis(100), bytes: 128 << 10 }
    }
}

fn as_text<S: serde::Serializer>(cutoff: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&super::units::print_duration(*cutoff))
}

/// The envelope of a batch: `{"messages":[…]}`, with `"id"` before it in a named subscription.
/// The messages are joined, not encoded again; only the CloudEvents form is made here.
pub(crate) fn encode_envelope<'a, I>(id: Option<&str>, format: Format, messages: I) -> Bytes
where
    I: Iterator<Item = &'a Bytes> + Clone,
{
    let joined: usize = messages.clone().map(|m| m.len() + 1).sum();
    let mut out = BytesMut::with_capacity(joined + overhead(id));
    match id {
        // An id is of A-Za-z0-9._- alone, so nothing in it needs an escape.
        Some(id) => out.put_slice(format!("{{\"id\":\"{id}\",\"messages\":[").as_bytes()),
        None => out.put_slice(b"{\"messages\":["),
    }
    for (index, message) in messages.enumerate() {
        if index > 0 {
            out.put_u8(b',');
        }
        put_message(&mut out, format, message);
    }
    out.put_slice(b"]}");
    out.freeze()
}

/// One event, in its form.
pub(super) fn put_message(out: &mut BytesMut, format: Format, message: &Bytes) {
    match format {
        Format::Tagcast => out.put_slice(message),
        Format::CloudEvents => out.put_slice(&encode_cloud_event(message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_messages() {
        let messages = [Bytes::from_static(b"{\"a\":1}"), Bytes::from_static(b"{}")];
        let plain = encode_envelope(None, Format::Tagcast, messages.iter());
        assert_eq!(plain, "{\"messages\":[{\"a\":1},{}]}");
        assert_eq!(plain.len(), overhead(None) + 7 + 1 + 2);
        let named = encode_envelope(Some("r-1"), Format::Tagcast, messages[..1].iter());
        assert_eq!(named, "{\"id\":\"r-1\",\"messages\":[{\"a\":1}]}");
        assert_eq!(encode_envelope(None, Format::Tagcast, [].iter()), "{\"messages\":[]}");
    }

    #[test]
    fn what_weighs_as_much_as_it_may_fills_an_envelope_to_the_byte() {
        for id in [None, Some("r-1")] {
            let batching = Batching { bytes: 1 << 10, ..Batching::default() };
            let weight = batching.weight(id);
            let messages = [100, weight - 101 - 1].map(|length| Bytes::from(vec![b' '; length]));
            assert_eq!(encode_envelope(id, Format::Tagcast, messages.iter()).len(), 1 << 10);
            assert_eq!(Batching::bytes_of(weight, id), 1 << 10);
        }
    }
}
