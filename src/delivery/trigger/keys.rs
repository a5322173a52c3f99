//! Tables and keys of what triggers keep. Neither cloud nor name has a zero byte in it, so no key is another's beginning.
//!
//! Every key has a first byte of its own. That of a former version, which kept names alone, is another one: `takeover`
//! reads those.

use crate::log::{Change, LogHandle, ReadError, Table};
use crate::trigger::QualifiedName;

/// Rows read at once.
const PAGE: usize = 500;

/// Definitions, and how far each trigger is.
pub(super) const TRIGGERS: Table = Table::named("triggers");
/// Batches on their way to a target that has failed, and the bodies of those given up.
pub(super) const DELIVERIES: Table = Table::named("deliveries");
/// All about a batch given up but its body.
pub(super) const DEAD_LETTERS: Table = Table::named("dead-letters");
/// What was tried at targets.
pub(super) const ATTEMPTS: Table = Table::named("attempts");

/// What the key of a definition begins with, that of a former signing secret, and that of a checkpoint.
pub(super) const DEFINITION: u8 = b'D';
pub(super) const FORMER_SECRET: u8 = b'F';
pub(super) const CHECKPOINT: u8 = b'S';
/// The same where a table holds one sort alone.
pub(super) const ALONE: u8 = 1;

/// A row of a table.
#[derive(Clone, Debug)]
pub(super) struct RowKey {
    pub(super) table: Table,
    pub(super) key: Vec<u8>,
}

impl RowKey {
    /// The row's new value.
    pub(super) fn put(self, value: impl Into<Vec<u8>>) -> (Table, Change) {
        (self.table, Change::put(self.key, value))
    }

    /// The row's removal.
    pub(super) fn remove(self) -> (Table, Change) {
        (self.table, Change::remove(self.key))
    }
}

fn row(table: Table, sort: u8, parts: &[&[u8]]) -> RowKey {
    RowKey { table, key: [[sort].as_slice(), &parts.join(&0)].concat() }
}

fn of_trigger(sort: u8, id: &QualifiedName) -> RowKey {
    row(TRIGGERS, sort, &[id.cloud.as_bytes(), id.name.as_bytes()])
}

/// One of several rows of a trigger.
fn one_of(table: Table, sort: u8, id: &QualifiedName, which: &[u8]) -> RowKey {
    row(table, sort, &[id.cloud.as_bytes(), id.name.as_bytes(), which])
}

pub(super) fn definition(id: &QualifiedName) -> RowKey {
    of_trigger(DEFINITION, id)
}

/// Of a signing secret that was replaced.
pub(super) fn former_secret(id: &QualifiedName) -> RowKey {
    of_trigger(FORMER_SECRET, id)
}

pub(super) fn checkpoint(id: &QualifiedName) -> RowKey {
    of_trigger(CHECKPOINT, id)
}

/// Of the events of a batch on its way.
pub(super) fn events(id: &QualifiedName, batch: &str) -> RowKey {
    one_of(DELIVERIES, b'P', id, batch.as_bytes())
}

/// Of all about a dead letter but its body.
pub(super) fn letter(id: &QualifiedName, batch: &str) -> RowKey {
    one_of(DEAD_LETTERS, ALONE, id, batch.as_bytes())
}

/// Of the body of a dead letter.
pub(super) fn letter_body(id: &QualifiedName, batch: &str) -> RowKey {
    one_of(DELIVERIES, b'X', id, batch.as_bytes())
}

/// Of one row of the access log.
pub(super) fn delivery(id: &QualifiedName, number: u64) -> RowKey {
    one_of(ATTEMPTS, ALONE, id, &number.to_be_bytes())
}

/// What the keys of all rows of one trigger's access log begin with.
pub(super) fn deliveries(id: &QualifiedName) -> Vec<u8> {
    one_of(ATTEMPTS, ALONE, id, b"").key
}

/// Whose the row of the table of triggers is, by its key behind the first byte.
pub(super) fn owner(rest: &[u8]) -> Option<QualifiedName> {
    let text = std::str::from_utf8(rest).ok()?;
    text.split_once('\0').map(|(cloud, name)| QualifiedName::new(cloud, name))
}

/// Hands all rows of a table whose keys begin with `prefix` to `take`, in order.
pub(super) async fn each_row<E: From<ReadError>>(
    log: &LogHandle,
    table: Table,
    prefix: &[u8],
    mut take: impl FnMut(Vec<u8>, Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let mut after = prefix.to_vec();
    loop {
        let rows = log.rows(table, after.clone(), PAGE).await?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after.clone_from(last);
        for (key, value) in rows {
            if !key.starts_with(prefix) {
                return Ok(());
            }
            take(key, value)?;
        }
    }
}
