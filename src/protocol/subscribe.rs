use serde_json::Value;

use super::{BadRequest, BatchLimits, BatchSpec, Batching, Code, Format, OnGap, ParseStartError, Start};

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

/// What a subscription is asked for with, in a message or a URL. What is left out has its default.
#[derive(Debug)]
pub(super) struct Choices<'a> {
    pub(super) filter: Value,
    pub(super) batch: BatchSpec,
    pub(super) after: Option<&'a str>,
    pub(super) format: Option<&'a str>,
    pub(super) on_gap: Option<&'a str>,
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
        let batch =
            BatchSpec { size: text("batch_size"), cutoff: text("batch_cutoff"), bytes: text("batch_bytes") };
        let filter = text("filter").unwrap_or_default();
        let (after, format, on_gap) = (given("after"), given("format"), given("on_gap"));
        Choices { filter, batch, after, format, on_gap }.read()
    }
}

impl Choices<'_> {
    /// Reads each, into a subscription without a name.
    pub(super) fn read(self) -> Result<SubscribeRequest, BadRequest> {
        let batching = self.batch.bounds(Batching::default(), BatchLimits::CONNECTION);
        Ok(SubscribeRequest {
            id: None,
            filter: self.filter,
            batching: batching.map_err(|error| BadRequest::new(Code::InvalidBatch, error.to_string()))?,
            start: read_start(self.after)?,
            format: read_format(self.format)?,
            on_gap: read_on_gap(self.on_gap)?,
        })
    }
}

fn read_on_gap(text: Option<&str>) -> Result<OnGap, BadRequest> {
    match text {
        None | Some("notify") => Ok(OnGap::Notify),
        Some("fail") => Ok(OnGap::Fail),
        Some(_) => Err(BadRequest::new(Code::BadRequest, "on_gap is 'notify' or 'fail'")),
    }
}

fn read_start(after: Option<&str>) -> Result<Start, BadRequest> {
    let Some(after) = after else { return Ok(Start::Now) };
    after.parse().map_err(|error: ParseStartError| {
        // The `+` of a time's offset is a space there.
        let hint = if after.contains(' ') { "; in a URL '+' is written %2B" } else { "" };
        BadRequest::new(Code::InvalidAfter, format!("{error}{hint}"))
    })
}

fn read_format(format: Option<&str>) -> Result<Format, BadRequest> {
    match format {
        None | Some("tagcast") => Ok(Format::Tagcast),
        Some("cloudevents") => Ok(Format::CloudEvents),
        Some(_) => Err(BadRequest::new(Code::InvalidFormat, "format must be 'tagcast' or 'cloudevents'")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

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
