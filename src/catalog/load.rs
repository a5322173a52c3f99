//! Reads back what [`Catalog::changes`] wrote.

use std::sync::Arc;

use data_encoding::HEXLOWER;

use super::digest::Digest;
use super::entry;
use super::mark::Note;
use super::repositories::Repositories;
use super::repository::{self, Chart, Repository};
use super::stamp::Stamp;
use super::step::Step;
use super::tag_graph::Pointer;
use super::value::{self, Value};
use super::{Catalog, Limits};
use crate::collections::{Ledger, Reversible as _};

/// An entry of the store that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored entry {} cannot be read: {reason}", HEXLOWER.encode(key))]
pub struct BadEntry {
    /// Its key.
    pub key: Vec<u8>,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Numbers of repositories are small, since freed ones are used again. A larger one is damage, and
/// must not make us fill memory with the places before it.
const NUMBERS: u32 = 1 << 24;

impl Catalog {
    /// A catalog as it was when the entries were written; they may come in any order.
    ///
    /// # Errors
    /// The first entry that cannot be read.
    pub(crate) fn load<I, K, V>(limits: Limits, entries: I) -> Result<Self, BadEntry>
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let mut state = Repositories::new(limits);
        for (key, value) in entries {
            let (key, value) = (key.as_ref(), value.as_ref());
            state.take_in(key, value).map_err(|reason| BadEntry { key: key.to_vec(), reason })?;
        }
        state.find_names()?;
        Ok(Self { state: Ledger::new(state), scratch: Vec::new() })
    }
}

impl Repositories {
    fn take_in(&mut self, key: &[u8], stored: &[u8]) -> Result<(), &'static str> {
        let (&[kind, a, b, c, d], subject) = key.split_first_chunk::<5>().ok_or("too short a key")?;
        let number = u32::from_be_bytes([a, b, c, d]);
        if number >= NUMBERS {
            return Err("too high a number");
        }
        if self.by_number.get(number).is_none() {
            self.by_number.place(number, Box::new(Repository::new(Arc::default())));
        }
        match kind {
            entry::REPOSITORY => {
                let key = value::restore_name(stored).filter(|key| repository::name(key).is_some());
                self.repository_mut(number).key = key.ok_or("a bad name")?.into();
            }
            entry::CHANGED => {
                let changed = value::restore_number(stored).ok_or("a bad value")?;
                self.repository_mut(number).changed = changed;
            }
            kind => {
                let value = Value::restore(stored).ok_or("a bad value")?;
                self.take_in_value(kind, number, subject, value)?;
            }
        }
        Ok(())
    }

    fn take_in_value(
        &mut self,
        kind: u8,
        number: u32,
        subject: &[u8],
        value: Value,
    ) -> Result<(), &'static str> {
        match kind {
            entry::IMAGE => {
                let digest = Digest::restore(subject).ok_or("a bad digest")?;
                let image = self.take_in_image(number, digest);
                self.apply(Step::ChangeImage { repository: number, image, at: value.at });
            }
            entry::TAG => {
                let name = text(subject)?;
                let image = value.digest.map(|digest| self.take_in_image(number, digest));
                let shown = Pointer { image, at: value.at };
                self.apply(match self.find_tag(number, name) {
                    Some(tag) => Step::ChangeTag { repository: number, tag, shown },
                    None => Step::AddTag { repository: number, name: name.into(), shown },
                });
            }
            entry::CHART => {
                let chart = Chart { digest: value.digest, at: value.at };
                let version = text(subject)?.into();
                self.apply(Step::SetChart { repository: number, version, chart: Some(chart) });
            }
            entry::MARK => {
                let mark = entry::restore_mark(subject).ok_or("a bad mark")?;
                let since = value.since.ok_or("a mark without its time")?;
                let note = Note { since, at: value.at, told: value.told, digest: value.digest };
                self.apply(Step::SetMark { repository: number, mark, note: Some(note) });
            }
            _ => return Err("an unknown kind"),
        }
        Ok(())
    }

    /// An image's number; a tag may come before its image.
    fn take_in_image(&mut self, number: u32, digest: Digest) -> u32 {
        if let Some(image) = self.find_image(number, &digest) {
            return image;
        }
        let image = self.repository(number).table.next_image();
        self.apply(Step::AddImage { repository: number, digest, at: Stamp::NEVER });
        image
    }

    /// Makes the table of names, which each repository has to be in.
    fn find_names(&mut self) -> Result<(), BadEntry> {
        self.by_number.find_free();
        for (number, repository) in self.by_number.iter() {
            let key = || entry::key(entry::REPOSITORY, number);
            if repository.key.is_empty() {
                return Err(BadEntry { key: key(), reason: "not there" });
            }
            if self.names.insert(&repository.key, number).is_some() {
                return Err(BadEntry { key: key(), reason: "a name twice" });
            }
        }
        Ok(())
    }
}

fn text(subject: &[u8]) -> Result<&str, &'static str> {
    std::str::from_utf8(subject).map_err(|_| "not a text")
}
