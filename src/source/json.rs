//! Strict JSON, for every kind: no member named twice, no depth beyond the limit, no lone surrogate, nothing
//! behind the end. serde_json alone takes the last of two members that are named alike, while what checked or
//! logged the body before may have looked at the first.

mod strict;

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use self::strict::{Name, check};
use super::{Limits, Unreadable};
use crate::message::JsonFault;

/// Reads one document.
pub(super) fn parse<'a, T: Deserialize<'a>>(json: &'a [u8], limits: &Limits) -> Result<T, Unreadable> {
    parse_text(text(json)?, limits)
}

fn parse_text<'a, T: Deserialize<'a>>(json: &'a str, limits: &Limits) -> Result<T, Unreadable> {
    check(json, limits)?;
    serde_json::from_str(json).map_err(unreadable)
}

/// Once for the whole document is cheaper than serde_json's check of each text in it.
fn text(json: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(json).map_err(|error| Unreadable::malformed(format!("not UTF-8: {error}")))
}

/// Reads a part of a document that was read already; an absent part as the default.
pub(super) fn part<'a, T: Default + Deserialize<'a>>(part: Part<'a>) -> Result<T, Unreadable> {
    part.map_or_else(|| Ok(T::default()), |raw| serde_json::from_str(raw.get()).map_err(unreadable))
}

/// A member whose shape depends on what stands beside it, left as it is until that is known.
pub(super) type Part<'a> = Option<&'a RawValue>;

/// Where a body holds its notifications.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// In an array that is this member of the body's object.
    Member(&'static str),
    /// The body is an array of them, or one alone.
    Bare,
}

/// Reads a body of many notifications. One that is wrong leaves the others as they are.
pub(super) fn list<'a, T: Deserialize<'a>>(
    json: &'a [u8],
    place: Place,
    limits: &Limits,
) -> Result<Vec<Result<T, Unreadable>>, Unreadable> {
    let json = text(json)?;
    let checked = check(json, limits);
    if checked.is_ok()
        && let Ok(all) = elements::<T>(json, place, limits)
    {
        return Ok(all.into_iter().map(Ok).collect());
    }
    // Something is wrong: look at each alone.
    let raw = elements::<&RawValue>(json, place, limits)?;
    let parsed: Vec<_> = raw.into_iter().map(|raw| parse_text(raw.get(), limits)).collect();
    match checked {
        // What is wrong lies around the notifications, not in one of them.
        Err(unreadable) if parsed.iter().all(Result::is_ok) => Err(unreadable),
        _ => Ok(parsed),
    }
}

fn elements<'a, T: Deserialize<'a>>(
    json: &'a str,
    place: Place,
    limits: &Limits,
) -> Result<Vec<T>, Unreadable> {
    if matches!(place, Place::Bare) && !json.trim_ascii_start().starts_with('[') {
        return serde_json::from_str(json).map(|one| vec![one]).map_err(unreadable);
    }
    let too_many = Cell::new(false);
    let list = List { place, limit: limits.events, too_many: &too_many, element: PhantomData };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let elements = list.deserialize(&mut deserializer).and_then(|all| deserializer.end().map(|()| all));
    elements.map_err(|error| if too_many.get() { self::too_many(limits) } else { unreadable(error) })
}

pub(super) fn too_many(limits: &Limits) -> Unreadable {
    let message = format!("more than {} notifications in one request", limits.events);
    Unreadable { code: "too_many_events", message }
}

struct List<'c, T> {
    place: Place,
    limit: usize,
    too_many: &'c Cell<bool>,
    element: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for List<'_, T> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        match self.place {
            Place::Member(_) => deserializer.deserialize_map(self),
            Place::Bare => deserializer.deserialize_seq(self),
        }
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for List<'_, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Member(name) => write!(f, "an object with an array '{name}'"),
            Place::Bare => f.write_str("an array"),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(element) = seq.next_element()? {
            if all.len() == self.limit {
                self.too_many.set(true);
                return Err(A::Error::custom("too many"));
            }
            all.push(element);
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<T>, A::Error> {
        let Place::Member(name) = self.place else { return Err(A::Error::custom("expected an array")) };
        let mut all = None;
        while let Some(Name(key)) = map.next_key()? {
            if key != name {
                map.next_value::<IgnoredAny>()?;
            } else if all.is_some() {
                return Err(A::Error::custom(format_args!("member '{name}' stands there twice")));
            } else {
                all = Some(map.next_value_seed(List { place: Place::Bare, ..self })?);
            }
        }
        all.ok_or_else(|| A::Error::custom(format_args!("no member '{name}'")))
    }
}

// `List { ..self }` above needs it, and a derive would ask the same of `T`.
impl<T> Clone for List<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for List<'_, T> {}

#[allow(clippy::needless_pass_by_value)] // for `map_err`
fn unreadable(error: serde_json::Error) -> Unreadable {
    Unreadable::malformed(JsonFault(&error.to_string()).to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_is_no_utf_8_is_refused() {
        assert!(parse::<IgnoredAny>(b"\"\xff\"", &Limits::default()).is_err());
    }

    fn numbers(json: &str, place: Place) -> Result<Vec<Option<u8>>, &'static str> {
        let limits = Limits { events: 3, ..Limits::default() };
        list::<u8>(json.as_bytes(), place, &limits)
            .map(|all| all.into_iter().map(Result::ok).collect())
            .map_err(|unreadable| unreadable.code)
    }

    #[test]
    fn one_wrong_element_leaves_the_others() {
        let member = Place::Member("events");
        assert_eq!(numbers(r#"{"events":[1,2]}"#, member), Ok(vec![Some(1), Some(2)]));
        assert_eq!(numbers(r#"{"x":{},"events":[1,"2",3],"y":1}"#, member), Ok(vec![Some(1), None, Some(3)]));
        assert_eq!(numbers(r#"{"events":[1,{"a":1,"a":2}]}"#, member), Ok(vec![Some(1), None]));
        assert_eq!(numbers("[]", Place::Bare), Ok(vec![]));
        assert_eq!(numbers(" 7", Place::Bare), Ok(vec![Some(7)]));
        assert_eq!(numbers("[7,8]", Place::Bare), Ok(vec![Some(7), Some(8)]));
    }

    #[test]
    fn a_wrong_envelope_is_wrong_as_a_whole() {
        let member = Place::Member("events");
        for bad in [
            r#"{"events":[1],"events":[2]}"#,
            r#"{"a":1,"a":1,"events":[1]}"#,
            "{}",
            "[1]",
            r#"{"events":1}"#,
        ] {
            assert_eq!(numbers(bad, member), Err("malformed_event"), "{bad}");
        }
        assert_eq!(numbers(r#"{"events":[1,2,3,4]}"#, member), Err("too_many_events"));
        assert_eq!(numbers("[1,2,3,4]", Place::Bare), Err("too_many_events"));
        assert_eq!(numbers("[1,2", Place::Bare), Err("malformed_event"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(json in proptest::collection::vec(any::<u8>(), 0..64)) {
            let limits = Limits::default();
            let _ = list::<Value>(&json, Place::Bare, &limits);
            let _ = list::<Value>(&json, Place::Member("a"), &limits);
        }
    }
}
