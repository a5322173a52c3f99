//! Feeds and triggers, which have the form of the API's objects: read by serde. Each fault is noted and what is faulty
//! taken away, until no more is found.

mod messages;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::net::SocketAddr;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::ValueDeserializer;

pub(super) use self::messages::why;
use self::tree::Tree;
use super::fault::{Fault, Place, Report};
use super::section::{Node, Section};
use super::{ReaderConfig, SecretConfig, TargetsConfig, suggest, text};
use crate::filter;
use crate::trigger::{
    Definition, DefinitionError, Feed, FeedSpec, QualifiedName, Rules, Secret, TriggerSpec,
};

/// Most faults of one entry that are looked for.
const MOST: usize = 50;

/// A trigger as it stands in the settings: each of its secrets may stand elsewhere, and is known by its place.
type Written = TriggerSpec<Spanned<SecretConfig>>;

/// The settings' feeds.
pub(super) fn feeds(root: &mut Section<'_>, targets: &TargetsConfig, filters: &filter::Options) -> Vec<Feed> {
    let (policy, accounts) = (targets.policy(&[]), BTreeMap::new());
    let rules = Rules { filters, policy: &policy, accounts: &accounts, stored: true };
    let read = |entry: &mut Entry<'_, '_>| {
        let spec: FeedSpec = entry.read()?;
        Some(Feed::new(&spec, &rules).map(|feed| (feed.id(), feed)))
    };
    each(root, "feeds", read)
}

/// The settings' triggers, with their secrets.
pub(super) fn triggers(
    root: &mut Section<'_>,
    targets: &TargetsConfig,
    filters: &filter::Options,
    readers: &[ReaderConfig],
) -> Vec<TriggerSpec> {
    let own: [SocketAddr; 0] = [];
    let (policy, accounts) = (targets.policy(&own), super::targets::accounts(readers));
    let rules = Rules { filters, policy: &policy, accounts: &accounts, stored: true };
    let read = |entry: &mut Entry<'_, '_>| {
        let written: Written = entry.read()?;
        let secret = |secret: Spanned<SecretConfig>| {
            let at = secret.span().start;
            secret.into_inner().read().map(|text| Secret::new(text.expose())).map_err(|error| (at, error))
        };
        match written.try_map_secrets(secret) {
            Ok(spec) => Some(Definition::new(&spec, &rules).map(|_| (spec.id(), spec))),
            Err((at, error)) => {
                let path = entry.tree.path_at(at).unwrap_or_default();
                entry.note(&path, error);
                entry.take_away(&path);
                entry.again()
            }
        }
    };
    each(root, "triggers", read)
}

/// Reads each entry until nothing more is wrong with it; no two are called the same.
fn each<T>(
    root: &mut Section<'_>,
    key: &'static str,
    read: impl Fn(&mut Entry<'_, '_>) -> Option<Result<(QualifiedName, T), DefinitionError>>,
) -> Vec<T> {
    let mut found: Vec<T> = Vec::new();
    let mut names = BTreeSet::new();
    for (index, (name, node)) in root.nodes(key).into_iter().enumerate() {
        let mut entry = Entry::new(root.report(), name, node);
        entry.check_cloud();
        while entry.left > 0 {
            entry.left -= 1;
            match read(&mut entry) {
                Some(Ok((id, value))) => {
                    if !names.insert(id) {
                        root.note_item(key, index, format_args!("another of the {key} has this name"));
                    }
                    found.push(value);
                    break;
                }
                Some(Err(error)) => {
                    let path: Vec<_> = error.field.split('/').skip(1).map(str::to_owned).collect();
                    entry.note_error(&path, &error.body.message);
                    if !entry.take_away(&path) {
                        break;
                    }
                }
                None if entry.goes_on => entry.goes_on = false,
                None => break,
            }
        }
    }
    found
}

/// One entry of a list, and what is left of it.
struct Entry<'r, 'a> {
    report: &'r Report,
    name: String,
    /// What is told, with its places.
    whole: &'a Node<'a>,
    tree: Tree<'a>,
    taken: BTreeSet<Vec<String>>,
    left: usize,
    /// Whether there is something left to be read once more.
    goes_on: bool,
}

impl<'r, 'a> Entry<'r, 'a> {
    fn new(report: &'r Report, name: String, whole: &'a Node<'a>) -> Self {
        let tree = Tree::new(whole.clone());
        Self { report, name, whole, tree, taken: BTreeSet::new(), left: MOST, goes_on: false }
    }

    /// A cloud has a name in the settings, as those of readers and sources have.
    fn check_cloud(&mut self) {
        let path = ["cloud_id".to_owned()];
        let cloud = self.tree.at(&path).and_then(|node| node.get_ref().as_str());
        if let Some(Err(why)) = cloud.map(text::label) {
            self.note(&path, why);
            self.take_away(&path);
        }
    }

    /// Reads what is left; a fault of its form is noted and taken away.
    fn read<T: DeserializeOwned>(&mut self) -> Option<T> {
        let read = serde_path_to_error::deserialize(ValueDeserializer::from(self.tree.node().clone()));
        let error: serde_path_to_error::Error<toml::de::Error> = match read {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let (mut path, message) = (messages::path(error.path()), error.inner().message());
        if let Some(field) = messages::missing(message) {
            let parent = path.clone();
            path.push(field.to_owned());
            if !self.taken.iter().any(|taken| taken.starts_with(&path)) {
                self.note(&parent, format_args!("{field} is missing"));
            }
            return None;
        }
        let is_unknown = message.starts_with("unknown field ");
        let word = if is_unknown {
            path.last().map(String::as_str)
        } else {
            self.whole_at(&path).and_then(|node| node.get_ref().as_str())
        };
        let why = why(message, word);
        match tree::key_at(self.whole, &path).filter(|_| is_unknown) {
            Some(key) => self.note_at(key, &path, &why),
            None => self.note(&path, &why),
        }
        self.take_away(&path);
        self.again()
    }

    /// Nothing for now, but there is more to be read.
    fn again<T>(&mut self) -> Option<T> {
        self.goes_on = true;
        None
    }

    /// Takes away what is faulty; whether there was anything.
    fn take_away(&mut self, path: &[String]) -> bool {
        self.taken.insert(path.to_vec());
        self.tree.take_away(path)
    }

    fn note(&self, path: &[String], why: impl Display) {
        // What was taken away for another fault is not told to be missing.
        let is_consequence = self.whole_at(path).is_some() && self.tree.at(path).is_none();
        if is_consequence {
            return;
        }
        let at = (0..=path.len()).rev().find_map(|length| self.whole_at(&path[..length]));
        self.note_at(at.unwrap_or(self.whole).span().start, path, why);
    }

    /// Notes a fault of the meaning; of a word that is none of several, with what was meant.
    fn note_error(&self, path: &[String], message: &str) {
        let word = self.whole_at(path).and_then(|node| node.get_ref().as_str()).unwrap_or_default();
        let names = message.split_once("must be one of ").map(|(_, names)| names.split(", "));
        let hint = names.map(|names| suggest::hint(word, names)).unwrap_or_default();
        self.note(path, format_args!("{message}{hint}"));
    }

    fn note_at(&self, at: usize, path: &[String], why: impl Display) {
        let name = if path.is_empty() { String::new() } else { format!(": {}", path.join(".")) };
        self.report.note(Fault::new(Place::File(Some(at)), format!("{}{name}", self.name), why));
    }

    fn whole_at(&self, path: &[String]) -> Option<&'a Node<'a>> {
        tree::at(self.whole, path)
    }
}
