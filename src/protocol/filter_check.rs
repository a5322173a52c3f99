use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BadRequest, Code};

/// Events that a check looks at, unless it says otherwise, and at most.
const SAMPLE: usize = 1_000;
const LARGEST_SAMPLE: usize = 10_000;

/// `POST /v1/filters/check`: what would this filter do?
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckRequest {
    /// `true`, an expression or a shorthand object; null for none.
    #[serde(default)]
    pub filter: Value,
    /// How many of the newest events to try it on.
    #[serde(default = "default_sample")]
    pub sample: usize,
    /// One event to try it on, any field left out.
    pub event: Option<Value>,
}

const fn default_sample() -> usize {
    SAMPLE
}

/// The answer to it.
#[derive(Debug, Serialize)]
pub(crate) struct CheckReport {
    /// The filter as it was understood.
    pub filter: String,
    /// How many events it was tried on.
    pub sampled: usize,
    /// How many of them match.
    pub matched: usize,
    /// The ids of the last ones that do, in the order of the log.
    pub newest: Vec<String>,
    /// What it says of the given event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventReport>,
}

/// What a filter says of one event.
#[derive(Debug, Serialize)]
pub(crate) struct EventReport {
    /// Whether it matches.
    pub matches: bool,
    /// If not, because of what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<Mismatch>,
}

/// A condition that an event does not meet.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Mismatch {
    /// The condition as it was written, or for a shorthand object as it was understood.
    pub text: String,
    /// Code points before it.
    pub offset: usize,
    /// Code points of it.
    pub length: usize,
    /// Where it is in a shorthand object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The event's value of the field that it tests.
    pub value: String,
}

impl CheckRequest {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// [`BadRequest`] if it is no JSON, of the wrong shape, or the sample is too large.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, BadRequest> {
        let request: Self = serde_json::from_slice(body)
            .map_err(|error| BadRequest::new(Code::BadRequest, format!("not a check: {error}")))?;
        if request.sample > LARGEST_SAMPLE {
            return Err(BadRequest::new(Code::BadRequest, format!("sample is at most {LARGEST_SAMPLE}")));
        }
        Ok(request)
    }
}
