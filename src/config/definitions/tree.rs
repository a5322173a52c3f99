//! A value of the settings from which parts can be taken away.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::section::Node;

/// What is left of an entry.
pub(super) struct Tree<'a>(Node<'a>);

/// In place of what has to be there, so that the rest can be judged.
const STAND_INS: [(&[&str], &str); 2] =
    [(&["name"], "a-name"), (&["target", "http", "url"], "https://example.com/")];

impl<'a> Tree<'a> {
    pub(super) fn new(node: Node<'a>) -> Self {
        Self(node)
    }

    pub(super) fn node(&self) -> &Node<'a> {
        &self.0
    }

    pub(super) fn at(&self, path: &[String]) -> Option<&Node<'a>> {
        at(&self.0, path)
    }

    /// The way to what begins at a byte of the file.
    pub(super) fn path_at(&self, start: usize) -> Option<Vec<String>> {
        path_in(&self.0, start)
    }

    /// Takes away what stands there, and the tables that it leaves empty; what has to be there gets another value.
    /// Whether anything was changed.
    pub(super) fn take_away(&mut self, path: &[String]) -> bool {
        if let Some((_, text)) = STAND_INS.iter().find(|(own, _)| own == &path) {
            return set(self.0.get_mut(), path, text);
        }
        (1..=path.len()).rev().any(|length| remove(self.0.get_mut(), &path[..length]))
    }
}

/// What stands at a path.
pub(super) fn at<'n, 'a>(node: &'n Node<'a>, path: &[String]) -> Option<&'n Node<'a>> {
    path.iter().try_fold(node, |node, name| match node.get_ref() {
        DeValue::Table(table) => table.get(name.as_str()),
        DeValue::Array(array) => array.get(name.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Where the name of what stands at a path begins.
pub(super) fn key_at(node: &Node<'_>, path: &[String]) -> Option<usize> {
    let (name, parents) = path.split_last()?;
    let (key, _) = at(node, parents)?.get_ref().as_table()?.get_key_value(name.as_str())?;
    Some(key.span().start)
}

fn path_in(node: &Node<'_>, start: usize) -> Option<Vec<String>> {
    let DeValue::Table(table) = node.get_ref() else { return None };
    table.iter().find_map(|(key, value)| {
        let name = key.get_ref().to_string();
        if value.span().start == start {
            return Some(vec![name]);
        }
        path_in(value, start).map(|rest| [vec![name], rest].concat())
    })
}

fn remove(value: &mut DeValue<'_>, path: &[String]) -> bool {
    let (DeValue::Table(table), [name, rest @ ..]) = (value, path) else { return false };
    if rest.is_empty() {
        return table.remove(name.as_str()).is_some();
    }
    let Some(inner) = table.get_mut(name.as_str()) else { return false };
    let removed = remove(inner.get_mut(), rest);
    if removed && inner.get_ref().as_table().is_some_and(DeTable::is_empty) {
        table.remove(name.as_str());
    }
    removed
}

/// Puts a text there; whether another one stood there before.
fn set(value: &mut DeValue<'_>, path: &[String], text: &str) -> bool {
    let (DeValue::Table(table), [name, rest @ ..]) = (value, path) else { return false };
    if let (false, Some(inner)) = (rest.is_empty(), table.get_mut(name.as_str())) {
        return set(inner.get_mut(), rest, text);
    }
    let same = |node: &Node<'_>| node.get_ref().as_str() == Some(text);
    if !rest.is_empty() || table.get(name.as_str()).is_some_and(same) {
        return false;
    }
    let new = |text: &str| DeValue::String(text.to_owned().into());
    if let Some(node) = table.get_mut(name.as_str()) {
        *node.get_mut() = new(text);
    } else {
        let key = Spanned::new(0..0, name.clone().into());
        table.insert(key, Spanned::new(0..0, new(text)));
    }
    true
}
