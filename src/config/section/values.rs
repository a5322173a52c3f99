//! The values of a table by their forms.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;
use toml::de::{DeValue, ValueDeserializer};

use super::{Node, Section};
use crate::config::fault::{Fault, Place};
use crate::config::quantity::{Quantity, Unread};
use crate::config::secret::{SecretConfig, SecretText};
use crate::config::{definitions, suggest};
use crate::limits::Rate;

impl<'a> Section<'a> {
    /// What was given for a key, if it can be read.
    fn read<T>(&mut self, key: &'static str, read: impl Fn(&DeValue<'_>) -> Result<T, String>) -> Option<T> {
        let (value, place) = self.given(key)?;
        read(value.get_ref()).map_err(|why| self.note_at(place, key, why)).ok()
    }

    /// The same, or the default of the manual.
    fn read_or_default<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<T> {
        let given = self.read(key, &read);
        given.or_else(|| read(self.default?.get(key)?.get_ref()).ok())
    }

    /// A time, a size or a number.
    pub(in crate::config) fn within<Q: Quantity>(
        &mut self,
        key: &'static str,
        bounds: RangeInclusive<Q>,
    ) -> Q {
        self.tell_bounds(key, &bounds);
        self.read_or_default(key, |value| bounded(value, &bounds)).unwrap_or(*bounds.start())
    }

    /// The same of an entry, whose default the manual only tells.
    pub(in crate::config) fn within_or<Q: Quantity>(
        &mut self,
        key: &'static str,
        default: Q,
        bounds: RangeInclusive<Q>,
    ) -> Q {
        self.tell_bounds(key, &bounds);
        self.read(key, |value| bounded(value, &bounds)).unwrap_or(default)
    }

    /// A rate.
    pub(in crate::config) fn rate(&mut self, per_second: &'static str, burst: &'static str) -> Rate {
        let per_second = self.within(per_second, Rate::BOUNDS);
        let burst = self.within(burst, Rate::BOUNDS);
        Rate::new(per_second, burst).unwrap_or(Rate::ONE)
    }

    #[cfg(test)]
    fn tell_bounds<Q: Quantity>(&self, key: &str, bounds: &RangeInclusive<Q>) {
        let default = self.default.and_then(|table| table.get(key));
        let default = default.and_then(|value| Q::read(value.get_ref()).ok()).map(|value| value.to_string());
        let [below, _] = bounds.start().beside();
        let [_, above] = bounds.end().beside();
        let (least, most) = (bounds.start().to_string(), bounds.end().to_string());
        let name = format!("{}{key}", self.sort);
        let known = crate::config::tests::Known { name, default, least, most, below, above };
        self.report.settings.borrow_mut().push(known);
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "tests are told")]
    fn tell_bounds<Q: Quantity>(&self, _: &str, _: &RangeInclusive<Q>) {}

    /// A switch.
    pub(in crate::config) fn switch(&mut self, key: &'static str) -> bool {
        let read = |value: &DeValue<'_>| value.as_bool().ok_or_else(|| "expected true or false".to_owned());
        self.read_or_default(key, read).unwrap_or_default()
    }

    /// A text that `read` makes something of.
    pub(in crate::config) fn parsed<T, E: Display>(
        &mut self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.read_or_default(key, |value| text(value, &read))
    }

    /// The same of what has to be there.
    pub(in crate::config) fn required<T, E: Display>(
        &mut self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        if !self.has(key) {
            self.known.push(key);
            self.note_whole(format_args!("{key} is missing"));
        }
        self.parsed(key, read)
    }

    /// One of several words.
    pub(in crate::config) fn one_of<T: DeserializeOwned>(&mut self, key: &'static str) -> Option<T> {
        self.read_or_default(key, |value| {
            let Some(word) = value.as_str() else { return Err("expected a text, in quotes".to_owned()) };
            let read = T::deserialize(toml::Value::String(word.to_owned()));
            read.map_err(|error| definitions::why(error.message(), Some(word)))
        })
    }

    /// Texts, each of which `read` makes something of.
    pub(in crate::config) fn list<T, E: Display>(
        &mut self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let mut found = Vec::new();
        for (index, value) in self.items(key, "expected a list of texts: [\"…\"]").into_iter().enumerate() {
            match text(value.get_ref(), &read) {
                Ok(item) => found.push(item),
                Err(why) => self.note_item(key, index, why),
            }
        }
        found
    }

    /// The same of a list, or of one text; there is one at least.
    pub(in crate::config) fn one_or_more<T, E: Display>(
        &mut self,
        key: &'static str,
        expected: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let Some((value, place)) = self.given(key) else {
            let default = self.default.and_then(|table| text(table.get(key)?.get_ref(), &read).ok());
            return default.into_iter().collect();
        };
        let in_file =
            self.given.and_then(|table| table.get(key)).filter(|_| !matches!(place, Place::File(_)));
        if let Some(other) = in_file {
            // It is not used, and wrong all the same.
            self.texts(key, (other, super::place(other)), expected, &read);
        }
        self.texts(key, (value, place), expected, &read)
    }

    fn texts<T, E: Display>(
        &self,
        key: &str,
        (value, place): (&Node<'_>, Place),
        expected: &str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let mut found = Vec::new();
        match value.get_ref() {
            DeValue::String(_) => match text(value.get_ref(), &read) {
                Ok(item) => found.push(item),
                Err(why) => self.note_at(place, key, why),
            },
            DeValue::Array(list) if !list.is_empty() => {
                for (index, item) in list.iter().enumerate() {
                    let is_of_file = matches!(place, Place::File(_));
                    let place = if is_of_file { super::place(item) } else { place.clone() };
                    match text(item.get_ref(), &read) {
                        Ok(item) => found.push(item),
                        Err(why) => self.note_at(place, &format!("{key}[{index}]"), why),
                    }
                }
            }
            _ => self.note_at(place, key, expected),
        }
        found
    }

    /// What a list has.
    pub(super) fn items(&mut self, key: &'static str, expected: &str) -> Vec<&'a Node<'a>> {
        let Some((value, place)) = self.given(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.note_at(place, key, expected);
            return Vec::new();
        };
        items.iter().collect()
    }

    /// A secret, which may stand elsewhere.
    pub(in crate::config) fn secret(&mut self, key: &'static str) -> Option<SecretText> {
        let (value, place) = self.given(key)?;
        read_secret(value).map_err(|why| self.note_at(place, key, why)).ok()
    }

    /// Several of them, each with its number.
    pub(in crate::config) fn secrets(&mut self, key: &'static str) -> Vec<(usize, SecretText)> {
        let mut found = Vec::new();
        for (index, value) in self.items(key, "expected a list of secrets").into_iter().enumerate() {
            match read_secret(value) {
                Ok(secret) => found.push((index, secret)),
                Err(why) => self.note_item(key, index, why),
            }
        }
        found
    }

    /// Notes a fault of an entry of a list, such as `previous_keys[1]`.
    pub(in crate::config) fn note_item(&self, key: &str, index: usize, why: impl Display) {
        let is_of_file = !self.overrides.iter().any(|given| given.key == key);
        let list = self.given.filter(|_| is_of_file).and_then(|table| table.get(key)?.get_ref().as_array());
        let place = list.and_then(|list| list.get(index)).map(super::place);
        let name = format!("{}{key}[{index}]", self.prefix);
        self.report.note(Fault::new(place.unwrap_or_else(|| self.place_of(key)), name, why));
    }
}

fn text<T, E: Display>(value: &DeValue<'_>, read: impl Fn(&str) -> Result<T, E>) -> Result<T, String> {
    let Some(text) = value.as_str() else { return Err("expected a text, in quotes".to_owned()) };
    read(text).map_err(|error| error.to_string())
}

fn bounded<Q: Quantity>(value: &DeValue<'_>, bounds: &RangeInclusive<Q>) -> Result<Q, String> {
    let outside = |is: &str| Err(format!("must be from {} to {}, and is {is}", bounds.start(), bounds.end()));
    match Q::read(value) {
        Ok(read) if bounds.contains(&read) => Ok(read),
        Ok(read) => outside(&read.to_string()),
        Err(Unread::Beyond(told)) => outside(&told),
        Err(Unread::Other(expected)) => Err(expected.to_owned()),
    }
}

fn read_secret(value: &Node<'_>) -> Result<SecretText, String> {
    use serde::Deserialize as _;
    let secret = SecretConfig::deserialize(ValueDeserializer::from(value.clone()));
    let secret = secret.map_err(|error| suggest_form(value.get_ref(), error.message()))?;
    secret.read().map_err(|error| error.to_string())
}

/// What a secret looks like, and which word of it is misspelt.
fn suggest_form(value: &DeValue<'_>, expected: &str) -> String {
    let mut keys = value.as_table().into_iter().flat_map(toml::de::DeTable::keys);
    let near = keys.find_map(|key| {
        let name: &str = key.get_ref();
        suggest::closest(name, ["env", "file"]).filter(|near| *near != name)
    });
    format!("{expected}{}", near.map(suggest::meant).unwrap_or_default())
}
