//! Types for the members of a registry's JSON, which forgive what registries do to them.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

pub(super) use crate::message::Text;

/// `null` is the default, for objects that some registries write as `null`.
pub(super) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The same, for an object whose members are described elsewhere.
#[derive(Debug, Default)]
pub(super) struct Nullable<T>(pub(super) T);

impl<'de, T: Default + Deserialize<'de>> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        nullable(deserializer).map(Self)
    }
}

/// A size in bytes; anything but a whole number above 0 is 0, not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size(pub(super) u64);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Scalar::deserialize(deserializer)? {
            Scalar::Whole(size) => u64::try_from(size).unwrap_or(0),
            _ => 0,
        }))
    }
}

/// A time: RFC 3339 or seconds since 1970. Whatever can't be read as one, and the year 1 that Go writes for no
/// time, is not told; a notification never fails for its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Time(pub(super) Option<Timestamp>);

impl Time {
    /// RFC 3339; the zone may lack its colon.
    pub(super) fn parse(text: &str) -> Self {
        Self(text.parse().ok().filter(is_told))
    }

    /// `2016-11-29 12:25:46`, at `zone`.
    pub(super) fn parse_local(text: &str, zone: Offset) -> Self {
        let local = text.parse::<DateTime>().ok().and_then(|local| zone.to_timestamp(local).ok());
        Self(local.filter(is_told))
    }
}

fn is_told(time: &Timestamp) -> bool {
    // 0002-01-01T00:00:00Z
    const YEAR_2: i64 = -62_104_060_800;
    time.as_second() >= YEAR_2
}

impl From<&Scalar<'_>> for Time {
    fn from(value: &Scalar<'_>) -> Self {
        match *value {
            Scalar::Text(ref text) => Self::parse(text),
            Scalar::Whole(0) | Scalar::Other => Self(None),
            Scalar::Whole(seconds) => Self(Timestamp::from_second(seconds).ok().filter(is_told)),
            Scalar::Fraction(seconds) => {
                let since = SignedDuration::try_from_secs_f64(seconds).ok();
                Self(since.and_then(|since| Timestamp::from_duration(since).ok()).filter(is_told))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Scalar::deserialize(deserializer).map(|value| Self::from(&value))
    }
}

/// Any value, of which only texts and numbers are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Scalar<'a> {
    Text(Text<'a>),
    Whole(i64),
    Fraction(f64),
    #[default]
    Other,
}

/// As it stood in the body; for telling repeats apart.
impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Whole(number) => number.fmt(f),
            Self::Fraction(number) => number.fmt(f),
            Self::Other => Ok(()),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyScalar)
    }
}

struct AnyScalar;

impl<'de> Visitor<'de> for AnyScalar {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(text.to_owned().into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Whole(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).map_or(Scalar::Other, Scalar::Whole))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Fraction(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(json: &str) -> Option<String> {
        serde_json::from_str::<Time>(json).unwrap().0.map(|t| t.to_string())
    }

    #[test]
    fn times() {
        for (json, expected) in [
            (r#""2023-01-25T14:45:54.17327+11:00""#, "2023-01-25T03:45:54.17327Z"),
            (r#""2020-04-05T21:49:44.219+0000""#, "2020-04-05T21:49:44.219Z"),
            (r#""2019-03-12T22:42:08.3783775+00:00""#, "2019-03-12T22:42:08.3783775Z"),
            ("1586922308", "2020-04-15T03:45:08Z"),
            ("1417566161.5", "2014-12-03T00:22:41.5Z"),
        ] {
            assert_eq!(time(json).as_deref(), Some(expected), "{json}");
        }
    }

    #[test]
    fn a_time_that_is_none_fails_nothing() {
        for json in [
            r#""0001-01-01T00:00:00Z""#,
            r#""019-03-12T22:42:08.7034064Z""#,
            r#""yesterday""#,
            r#""""#,
            "0",
            "1e300",
            "18446744073709551615",
            "9223372036854775807",
            "null",
            "true",
            "[1]",
            r#"{"a":1}"#,
        ] {
            assert_eq!(time(json), None, "{json}");
        }
    }

    #[test]
    fn local_times_take_the_zone_that_is_set() {
        let at =
            |zone| Time::parse_local("2016-11-29 12:25:46", Offset::constant(zone)).0.unwrap().to_string();
        assert_eq!(at(8), "2016-11-29T04:25:46Z");
        assert_eq!(at(0), "2016-11-29T12:25:46Z");
        assert_eq!(Time::parse_local("", Offset::UTC).0, None);
        assert_eq!(Time::parse_local("0001-01-01 00:00:00", Offset::UTC).0, None);
    }

    #[test]
    fn sizes() {
        for (json, expected) in [("418", 418), ("0", 0), ("-1", 0), ("1.5", 0), ("null", 0), (r#""12""#, 0)] {
            assert_eq!(serde_json::from_str::<Size>(json).unwrap(), Size(expected), "{json}");
        }
    }

    #[test]
    fn texts() {
        assert_eq!(&*serde_json::from_str::<Text<'_>>(r#""a\u0062""#).unwrap(), "ab");
        assert_eq!(&*serde_json::from_str::<Text<'_>>("null").unwrap(), "");
        assert!(serde_json::from_str::<Text<'_>>("1").is_err());
    }
}
