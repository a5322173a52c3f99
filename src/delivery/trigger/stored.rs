//! What is stored of triggers: read at the start, and sealed anew where another key sealed it, or none.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::keys;
use super::seal::{CantOpen, CantSeal, SealingKeys};
use super::state::State;
use super::store::{Changes, put, remove};
use crate::log::{Change, LogHandle, Table};
use crate::trigger::{Secret, Written};

/// Rows read at once.
const PAGE: usize = 500;

/// Why triggers can't be started. Nothing was changed then.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The key is missing or another one.
    #[error("{0}")]
    Key(String),
    /// Storage can't be read or written, or what is stored is damaged.
    #[error("{0}")]
    Storage(String),
}

/// A signing secret that was replaced, and until when it signs too, in Unix milliseconds.
pub(super) type Former = (Secret, i64);

/// All that is stored, by name.
#[derive(Default)]
pub(super) struct StoredTriggers {
    pub(super) written: BTreeMap<String, Written>,
    pub(super) states: HashMap<String, State>,
}

/// A definition as it is stored.
pub(super) fn written(keys: &SealingKeys, written: &Written) -> Result<(Table, Change), CantSeal> {
    sealed(keys, keys::written(&written.name), written)
}

/// A state as it is stored: it holds no secret.
pub(super) fn state(name: &str, state: &State) -> (Table, Change) {
    put(keys::TRIGGERS, keys::state(name), serde_json::to_vec(state).unwrap_or_default())
}

/// The former signing secret of a trigger as it is stored.
pub(super) fn former(keys: &SealingKeys, name: &str, former: &Former) -> Result<(Table, Change), CantSeal> {
    sealed(keys, keys::former(name), former)
}

fn sealed(keys: &SealingKeys, row: Vec<u8>, value: &impl Serialize) -> Result<(Table, Change), CantSeal> {
    let json = Zeroizing::new(serde_json::to_vec(value).unwrap_or_default());
    let stored = keys.seal(&row, json, rand::random())?;
    Ok(put(keys::TRIGGERS, row, stored))
}

/// Reads all of it, and has sealed with the present key what is not.
pub(super) async fn read(
    log: &LogHandle,
    keys: &SealingKeys,
    now_ms: i64,
) -> Result<StoredTriggers, LoadError> {
    let mut reading =
        Reading { keys, now_ms, found: StoredTriggers::default(), former: HashMap::new(), anew: Vec::new() };
    let mut after = Vec::new();
    loop {
        let rows = log.rows(keys::TRIGGERS, after.clone(), PAGE).await;
        let rows = rows.map_err(|error| LoadError::Storage(error.to_string()))?;
        let Some((last, _)) = rows.last() else { break };
        after.clone_from(last);
        for (row, stored) in rows {
            reading.take(row, stored)?;
        }
    }
    let Reading { mut found, former, anew, .. } = reading;
    for (name, former) in former {
        if let Some(state) = found.states.get_mut(&name) {
            state.former_secret = Some(former);
        }
    }
    if !anew.is_empty() {
        tracing::info!(rows = anew.len(), "stored secrets are encrypted anew");
        log.write(anew).await.map_err(|error| LoadError::Storage(error.to_string()))?;
    }
    Ok(found)
}

struct Reading<'a> {
    keys: &'a SealingKeys,
    now_ms: i64,
    found: StoredTriggers,
    former: HashMap<String, Former>,
    /// What is to be stored otherwise. It is written when all was read: a key that opens only some changes nothing.
    anew: Changes,
}

impl Reading<'_> {
    fn take(&mut self, row: Vec<u8>, stored: Vec<u8>) -> Result<(), LoadError> {
        let Some((sort, name)) = row.split_first() else { return Ok(()) };
        let (sort, name) = (*sort, String::from_utf8_lossy(name).into_owned());
        match sort {
            keys::WRITTEN => {
                let written = self.open(&name, row, stored)?;
                self.found.written.insert(name, written);
            }
            keys::FORMER => {
                let former: Former = self.open(&name, row.clone(), stored)?;
                if former.1 > self.now_ms {
                    self.former.insert(name, former);
                } else {
                    self.anew.push(remove(keys::TRIGGERS, row));
                }
            }
            _ => {
                let state = serde_json::from_slice(&stored).map_err(|error| unreadable(&name, error))?;
                self.found.states.insert(name, state);
            }
        }
        Ok(())
    }

    fn open<T: DeserializeOwned>(
        &mut self,
        name: &str,
        row: Vec<u8>,
        stored: Vec<u8>,
    ) -> Result<T, LoadError> {
        let opened = self.keys.open(&row, stored).map_err(|error| match error {
            CantOpen::Damaged => unreadable(name, error),
            CantOpen::NoKey(_) | CantOpen::OtherKey { .. } => {
                LoadError::Key(format!("the stored trigger '{name}': {error}"))
            }
        })?;
        let value = serde_json::from_slice(&opened.plain).map_err(|error| unreadable(name, error))?;
        if !opened.is_current {
            let stored = self.keys.seal(&row, opened.plain, rand::random());
            let stored = stored.map_err(|error| unreadable(name, error))?;
            self.anew.push(put(keys::TRIGGERS, row, stored));
        }
        Ok(value)
    }
}

fn unreadable(name: &str, why: impl std::fmt::Display) -> LoadError {
    LoadError::Storage(format!("trigger '{name}': {why}"))
}
