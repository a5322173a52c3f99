use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

/// Which number a repository has, by its key: found by hash, since each notification asks, and
/// listed in order, since an operator may.
#[derive(Debug, Default)]
pub(super) struct Names {
    found: HashMap<Arc<[u8]>, u32>,
    listed: BTreeMap<Arc<[u8]>, u32>,
}

impl Names {
    pub(super) fn get(&self, key: &[u8]) -> Option<u32> {
        self.found.get(key).copied()
    }

    /// Answers with the number that had the key before.
    pub(super) fn insert(&mut self, key: &Arc<[u8]>, number: u32) -> Option<u32> {
        self.listed.insert(Arc::clone(key), number);
        self.found.insert(Arc::clone(key), number)
    }

    pub(super) fn remove(&mut self, key: &[u8]) {
        self.found.remove(key);
        self.listed.remove(key);
    }

    /// Keys and numbers in the byte order of the keys.
    pub(super) fn from<'a>(&'a self, from: Bound<&[u8]>) -> impl Iterator<Item = (&'a [u8], u32)> + use<'a> {
        let known = self.listed.range::<[u8], _>((from, Bound::Unbounded));
        known.map(|(key, &number)| (&**key, number))
    }
}
