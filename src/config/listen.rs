use std::fmt;

use serde::de::{Deserializer, SeqAccess, Visitor};

use crate::transport::ListenAddress;

/// Reads one address, or a list.
pub(super) fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<ListenAddress>, D::Error> {
    from.deserialize_any(OneOrMore)
}

struct OneOrMore;

impl<'de> Visitor<'de> for OneOrMore {
    type Value = Vec<ListenAddress>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address, or a list of them")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        text.parse().map(|address| vec![address]).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut addresses = Vec::new();
        while let Some(address) = list.next_element()? {
            addresses.push(address);
        }
        Ok(addresses)
    }
}
