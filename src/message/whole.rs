use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde_json::Value;

/// A whole number of 64 bits. JSON has but one sort of numbers: `5.0` is one as well, up to where each is exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Whole(pub(crate) i64);

/// Beyond it not every whole number has a form of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Whole {
    /// The number that a value is, if it is one.
    pub(crate) fn of(value: &Value) -> Option<i64> {
        Self::deserialize(value).ok().map(|Self(number)| number)
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNumber).map(Self)
    }
}

struct AnyNumber;

impl Visitor<'_> for AnyNumber {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
        i64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and exact")]
    fn visit_f64<E: Error>(self, number: f64) -> Result<i64, E> {
        let is_whole = number.fract() == 0.0 && number.abs() <= EXACT;
        if is_whole { Ok(number as i64) } else { Err(E::invalid_value(Unexpected::Float(number), &self)) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_in_each_form() {
        for (value, number) in [
            (json!(5), Some(5)),
            (json!(-5), Some(-5)),
            (json!(5.0), Some(5)),
            (json!(-0.0), Some(0)),
            (json!(1e3), Some(1_000)),
            (json!(i64::MIN), Some(i64::MIN)),
            (json!(9_007_199_254_740_992.0), Some(1 << 53)),
            (json!(9_007_199_254_740_994.0), None),
            (json!(u64::MAX), None),
            (json!(5.5), None),
            (json!("5"), None),
            (json!(null), None),
            (json!(true), None),
        ] {
            assert_eq!(Whole::of(&value), number, "{value}");
        }
    }
}
