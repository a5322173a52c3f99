//! Strict JSON, for every kind: no member named twice, no depth beyond the limit, no lone surrogate, nothing
//! behind the end. serde_json alone takes the last of two members that are named alike, while what checked or
//! logged the body before may have looked at the first.
//!
//! The check is a pass of its own, so that it also sees members which no reader asks for.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::{Limits, Unreadable};

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
    Unreadable::malformed(error.to_string())
}

/// What `deserialize_any` walks through the whole document with.
struct Walk<'c, 'de> {
    depth: usize,
    state: &'c State<'de>,
}

struct State<'de> {
    max_depth: usize,
    too_deep: Cell<bool>,
    /// Member names of all objects that are open, one object's behind the other's: one allocation for all.
    names: RefCell<Vec<Cow<'de, str>>>,
}

fn check(json: &str, limits: &Limits) -> Result<(), Unreadable> {
    let state = State { max_depth: limits.depth, too_deep: Cell::default(), names: RefCell::default() };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let walked = Walk { depth: 0, state: &state }.deserialize(&mut deserializer);
    walked.and_then(|()| deserializer.end()).map_err(|error| {
        if state.too_deep.get() {
            return Unreadable { code: "too_deep", message: format!("deeper than {} levels", limits.depth) };
        }
        unreadable(error)
    })
}

impl<'de> DeserializeSeed<'de> for Walk<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Walk<'_, '_> {
    fn deeper<E: Error>(&self) -> Result<Self, E> {
        if self.depth == self.state.max_depth {
            self.state.too_deep.set(true);
            return Err(E::custom("too deep"));
        }
        Ok(Self { depth: self.depth + 1, state: self.state })
    }
}

impl<'de> Visitor<'de> for Walk<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while seq.next_element_seed(Walk { depth: inner.depth, state: inner.state })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let names = &self.state.names;
        let start = names.borrow().len();
        while let Some(Name(name)) = map.next_key()? {
            names.borrow_mut().push(name);
            map.next_value_seed(Walk { depth: inner.depth, state: inner.state })?;
        }
        let mut names = names.borrow_mut();
        if let Some(twice) = twice(&mut names[start..]) {
            return Err(A::Error::custom(format_args!("member '{}' stands there twice", brief(twice))));
        }
        names.truncate(start);
        Ok(())
    }
}

/// A name that stands in the list more than once.
fn twice<'n>(names: &'n mut [Cow<'_, str>]) -> Option<&'n str> {
    // Pairwise is fastest for the few members that objects have, and quadratic for an attacker's.
    const FEW: usize = 16;
    if names.len() > FEW {
        names.sort_unstable();
        return names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| &*pair[0]);
    }
    let repeated =
        |&i: &usize| names[..i].iter().any(|name| name.len() == names[i].len() && *name == names[i]);
    (1..names.len()).find(repeated).map(|i| &*names[i])
}

fn brief(name: &str) -> &str {
    name.char_indices().nth(40).map_or(name, |(end, _)| &name[..end])
}

/// A member's name, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyName;
        impl<'de> Visitor<'de> for AnyName {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member's name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(AnyName)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn code(json: &str) -> Result<(), &'static str> {
        check(json, &Limits::default()).map_err(|unreadable| unreadable.code)
    }

    #[test]
    fn refuses_what_two_readers_may_read_in_two_ways() {
        for bad in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":[{"a":1,"b":{},"a":2}]}"#,
            r#"{"a":1} {"a":1}"#,
            r#"{"a":1}x"#,
            r#""\ud800""#,
            r#"{"a":"\udc00"}"#,
            "{'a':1}",
            "",
            "\u{feff}{}",
        ] {
            assert_eq!(code(bad), Err("malformed_event"), "{bad}");
        }
        assert!(parse::<IgnoredAny>(b"\"\xff\"", &Limits::default()).is_err());
        for good in [r#"{"a":{"a":1},"b":{"a":1}}"#, r#"[{"a":1},{"a":1}]"#, r#" {"a":"\ud83d\ude00"} "#] {
            assert_eq!(code(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn finds_a_repeated_name_among_many() {
        let many: Vec<String> = (0..1_000).map(|i| format!("\"m{i}\":0")).collect();
        assert_eq!(code(&format!("{{{}}}", many.join(","))), Ok(()));
        assert_eq!(code(&format!("{{{},\"m500\":1}}", many.join(","))), Err("malformed_event"));
    }

    #[test]
    fn depth() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(code(&nested(32)), Ok(()));
        assert_eq!(code(&nested(33)), Err("too_deep"));
        assert_eq!(code(&nested(100_000)), Err("too_deep"));
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

        #[test]
        fn takes_what_serde_json_writes(text: String, number: i64) {
            let value = serde_json::json!({"a": [text.clone(), {"b": number}], "c": null, "d": text});
            prop_assert_eq!(code(&value.to_string()), Ok(()));
        }
    }
}
