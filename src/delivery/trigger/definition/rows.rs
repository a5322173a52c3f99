//! Definitions and former secrets as they are stored, and the checkpoints beside them: read at the start, and sealed
//! anew where another key sealed them, or none.

use std::collections::{BTreeMap, HashMap};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::seal::{OpenError, SealError, SealingKeys};
use super::takeover::{self, Takeover};
use crate::delivery::trigger::error::StorageError;
use crate::delivery::trigger::keys::{self, RowKey};
use crate::delivery::trigger::progress::Checkpoint;
use crate::delivery::trigger::row_writer::Changes;
use crate::delivery::trigger::task::FormerKey;
use crate::log::{AppendError, Change, LogHandle, ReadError, Table};
use crate::trigger::{QualifiedName, Secret, SigningKey, TriggerSpec};

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
    pub(crate) specs: BTreeMap<QualifiedName, TriggerSpec>,
    pub(crate) former_secrets: HashMap<QualifiedName, FormerSecret>,
    pub(crate) checkpoints: HashMap<QualifiedName, Checkpoint>,
}

/// A definition as it is stored.
pub(crate) fn definition_row(
    keys: &SealingKeys,
    spec: &TriggerSpec,
) -> Result<(Table, Change), StorageError> {
    Ok(sealed(keys, keys::definition(&spec.id()), spec)?)
}

/// The former signing secret of a trigger as it is stored.
pub(crate) fn former_secret_row(
    keys: &SealingKeys,
    id: &QualifiedName,
    former: &FormerSecret,
) -> Result<(Table, Change), StorageError> {
    Ok(sealed(keys, keys::former_secret(id), former)?)
}

fn sealed(keys: &SealingKeys, row: RowKey, value: &impl Serialize) -> Result<(Table, Change), SealError> {
    let json = Zeroizing::new(serde_json::to_vec(value).unwrap_or_default());
    let stored = keys.seal(&row.key, json, rand::random())?;
    Ok(row.put(stored))
}

/// Reads all of it, takes over what a former version stored, and has sealed with the present key what is not.
/// `settings`: the triggers of the settings.
pub(crate) async fn load(
    log: &LogHandle,
    keys: &SealingKeys,
    settings: &[TriggerSpec],
    now_ms: i64,
) -> Result<StoredTriggers, LoadError> {
    let mut loading = Loader {
        keys,
        now_ms,
        stored: StoredTriggers::default(),
        former: StoredTriggers::default(),
        anew: Vec::new(),
    };
    let table = keys::TRIGGERS;
    keys::each_row(log, table, b"", |key, stored| loading.take(RowKey { table, key }, stored)).await?;
    let takeover = Takeover::new(&loading.former, settings);
    // What belongs to a trigger first: as long as that is not taken over, a start that was cut off goes on here.
    takeover.of_batches(log).await?;
    loading.take_over(&takeover)?;
    let Loader { stored, anew, .. } = loading;
    if !anew.is_empty() {
        tracing::info!(rows = anew.len(), "stored triggers are written anew");
        log.write(anew).await?;
    }
    Ok(stored)
}

struct Loader<'a> {
    keys: &'a SealingKeys,
    now_ms: i64,
    stored: StoredTriggers,
    /// What a former version stored, all of one cloud that is yet to be found.
    former: StoredTriggers,
    /// What is to be stored otherwise. It is written when all was read: a key that opens only some changes nothing.
    anew: Changes,
}

impl Loader<'_> {
    fn take(&mut self, row: RowKey, stored: Vec<u8>) -> Result<(), LoadError> {
        let Some((sort, rest)) = row.key.split_first() else { return Ok(()) };
        let (former, id) = match keys::owner(rest) {
            _ if takeover::SORTS.contains(sort) => (true, takeover::owner(rest)),
            Some(id) => (false, id),
            None => return Ok(()),
        };
        match *sort {
            keys::DEFINITION | takeover::DEFINITION => {
                let spec = self.open(&id, row, stored, former)?;
                self.found(former).specs.insert(id, spec);
            }
            keys::FORMER_SECRET | takeover::FORMER_SECRET => {
                let secret: FormerSecret = self.open(&id, row.clone(), stored, former)?;
                if secret.1 > self.now_ms {
                    self.found(former).former_secrets.insert(id, secret);
                } else {
                    self.anew.push(row.remove());
                }
            }
            keys::CHECKPOINT | takeover::CHECKPOINT => {
                let checkpoint = serde_json::from_slice(&stored);
                let checkpoint = checkpoint.map_err(|error| LoadError::Row(id.name.clone(), error.into()))?;
                if former {
                    self.anew.push(row.remove());
                }
                self.found(former).checkpoints.insert(id, checkpoint);
            }
            _ => {}
        }
        Ok(())
    }

    fn found(&mut self, former: bool) -> &mut StoredTriggers {
        if former { &mut self.former } else { &mut self.stored }
    }

    /// What a former version stored gets its keys of today.
    fn take_over(&mut self, takeover: &Takeover) -> Result<(), LoadError> {
        let former = std::mem::take(&mut self.former);
        let bad = |id: &QualifiedName, error: SealError| LoadError::Row(id.name.clone(), error.into());
        for (name, secret) in former.former_secrets {
            let Some(id) = takeover.owner(&name.name) else { continue };
            let row = sealed(self.keys, keys::former_secret(id), &secret);
            self.anew.push(row.map_err(|error| bad(id, error))?);
            self.stored.former_secrets.insert(id.clone(), secret);
        }
        for (name, checkpoint) in former.checkpoints {
            let Some(id) = takeover.owner(&name.name) else { continue };
            self.anew.push(checkpoint.row(id));
            self.stored.checkpoints.insert(id.clone(), checkpoint);
        }
        for spec in former.specs.into_values() {
            let id = spec.id();
            let row = sealed(self.keys, keys::definition(&id), &spec);
            self.anew.push(row.map_err(|error| bad(&id, error))?);
            if takeover.owner(&id.name) != Some(&id) {
                // The settings' trigger of that name stood in its place until now; it does not start by itself.
                let checkpoint = Checkpoint { paused: true, ..Checkpoint::default() };
                self.anew.push(checkpoint.row(&id));
                self.stored.checkpoints.insert(id.clone(), checkpoint);
            }
            self.stored.specs.insert(id, spec);
        }
        Ok(())
    }

    fn open<T: DeserializeOwned>(
        &mut self,
        id: &QualifiedName,
        row: RowKey,
        stored: Vec<u8>,
        former: bool,
    ) -> Result<T, LoadError> {
        self.opened(row, stored, former).map_err(|error| match error {
            BadRow::Open(error @ (OpenError::NoKey(_) | OpenError::OtherKey { .. })) => {
                LoadError::Key(id.name.clone(), error)
            }
            error => LoadError::Row(id.name.clone(), error),
        })
    }

    fn opened<T: DeserializeOwned>(
        &mut self,
        row: RowKey,
        stored: Vec<u8>,
        former: bool,
    ) -> Result<T, BadRow> {
        let opened = self.keys.open(&row.key, stored)?;
        let value = serde_json::from_slice(&opened.plain)?;
        if former {
            self.anew.push(row.remove());
        } else if !opened.is_current {
            let stored = self.keys.seal(&row.key, opened.plain, rand::random())?;
            self.anew.push(row.put(stored));
        }
        Ok(value)
    }
}
