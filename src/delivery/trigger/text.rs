//! Serde for values that stand as text in what is stored and shown.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serializer};

pub(super) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    Cow::<str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

/// The same where nothing is the empty text.
pub(super) mod optional {
    use super::{Cow, Deserializer, Display, FromStr, Serializer};
    use serde::Deserialize as _;
    use serde::de::Error as _;

    /// A value that may be missing.
    pub(in super::super) trait Optional {
        fn shown(&self) -> Option<&dyn Display>;
    }

    impl<T: Display> Optional for Option<T> {
        fn shown(&self) -> Option<&dyn Display> {
            self.as_ref().map(|value| value as &dyn Display)
        }
    }

    pub(in super::super) fn serialize<S: Serializer>(
        value: &impl Optional,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value.shown() {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_str(""),
        }
    }

    pub(in super::super) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = Cow::<str>::deserialize(deserializer)?;
        if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(D::Error::custom) }
    }
}
