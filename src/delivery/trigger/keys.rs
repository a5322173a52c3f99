//! Tables and keys of what triggers keep. A name has no zero byte in it, so no key is another's beginning.

use crate::log::{Change, LogHandle, ReadError, Table};

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

/// What the key of a definition begins with, and that of a former signing secret.
pub(super) const DEFINITION: u8 = b'd';
pub(super) const FORMER_SECRET: u8 = b'f';

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

fn row(table: Table, parts: &[&[u8]]) -> RowKey {
    RowKey { table, key: parts.concat() }
}

pub(super) fn definition(name: &str) -> RowKey {
    row(TRIGGERS, &[&[DEFINITION], name.as_bytes()])
}

/// Of a signing secret that was replaced.
pub(super) fn former_secret(name: &str) -> RowKey {
    row(TRIGGERS, &[&[FORMER_SECRET], name.as_bytes()])
}

pub(super) fn checkpoint(name: &str) -> RowKey {
    row(TRIGGERS, &[b"s", name.as_bytes()])
}

/// Of the events of a batch on its way.
pub(super) fn events(name: &str, id: &str) -> RowKey {
    row(DELIVERIES, &[b"p", name.as_bytes(), b"\0", id.as_bytes()])
}

/// Of all about a dead letter but its body.
pub(super) fn letter(name: &str, id: &str) -> RowKey {
    row(DEAD_LETTERS, &[name.as_bytes(), b"\0", id.as_bytes()])
}

/// Of the body of a dead letter.
pub(super) fn letter_body(name: &str, id: &str) -> RowKey {
    row(DELIVERIES, &[b"x", name.as_bytes(), b"\0", id.as_bytes()])
}

/// Of one row of the access log.
pub(super) fn delivery(name: &str, number: u64) -> RowKey {
    row(ATTEMPTS, &[name.as_bytes(), b"\0", &number.to_be_bytes()])
}

/// What all rows of one trigger begin with where a table holds several of each.
pub(super) fn all_of(name: &str) -> Vec<u8> {
    [name.as_bytes(), b"\0"].concat()
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
