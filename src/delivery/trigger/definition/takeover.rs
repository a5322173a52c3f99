//! What a version stored that kept triggers by name alone: whose it is by now, and its rows under today's keys.
//!
//! Its keys began with small letters, or with the name itself. Each write moves what belongs together, and what was
//! moved is not found again; so it may be cut off anywhere, and the next start goes on.

use std::collections::HashMap;

use serde::Deserialize;

use super::LoadError;
use super::rows::StoredTriggers;
use crate::delivery::trigger::keys::{self, ALONE, ATTEMPTS, DEAD_LETTERS, DELIVERIES, RowKey};
use crate::delivery::trigger::letters::DeadLetter;
use crate::delivery::trigger::row_writer::Changes;
use crate::log::{Change, LogHandle, Table};
use crate::trigger::{QualifiedName, TriggerSpec};

/// What its keys in the table of triggers began with.
pub(super) const DEFINITION: u8 = b'd';
pub(super) const FORMER_SECRET: u8 = b'f';
pub(super) const CHECKPOINT: u8 = b's';
pub(super) const SORTS: [u8; 3] = [DEFINITION, FORMER_SECRET, CHECKPOINT];

/// Rows in one write: small ones, and those that have a batch in them.
const SMALL: usize = 500;
const LARGE: usize = 16;

/// Whose what is stored under a name alone is.
#[derive(Default)]
pub(super) struct Takeover {
    owners: HashMap<String, QualifiedName>,
}

/// A name whose cloud is yet to be found.
pub(super) fn owner(name: &[u8]) -> QualifiedName {
    QualifiedName::new("", &String::from_utf8_lossy(name))
}

impl Takeover {
    /// The settings' trigger of a name had what was stored under it, else the one that was stored.
    pub(super) fn new(former: &StoredTriggers, settings: &[TriggerSpec]) -> Self {
        let stored = former.specs.values().chain(settings);
        Self { owners: stored.map(|spec| (spec.name.clone(), spec.id())).collect() }
    }

    pub(super) fn owner(&self, name: &str) -> Option<&QualifiedName> {
        self.owners.get(name)
    }

    /// Moves what is stored of batches; what is nobody's goes.
    pub(super) async fn of_batches(&self, log: &LogHandle) -> Result<(), LoadError> {
        let attempts = |rest: &[u8], value| {
            let (name, number) = split(rest)?;
            let number = u64::from_be_bytes(number.try_into().ok()?);
            Some(keys::delivery(self.owner(name)?, number).put(value))
        };
        move_all(log, ATTEMPTS, b"", SMALL, attempts).await?;
        self.letters(log).await?;
        let events = |rest: &[u8], value| {
            let (name, batch) = split(rest)?;
            Some(keys::events(self.owner(name)?, std::str::from_utf8(batch).ok()?).put(value))
        };
        move_all(log, DELIVERIES, b"p", LARGE, events).await?;
        // Bodies without a letter.
        move_all(log, DELIVERIES, b"x", LARGE, |_: &[u8], _| None).await
    }

    /// Dead letters and their bodies. Whose they are, the events in them say; where those don't, the trigger of that name.
    async fn letters(&self, log: &LogHandle) -> Result<(), LoadError> {
        loop {
            let rows = log.rows(DEAD_LETTERS, vec![ALONE + 1], LARGE).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let mut changes = Changes::new();
            for (key, value) in rows {
                let body = RowKey { table: DELIVERIES, key: [b"x", key.as_slice()].concat() };
                let stored = log.row(DELIVERIES, body.key.clone()).await?;
                if let (Ok(letter), Some(stored)) = (serde_json::from_slice::<DeadLetter>(&value), stored) {
                    let of_name = || Some(self.owner(&letter.trigger)?.cloud.clone());
                    let cloud = cloud_of(&stored).or_else(of_name).unwrap_or_default();
                    changes.extend(letter.taken_over(cloud).rows(&stored));
                }
                changes.extend([RowKey { table: DEAD_LETTERS, key }.remove(), body.remove()]);
            }
            log.write(changes).await?;
        }
    }
}

/// Name, and what stands behind it.
fn split(rest: &[u8]) -> Option<(&str, &[u8])> {
    let end = rest.iter().position(|byte| *byte == 0)?;
    Some((std::str::from_utf8(&rest[..end]).ok()?, &rest[end + 1..]))
}

/// Moves all rows of a former version whose keys begin with `sort`, `at_once` in each write. What has no new place goes.
async fn move_all(
    log: &LogHandle,
    table: Table,
    sort: &[u8],
    at_once: usize,
    new_place: impl Fn(&[u8], Vec<u8>) -> Option<(Table, Change)>,
) -> Result<(), LoadError> {
    let first = if sort.is_empty() { vec![ALONE + 1] } else { sort.to_vec() };
    loop {
        let mut rows = log.rows(table, first.clone(), at_once).await?;
        rows.retain(|(key, _)| key.starts_with(sort));
        if rows.is_empty() {
            return Ok(());
        }
        let mut changes = Changes::new();
        for (key, value) in rows {
            changes.extend(new_place(&key[sort.len()..], value));
            changes.push(RowKey { table, key }.remove());
        }
        log.write(changes).await?;
    }
}

/// The cloud of the first event in a delivery, in those forms that name it.
fn cloud_of(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Envelope {
        messages: Vec<Message>,
    }
    #[derive(Deserialize)]
    struct Message {
        event_metadata: Metadata,
    }
    #[derive(Deserialize)]
    struct Metadata {
        cloud_id: String,
    }
    #[derive(Deserialize)]
    struct CloudEvent {
        cloudid: String,
    }
    let envelope = serde_json::from_slice::<Envelope>(body).ok();
    let of_envelope = envelope.and_then(|envelope| envelope.messages.into_iter().next());
    let of_events = || serde_json::from_slice::<Vec<CloudEvent>>(body).ok()?.into_iter().next();
    let named = of_envelope.map(|message| message.event_metadata.cloud_id);
    named.or_else(|| of_events().map(|event| event.cloudid)).filter(|cloud| !cloud.is_empty())
}
