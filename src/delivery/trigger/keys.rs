//! Tables and keys of what triggers keep. A name has no zero byte in it, so no key is another's beginning.

use crate::log::Table;

/// What was written, and how far each trigger is.
pub(super) const TRIGGERS: Table = Table::named("triggers");
/// Batches on their way to a target that has failed, and the bodies of those given up.
pub(super) const DELIVERIES: Table = Table::named("deliveries");
/// All about a batch given up but its body.
pub(super) const DEAD_LETTERS: Table = Table::named("dead-letters");
/// What was tried at targets.
pub(super) const ATTEMPTS: Table = Table::named("attempts");

/// What the key of a definition begins with, and that of a former signing secret.
pub(super) const WRITTEN: u8 = b'd';
pub(super) const FORMER: u8 = b'f';

/// Of a definition.
pub(super) fn written(name: &str) -> Vec<u8> {
    [&[WRITTEN], name.as_bytes()].concat()
}

/// Of a signing secret that was replaced.
pub(super) fn former(name: &str) -> Vec<u8> {
    [&[FORMER], name.as_bytes()].concat()
}

/// Of a state.
pub(super) fn state(name: &str) -> Vec<u8> {
    [b"s", name.as_bytes()].concat()
}

/// What all rows of one trigger begin with.
pub(super) fn of(name: &str) -> Vec<u8> {
    [name.as_bytes(), b"\0"].concat()
}

/// Of one batch.
pub(super) fn batch(name: &str, id: &str) -> Vec<u8> {
    [name.as_bytes(), b"\0", id.as_bytes()].concat()
}

/// Of one row of the access log.
pub(super) fn row(name: &str, number: u64) -> Vec<u8> {
    [name.as_bytes(), b"\0", &number.to_be_bytes()].concat()
}

/// Name and rest of such a key.
pub(super) fn split(key: &[u8]) -> Option<(&str, &[u8])> {
    let end = key.iter().position(|byte| *byte == 0)?;
    Some((std::str::from_utf8(&key[..end]).ok()?, &key[end + 1..]))
}

/// Of the events of a batch on its way.
pub(super) fn events(name: &str, id: &str) -> Vec<u8> {
    [b"p", &*batch(name, id)].concat()
}

/// Of the body of a batch given up.
pub(super) fn body(name: &str, id: &str) -> Vec<u8> {
    [b"x", &*batch(name, id)].concat()
}
