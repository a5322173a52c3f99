use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Batching, read_bytes, read_duration};

/// The bounds of a batch as someone writes them: in a message, a URL, a trigger or the settings. What is left out has
/// its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchSpec {
    /// Events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Value>,
    /// Time, `"250ms"` or seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cutoff: Option<Value>,
    /// Bytes, a number or `"64KiB"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Value>,
}

/// How far the bounds may be set. Bytes are 1 KiB to 1 MiB for everyone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchLimits {
    /// Events.
    pub(crate) size: usize,
    /// Time.
    pub(crate) cutoff: Duration,
}

impl BatchLimits {
    /// Of batches for connections.
    pub(crate) const CONNECTION: Self = Self { size: 5_000, cutoff: Duration::from_mins(5) };
}

/// A bound that can't be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("batch {field} must be {expected}")]
pub(crate) struct BatchError {
    /// Which one.
    pub(crate) field: &'static str,
    /// What it may be.
    pub(crate) expected: String,
}

impl BatchSpec {
    /// The bounds, each within its limit.
    ///
    /// # Errors
    ///
    /// [`BatchError`] of the first that is not.
    pub(crate) fn bounds(&self, default: Batching, limits: BatchLimits) -> Result<Batching, BatchError> {
        let number = |value: &Option<Value>, default: usize| match value {
            None => Some(default),
            Some(value) => read_bytes(value).and_then(|number| usize::try_from(number).ok()),
        };
        let size = number(&self.size, default.size).filter(|size| (1..=limits.size).contains(size));
        let cutoff = self.cutoff.as_ref().map_or(Some(default.cutoff), read_duration);
        let cutoff = cutoff.filter(|cutoff| *cutoff <= limits.cutoff);
        let bytes = number(&self.bytes, default.bytes).filter(|bytes| (1 << 10..=1 << 20).contains(bytes));
        let wrong = |field, expected| BatchError { field, expected };
        let (most, longest) = (limits.size, limits.cutoff.as_secs());
        Ok(Batching {
            size: size.ok_or_else(|| wrong("size", format!("a whole number from 1 to {most}")))?,
            cutoff: cutoff
                .ok_or_else(|| wrong("cutoff", format!("a time from 0 to {longest}s, such as \"250ms\"")))?,
            bytes: bytes.ok_or_else(|| wrong("bytes", "a size from 1KiB to 1MiB".into()))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bounds(json: Value) -> Result<Batching, BatchError> {
        let spec: BatchSpec = serde_json::from_value(json).unwrap();
        spec.bounds(Batching::default(), BatchLimits::CONNECTION)
    }

    #[test]
    fn bounds_hold_at_their_edges() {
        for good in [
            json!({"size": 1}),
            json!({"size": 5000}),
            json!({"size": "5"}),
            json!({"cutoff": 0}),
            json!({"cutoff": "300s"}),
            json!({"cutoff": 300}),
            json!({"bytes": 1024}),
            json!({"bytes": "1MiB"}),
        ] {
            assert!(bounds(good.clone()).is_ok(), "{good}");
        }
        for (bad, field) in [
            (json!({"size": 0}), "size"),
            (json!({"size": 5001}), "size"),
            (json!({"size": 1.5}), "size"),
            (json!({"size": []}), "size"),
            (json!({"cutoff": -1}), "cutoff"),
            (json!({"cutoff": "301s"}), "cutoff"),
            (json!({"bytes": 1023}), "bytes"),
            (json!({"bytes": 1_048_577}), "bytes"),
        ] {
            assert_eq!(bounds(bad.clone()).unwrap_err().field, field, "{bad}");
        }
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        assert_eq!(bounds(json!({})), Ok(Batching::default()));
        let few = bounds(json!({"size": 7})).unwrap();
        assert_eq!(few, Batching { size: 7, ..Batching::default() });
    }

    #[test]
    fn an_error_says_what_may_be() {
        let error = bounds(json!({"cutoff": "1h"})).unwrap_err();
        assert_eq!(error.to_string(), "batch cutoff must be a time from 0 to 300s, such as \"250ms\"");
    }
}
