use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{BadRequest, Code};
use crate::message::{JsonFault, Object, Whole};

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
    #[serde(default = "default_sample", deserialize_with = "read_sample")]
    pub sample: usize,
    /// One event to try it on, any field left out.
    pub event: Option<Value>,
}

const fn default_sample() -> usize {
    SAMPLE
}

fn read_sample<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let Whole(sample) = Whole::deserialize(deserializer)?;
    let sample = usize::try_from(sample).ok().filter(|sample| *sample <= LARGEST_SAMPLE);
    sample.ok_or_else(|| D::Error::custom(format_args!("sample is 0 to {LARGEST_SAMPLE}")))
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
        let Object(request) = serde_json::from_slice::<Object<Self>>(body).map_err(|error| {
            let why = format!("not a check: {}", JsonFault(&error.to_string()));
            BadRequest::new(Code::BadRequest, why)
        })?;
        Ok(request)
    }
}
