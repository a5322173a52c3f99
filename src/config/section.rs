//! A table of the settings, read key by key: what is wrong is noted with its place, and reading goes on.

mod entry;
mod values;

use std::fmt::Display;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Place, Report};
use super::suggest;

/// A value with its place in the file.
pub(super) type Node<'a> = Spanned<DeValue<'a>>;

/// What comes before the file: of the environment, or an option.
pub(super) struct Override<'a> {
    pub(super) key: &'static str,
    pub(super) place: Place,
    pub(super) value: Node<'a>,
}

/// A table: what was given, over the defaults where it has some.
pub(super) struct Section<'a> {
    report: &'a Report,
    /// What stands before a key's name: `log.`, `sources[0] 'hub': `.
    prefix: String,
    /// The same for all entries of a list: `sources.`
    sort: String,
    place: Place,
    given: Option<&'a DeTable<'a>>,
    default: Option<&'a DeTable<'a>>,
    overrides: &'a [Override<'a>],
    /// What was asked for: the names that there are.
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The whole.
    pub(super) fn root(
        report: &'a Report,
        given: &'a DeTable<'a>,
        default: &'a DeTable<'a>,
        overrides: &'a [Override<'a>],
    ) -> Self {
        let place = Place::File(None);
        let (prefix, sort, known) = (String::new(), String::new(), Vec::new());
        let (given, default) = (Some(given), Some(default));
        Self { report, prefix, sort, place, given, default, overrides, known }
    }

    /// A table in this one, by its key; none given: the defaults.
    pub(super) fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Section<'a>) -> T) -> T {
        let given = self.table(key);
        let default = self.default.and_then(|table| table.get(key)?.get_ref().as_table());
        let place = self.place_of(key);
        self.within_table(key, given, default, place, read)
    }

    /// A table in this one that may be missing.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'a>) -> T,
    ) -> Option<T> {
        let given = self.table(key)?;
        let place = self.place_of(key);
        Some(self.within_table(key, Some(given), None, place, read))
    }

    fn within_table<T>(
        &self,
        key: &str,
        given: Option<&'a DeTable<'a>>,
        default: Option<&'a DeTable<'a>>,
        place: Place,
        read: impl FnOnce(&mut Section<'a>) -> T,
    ) -> T {
        let mut section = Section {
            report: self.report,
            prefix: format!("{}{key}.", self.prefix),
            sort: format!("{}{key}.", self.sort),
            place,
            given,
            default,
            overrides: &[],
            known: Vec::new(),
        };
        let value = read(&mut section);
        section.refuse_others();
        value
    }

    pub(super) fn report(&self) -> &'a Report {
        self.report
    }

    /// Whether a key was given.
    pub(super) fn has(&self, key: &str) -> bool {
        self.given.is_some_and(|table| table.contains_key(key))
    }

    /// Whether a list was given that is not empty.
    pub(super) fn is_listed(&self, key: &str) -> bool {
        let list = self.given.and_then(|table| table.get(key)?.get_ref().as_array());
        list.is_some_and(|list| !list.is_empty())
    }

    /// Where a key was given, or else the table.
    pub(super) fn place_of(&self, key: &str) -> Place {
        if let Some(given) = self.overrides.iter().find(|given| given.key == key) {
            return given.place.clone();
        }
        let value = self.given.and_then(|table| table.get(key));
        value.map_or_else(|| self.place.clone(), place)
    }

    /// Notes a fault of a key.
    pub(super) fn note(&self, key: &str, why: impl Display) {
        self.note_at(self.place_of(key), key, why);
    }

    /// The same where the file is to be changed, though the key may have been given elsewhere.
    pub(super) fn note_in_file(&self, key: &str, why: impl Display) {
        let given = self.place_of(key);
        let place = if matches!(given, Place::File(_)) { given } else { self.place.clone() };
        self.note_at(place, key, why);
    }

    /// Notes a fault of a key in a table of this one.
    pub(super) fn note_within(&self, table: &str, key: &str, why: impl Display) {
        let value = self.given.and_then(|given| given.get(table)?.get_ref().as_table()?.get(key));
        let place = value.map_or_else(|| self.place_of(table), place);
        self.note_at(place, &format!("{table}.{key}"), why);
    }

    /// Notes a fault of the table.
    pub(super) fn note_whole(&self, why: impl Display) {
        let name = self.prefix.trim_end_matches([' ', ':', '.']);
        self.report.note(Fault::new(self.place.clone(), name, why));
    }

    fn note_at(&self, place: Place, key: &str, why: impl Display) {
        self.report.note(Fault::new(place, format!("{}{key}", self.prefix), why));
    }

    /// What was given for a key, and where.
    fn given(&mut self, key: &'static str) -> Option<(&'a Node<'a>, Place)> {
        self.known.push(key);
        if let Some(given) = self.overrides.iter().find(|given| given.key == key) {
            return Some((&given.value, given.place.clone()));
        }
        let value = self.given.and_then(|table| table.get(key))?;
        Some((value, place(value)))
    }

    /// A table that was given.
    fn table(&mut self, key: &'static str) -> Option<&'a DeTable<'a>> {
        let (value, _) = self.given(key)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.note(key, format_args!("expected a table: [{}{key}]", self.sort));
        }
        table
    }

    /// Refuses names that nobody asked for.
    pub(super) fn refuse_others(&self) {
        for (key, _) in self.given.into_iter().flat_map(DeTable::iter) {
            let name: &str = key.get_ref();
            if self.known.contains(&name) {
                continue;
            }
            let near = suggest::closest(name, self.known.iter().copied()).map(str::to_owned);
            let near = near.or_else(|| elsewhere(name, &self.prefix));
            let hint = near.map(|near| suggest::meant(&near)).unwrap_or_default();
            let place = Place::File(Some(key.span().start));
            self.note_at(place, shown(name), format_args!("there is no such setting{hint}"));
        }
    }
}

/// A table with nothing in it.
pub(super) fn empty<'a>() -> Spanned<DeTable<'a>> {
    Spanned::new(0..0, DeTable::new())
}

/// Where a value begins.
fn place(value: &Node<'_>) -> Place {
    Place::File(Some(value.span().start))
}

/// A key, if it looks like one: a secret may have been written in its place.
pub(super) fn shown(key: &str) -> &str {
    let is_name =
        key.len() <= 64 && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if is_name { key } else { "(a name)" }
}

/// The setting of this name that stands in another table.
fn elsewhere(name: &str, prefix: &str) -> Option<String> {
    if prefix.contains(':') {
        return None;
    }
    let defaults = toml::from_str::<toml::Table>(super::DEFAULT).ok()?;
    let mut tables = defaults.iter().filter_map(|(table, value)| Some((table, value.as_table()?)));
    let found =
        tables.find(|(_, table)| table.contains_key(name)).map(|(table, _)| format!("{table}.{name}"));
    found.or_else(|| defaults.contains_key(name).then(|| format!("{name}, before all tables")))
}
