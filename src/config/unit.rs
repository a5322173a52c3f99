use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::protocol::{parse_bytes, parse_duration};

/// A time in a settings file: `"250ms"`, `"10s"`, `"7d"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

/// A number of bytes in a settings file: `"64KiB"`, `"10GiB"`, `4096`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl Size {
    /// The same as a length in memory.
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || de::Error::custom("expected a time: \"250ms\", \"10s\", \"7d\"");
        parse_duration(&text).map(Self).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a size: \"64KiB\", \"1MiB\", 4096")]
        enum Form {
            Number(u64),
            Text(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Number(bytes) => Ok(Self(bytes)),
            Form::Text(text) => {
                let wrong = || de::Error::custom("expected a size: \"64KiB\", \"1MiB\", 4096");
                parse_bytes(&text).map(Self).ok_or_else(wrong)
            }
        }
    }
}
