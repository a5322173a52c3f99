use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// What is read from an object alone: a derived reader takes a list of the members' values as well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}

/// The same as `deserialize_with` of a member.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Object::deserialize(deserializer).map(|Object(read)| read)
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize, PartialEq)]
    struct Pair {
        a: u8,
        #[serde(default, deserialize_with = "object")]
        b: Inner,
    }

    #[derive(Debug, Default, serde::Deserialize, PartialEq)]
    struct Inner {
        c: u8,
    }

    #[test]
    fn a_list_is_no_object() {
        let read =
            |json| serde_json::from_str::<Object<Pair>>(json).map(|Object(pair)| (pair.a, pair.b.c)).ok();
        assert_eq!(read(r#"{"a":1,"b":{"c":2}}"#), Some((1, 2)));
        assert_eq!(read(r#"{"a":1}"#), Some((1, 0)));
        for list in [r#"[1,{"c":2}]"#, r#"{"a":1,"b":[2]}"#, r#"{"a":1,"b":null}"#, "7"] {
            assert_eq!(read(list), None, "{list}");
        }
    }
}
