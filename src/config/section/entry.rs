//! The entries of a list of tables, such as `[[sources]]`.

use toml::de::DeTable;

use super::{Node, Section, place};
use crate::protocol::is_name;

impl<'a> Section<'a> {
    /// Each entry of a list, read by `read`; those that can't be are left out.
    pub(in crate::config) fn entries<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'a>) -> Option<T>,
    ) -> Vec<T> {
        let mut found = Vec::new();
        for (name, value) in self.nodes(key) {
            let Some(table) = value.get_ref().as_table() else { continue };
            let mut section = self.entry(key, &name, value, table);
            found.extend(read(&mut section));
            section.refuse_others();
        }
        found
    }

    /// Each entry of a list with what it is called: `sources[0] 'hub'`. One that is no table is refused.
    pub(in crate::config) fn nodes(&mut self, key: &'static str) -> Vec<(String, &'a Node<'a>)> {
        let is_inner = !self.prefix.is_empty();
        let expected = if is_inner {
            format!("expected a list of tables: {key} = [{{ … }}]")
        } else {
            format!("expected a list of tables: [[{key}]]")
        };
        let mut found = Vec::new();
        for (index, value) in self.items(key, &expected).into_iter().enumerate() {
            match value.get_ref().as_table() {
                Some(table) => found.push((name(key, index, table), value)),
                None => self.note_item(key, index, "expected a table"),
            }
        }
        found
    }

    fn entry(&self, key: &str, name: &str, value: &Node<'_>, table: &'a DeTable<'a>) -> Section<'a> {
        let end = if self.prefix.is_empty() { ": " } else { "." };
        Section {
            report: self.report,
            prefix: format!("{}{name}{end}", self.prefix),
            sort: format!("{}{key}.", self.sort),
            place: place(value),
            given: Some(table),
            default: None,
            overrides: &[],
            known: Vec::new(),
        }
    }

    /// Takes all names for known: what is wrong was said otherwise.
    pub(in crate::config) fn leave_rest(&mut self) {
        self.given = None;
    }

    /// The names that were given.
    pub(in crate::config) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.given.into_iter().flat_map(DeTable::keys).map(|key| -> &str { key.get_ref() })
    }
}

/// By its number, and by its name where it has one.
fn name(key: &str, index: usize, table: &DeTable<'_>) -> String {
    let name = table.get("name").and_then(|name| name.get_ref().as_str()).filter(|name| is_name(name));
    format!("{key}[{index}]{}", name.map(|name| format!(" '{name}'")).unwrap_or_default())
}
