//! Definitions and former secrets as they are stored, and the checkpoints beside them: read at the start, and sealed
//! anew where another key sealed them, or none.

use std::collections::{BTreeMap, HashMap};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::seal::{OpenError, SealError, SealingKeys};
use crate::delivery::trigger::error::StorageError;
use crate::delivery::trigger::keys::{self, RowKey};
use crate::delivery::trigger::progress::Checkpoint;
use crate::delivery::trigger::row_writer::Changes;
use crate::delivery::trigger::task::FormerKey;
use crate::log::{AppendError, Change, LogHandle, ReadError, Table};
use crate::trigger::{Secret, SigningKey, TriggerSpec};

/// Why triggers can't be started. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The key is missing or another one.
    #[error("the stored trigger '{0}': {1}")]
    Key(String, OpenError),
    /// What is stored is damaged, or of another form.
    #[error("trigger '{0}': {1}")]
    Row(String, BadRow),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Write(#[from] AppendError),
}

/// Why a stored row can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadRow {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// A signing secret that was replaced, and until when it signs too, in Unix milliseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FormerSecret(pub(crate) Secret, pub(crate) i64);

impl FormerSecret {
    pub(crate) fn key(&self) -> Option<FormerKey> {
        let key = SigningKey::parse(self.0.expose()).ok()?;
        Some(FormerKey { key, until: self.1 })
    }
}

/// All that is stored, by name.
#[derive(Default)]
pub(crate) struct StoredTriggers {
    pub(crate) specs: BTreeMap<String, TriggerSpec>,
    pub(crate) former_secrets: HashMap<String, FormerSecret>,
    pub(crate) checkpoints: HashMap<String, Checkpoint>,
}

/// A definition as it is stored.
pub(crate) fn definition_row(
    keys: &SealingKeys,
    spec: &TriggerSpec,
) -> Result<(Table, Change), StorageError> {
    sealed(keys, keys::definition(&spec.name), spec)
}

/// The former signing secret of a trigger as it is stored.
pub(crate) fn former_secret_row(
    keys: &SealingKeys,
    name: &str,
    former: &FormerSecret,
) -> Result<(Table, Change), StorageError> {
    sealed(keys, keys::former_secret(name), former)
}

fn sealed(keys: &SealingKeys, row: RowKey, value: &impl Serialize) -> Result<(Table, Change), StorageError> {
    let json = Zeroizing::new(serde_json::to_vec(value).unwrap_or_default());
    let stored = keys.seal(&row.key, json, rand::random())?;
    Ok(row.put(stored))
}

/// Reads all of it, and has sealed with the present key what is not.
pub(crate) async fn load(
    log: &LogHandle,
    keys: &SealingKeys,
    now_ms: i64,
) -> Result<StoredTriggers, LoadError> {
    let mut loading = Loader { keys, now_ms, found: StoredTriggers::default(), anew: Vec::new() };
    let table = keys::TRIGGERS;
    keys::each_row(log, table, b"", |key, stored| loading.take(RowKey { table, key }, stored)).await?;
    let Loader { found, anew, .. } = loading;
    if !anew.is_empty() {
        tracing::info!(rows = anew.len(), "stored secrets are encrypted anew");
        log.write(anew).await?;
    }
    Ok(found)
}

struct Loader<'a> {
    keys: &'a SealingKeys,
    now_ms: i64,
    found: StoredTriggers,
    /// What is to be stored otherwise. It is written when all was read: a key that opens only some changes nothing.
    anew: Changes,
}

impl Loader<'_> {
    fn take(&mut self, row: RowKey, stored: Vec<u8>) -> Result<(), LoadError> {
        let Some((sort, name)) = row.key.split_first() else { return Ok(()) };
        let (sort, name) = (*sort, String::from_utf8_lossy(name).into_owned());
        match sort {
            keys::DEFINITION => {
                let spec = self.open(&name, row, stored)?;
                self.found.specs.insert(name, spec);
            }
            keys::FORMER_SECRET => {
                let former: FormerSecret = self.open(&name, row.clone(), stored)?;
                if former.1 > self.now_ms {
                    self.found.former_secrets.insert(name, former);
                } else {
                    self.anew.push(row.remove());
                }
            }
            _ => {
                let checkpoint = serde_json::from_slice(&stored);
                let checkpoint = checkpoint.map_err(|error| LoadError::Row(name.clone(), error.into()))?;
                self.found.checkpoints.insert(name, checkpoint);
            }
        }
        Ok(())
    }

    fn open<T: DeserializeOwned>(
        &mut self,
        name: &str,
        row: RowKey,
        stored: Vec<u8>,
    ) -> Result<T, LoadError> {
        self.opened(row, stored).map_err(|error| match error {
            BadRow::Open(error @ (OpenError::NoKey(_) | OpenError::OtherKey { .. })) => {
                LoadError::Key(name.to_owned(), error)
            }
            error => LoadError::Row(name.to_owned(), error),
        })
    }

    fn opened<T: DeserializeOwned>(&mut self, row: RowKey, stored: Vec<u8>) -> Result<T, BadRow> {
        let opened = self.keys.open(&row.key, stored)?;
        let value = serde_json::from_slice(&opened.plain)?;
        if !opened.is_current {
            let stored = self.keys.seal(&row.key, opened.plain, rand::random())?;
            self.anew.push(row.put(stored));
        }
        Ok(value)
    }
}
