//! What makes JSON strict: a walk through the whole document.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Limits, Unreadable, unreadable};

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

/// A pass of its own, so that it also sees members which no reader asks for.
pub(super) fn check(json: &str, limits: &Limits) -> Result<(), Unreadable> {
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
pub(super) struct Name<'a>(pub(super) Cow<'a, str>);

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

    proptest! {
        #[test]
        fn takes_what_serde_json_writes(text: String, number: i64) {
            let value = serde_json::json!({"a": [text.clone(), {"b": number}], "c": null, "d": text});
            prop_assert_eq!(code(&value.to_string()), Ok(()));
        }
    }
}
