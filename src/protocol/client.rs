use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{Batching, Code, Format, OnGap, Start, parse_bytes, parse_duration};

/// Longest id of a subscription.
const MAX_ID: usize = 64;

/// What a client may ask for.
#[derive(Debug)]
pub enum Request {
    /// A filter and a window of the client's own, from a place in the log.
    Subscribe(SubscribeRequest),
    /// No more batches of this one.
    Unsubscribe(String),
}

/// A subscription as it was asked for; the filter is not yet compiled.
#[derive(Debug)]
pub struct SubscribeRequest {
    /// `None` for the unnamed one in a URL.
    pub id: Option<String>,
    /// `true`, an expression or a shorthand object; null for none.
    pub filter: Value,
    /// Bounds of its window.
    pub batching: Batching,
    /// Where it starts.
    pub start: Start,
    /// The form of its events.
    pub format: Format,
    /// What a gap leads to.
    pub on_gap: OnGap,
}

/// Bounds as a client writes them; what is missing has its default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchRequest {
    /// Events.
    pub size: Option<Value>,
    /// Time, `"250ms"` or seconds.
    pub cutoff: Option<Value>,
    /// Bytes, a number or `"64KiB"`.
    pub bytes: Option<Value>,
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
#[serde(deny_unknown_fields)]
struct Wire {
    subscribe: Option<WireSubscribe>,
    unsubscribe: Option<WireUnsubscribe>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSubscribe {
    id: String,
    #[serde(default)]
    filter: Value,
    #[serde(default)]
    batch: BatchRequest,
    after: Option<String>,
    format: Option<String>,
    on_gap: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireUnsubscribe {
    id: String,
}

impl Request {
    /// Reads one text message of a client.
    ///
    /// # Errors
    ///
    /// [`BadRequest`] if it is no JSON, of the wrong shape, or a value is out of its bounds.
    pub fn parse(text: &str) -> Result<Self, BadRequest> {
        let bad = |message: String| BadRequest { code: Code::BadRequest, message, id: None };
        let wire: Wire =
            serde_json::from_str(text).map_err(|error| bad(format!("not a request: {error}")))?;
        match wire {
            Wire { subscribe: Some(subscribe), unsubscribe: None } => {
                let id = valid_id(subscribe.id)?;
                let with_id = |error: BadRequest| BadRequest { id: Some(id.clone()), ..error };
                let batching = subscribe.batch.bounds().map_err(with_id)?;
                let start = read_start(subscribe.after.as_deref()).map_err(with_id)?;
                let format = read_format(subscribe.format.as_deref()).map_err(with_id)?;
                let on_gap = read_on_gap(subscribe.on_gap.as_deref()).map_err(with_id)?;
                let filter = subscribe.filter;
                Ok(Self::Subscribe(SubscribeRequest {
                    id: Some(id),
                    filter,
                    batching,
                    start,
                    format,
                    on_gap,
                }))
            }
            Wire { subscribe: None, unsubscribe: Some(unsubscribe) } => {
                Ok(Self::Unsubscribe(valid_id(unsubscribe.id)?))
            }
            _ => Err(bad("a request is {\"subscribe\":{…}} or {\"unsubscribe\":{…}}".into())),
        }
    }
}

impl SubscribeRequest {
    /// The unnamed subscription of a URL, from its query's values; an empty value is as good as none.
    ///
    /// # Errors
    ///
    /// [`BadRequest`] if a value is out of its bounds.
    pub fn from_query<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Result<Self, BadRequest> {
        let given = |name: &str| value(name).filter(|v| !v.is_empty());
        let text = |name: &str| given(name).map(|v| Value::String(v.into()));
        let batch = BatchRequest {
            size: text("batch_size"),
            cutoff: text("batch_cutoff"),
            bytes: text("batch_bytes"),
        };
        Ok(Self {
            id: None,
            filter: text("filter").unwrap_or_default(),
            batching: batch.bounds()?,
            start: read_start(given("after"))?,
            format: read_format(given("format"))?,
            on_gap: read_on_gap(given("on_gap"))?,
        })
    }
}

impl BatchRequest {
    /// The bounds with their defaults, each checked against its limits.
    ///
    /// # Errors
    ///
    /// [`BadRequest`] with code `invalid_batch`.
    pub(crate) fn bounds(&self) -> Result<Batching, BadRequest> {
        let default = Batching::default();
        let size = self.size.as_ref().map_or(Some(default.size), |v| usize::try_from(read_bytes(v)?).ok());
        let size = size.filter(|size| (1..=5_000).contains(size));
        let cutoff = self.cutoff.as_ref().map_or(Some(default.cutoff), read_duration);
        let cutoff = cutoff.filter(|cutoff| *cutoff <= Duration::from_mins(5));
        let bytes = self.bytes.as_ref().map_or(Some(default.bytes), |v| usize::try_from(read_bytes(v)?).ok());
        let bytes = bytes.filter(|bytes| (1 << 10..=1 << 20).contains(bytes));
        Ok(Batching {
            size: size.ok_or_else(|| bad_batch("size", "a whole number from 1 to 5000"))?,
            cutoff: cutoff.ok_or_else(|| bad_batch("cutoff", "a time from 0 to 300s, such as \"250ms\""))?,
            bytes: bytes.ok_or_else(|| bad_batch("bytes", "a size from 1KiB to 1MiB"))?,
        })
    }
}

fn bad_batch(name: &str, expected: &str) -> BadRequest {
    BadRequest { code: Code::InvalidBatch, message: format!("batch {name} must be {expected}"), id: None }
}

fn read_bytes(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| parse_bytes(value.as_str()?))
}

fn read_duration(value: &Value) -> Option<Duration> {
    match value {
        Value::Number(seconds) => Duration::try_from_secs_f64(seconds.as_f64()?).ok(),
        Value::String(text) => parse_duration(text),
        _ => None,
    }
}

fn read_on_gap(text: Option<&str>) -> Result<OnGap, BadRequest> {
    match text {
        None | Some("notify") => Ok(OnGap::Notify),
        Some("fail") => Ok(OnGap::Fail),
        Some(_) => {
            let message = "on_gap is 'notify' or 'fail'".into();
            Err(BadRequest { code: Code::BadRequest, message, id: None })
        }
    }
}

fn valid_id(id: String) -> Result<String, BadRequest> {
    let letters = id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if letters && (1..=MAX_ID).contains(&id.len()) {
        return Ok(id);
    }
    let message = format!("an id has 1 to {MAX_ID} characters of A-Z a-z 0-9 . _ -");
    Err(BadRequest { code: Code::InvalidId, message, id: None })
}

fn read_start(after: Option<&str>) -> Result<Start, BadRequest> {
    let Some(after) = after else { return Ok(Start::Now) };
    after.parse().map_err(|error: super::BadStart| {
        // The `+` of a time's offset is a space there.
        let hint = if after.contains(' ') { "; in a URL '+' is written %2B" } else { "" };
        BadRequest { code: Code::InvalidAfter, message: format!("{error}{hint}"), id: None }
    })
}

fn read_format(format: Option<&str>) -> Result<Format, BadRequest> {
    match format {
        None | Some("tagcast") => Ok(Format::Tagcast),
        Some("cloudevents") => Ok(Format::CloudEvents),
        Some(_) => Err(BadRequest {
            code: Code::InvalidFormat,
            message: "format must be 'tagcast' or 'cloudevents'".into(),
            id: None,
        }),
    }
}

#[cfg(test)]
mod tests {
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
    fn bounds_hold_at_their_edges() {
        let code = |batch: &str| {
            Request::parse(&format!(r#"{{"subscribe":{{"id":"a","batch":{batch}}}}}"#)).err().map(|e| e.code)
        };
        for good in [
            r#"{"size":1}"#,
            r#"{"size":5000}"#,
            r#"{"cutoff":0}"#,
            r#"{"cutoff":"300s"}"#,
            r#"{"cutoff":300}"#,
        ] {
            assert_eq!(code(good), None, "{good}");
        }
        for good in [r#"{"bytes":1024}"#, r#"{"bytes":"1MiB"}"#, r#"{"size":"5"}"#] {
            assert_eq!(code(good), None, "{good}");
        }
        for bad in [
            r#"{"size":0}"#,
            r#"{"size":5001}"#,
            r#"{"size":1.5}"#,
            r#"{"cutoff":-1}"#,
            r#"{"cutoff":"301s"}"#,
        ] {
            assert_eq!(code(bad), Some(Code::InvalidBatch), "{bad}");
        }
        for bad in [r#"{"bytes":1023}"#, r#"{"bytes":1048577}"#, r#"{"size":[]}"#] {
            assert_eq!(code(bad), Some(Code::InvalidBatch), "{bad}");
        }
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
        let error = Request::parse(r#"{"subscribe":{"id":"a","after":"soon"}}"#).unwrap_err();
        assert_eq!(error.id.as_deref(), Some("a"), "the client learns which of its subscriptions failed");
    }

    #[test]
    fn reads_a_url() {
        let query = |name: &str| match name {
            "filter" => Some("tag == 'v1'"),
            "batch_size" => Some("5"),
            "batch_cutoff" => Some("0"),
            "after" => Some(""),
            _ => None,
        };
        let request = SubscribeRequest::from_query(query).unwrap();
        assert_eq!((request.id, request.start), (None, Start::Now));
        assert_eq!((request.batching.size, request.batching.cutoff), (5, Duration::ZERO));
    }
}
