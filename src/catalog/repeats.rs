//! The window of repeats: which notifications of a source were taken already.

mod stored;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use self::stored::{Key, Known, restore, stored_key, stored_value};
use super::{BadEntry, Change};
use crate::event::Timestamp;

/// What a notification is known by: its source, and the text that is the same when it is told again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RepeatKey(pub u128);

impl RepeatKey {
    /// The key of a text within a source; no other source can make the same.
    pub(crate) fn new(source: &str, text: &str) -> Self {
        let length = source.len() as u64;
        let hash = Sha256::new()
            .chain_update(length.to_be_bytes())
            .chain_update(source)
            .chain_update(text)
            .finalize();
        let mut bits = [0; 16];
        bits.copy_from_slice(&hash[..16]);
        Self(u128::from_be_bytes(bits))
    }
}

/// What is known about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Not seen in its window. It is now.
    New,
    /// Seen, with this content.
    Repeat,
    /// Seen, with other content. The first stays.
    Conflict,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Added(Key, Known),
    Dropped(Key, Known),
}

/// Keys seen, each for the window of its source, and never more than a number of them.
#[derive(Debug)]
pub(crate) struct Repeats {
    max_keys: usize,
    known: HashMap<Key, Known>,
    /// By window, oldest first. Windows are a few settings, so the oldest of all is soon found.
    ages: BTreeMap<u32, BTreeSet<(u32, Key)>>,
    journal: Vec<Step>,
    /// The age at which a key was last dropped before its time.
    shortened: Option<u32>,
    /// The same when the journal began.
    was_shortened: Option<u32>,
}

impl Default for Repeats {
    /// 2,000,000 keys: 23 notifications a second for a day, in at most about 170 MB.
    fn default() -> Self {
        Self::new(2_000_000)
    }
}

impl Repeats {
    /// An empty window of at most so many keys.
    pub(crate) fn new(max_keys: usize) -> Self {
        Self {
            max_keys: max_keys.max(1),
            known: HashMap::new(),
            ages: BTreeMap::new(),
            journal: Vec::new(),
            shortened: None,
            was_shortened: None,
        }
    }

    /// Looks a key up, and keeps it for `window` if it is new. When there are too many, those
    /// accepted first go, whatever their window: no source can push out another's newer ones.
    ///
    /// `content` tells a true repeat from a key used twice.
    pub(crate) fn see(&mut self, key: RepeatKey, content: u64, window: Duration, now: Timestamp) -> Seen {
        let (key, content) = (key.0.to_be_bytes(), content.to_be_bytes());
        if let Some(known) = self.known.get(&key) {
            return if known.content == content { Seen::Repeat } else { Seen::Conflict };
        }
        let accepted = seconds(now);
        while self.known.len() >= self.max_keys {
            let Some((key, known)) = self.oldest() else { break };
            self.drop_key(key, known);
            self.shortened = Some(accepted.saturating_sub(known.accepted));
        }
        let window = u32::try_from(window.as_secs()).unwrap_or(u32::MAX);
        let known = Known { content, accepted, window };
        self.add(key, known);
        self.journal.push(Step::Added(key, known));
        Seen::New
    }

    /// Drops keys whose window is over; some at a time, so that no call takes long.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        /// A millisecond's worth.
        const AT_ONCE: usize = 2_000;
        let now = seconds(now);
        for _ in 0..AT_ONCE {
            let over = |(&window, keys): (&u32, &BTreeSet<(u32, Key)>)| {
                let &(accepted, key) = keys.first()?;
                (accepted.saturating_add(window) <= now).then_some(key)
            };
            let Some(key) = self.ages.iter().find_map(over) else { return };
            let Some(&known) = self.known.get(&key) else { return };
            if self.shortened.is_some_and(|age| known.window >= age) {
                self.shortened = None;
            }
            self.drop_key(key, known);
        }
    }

    /// Keys known.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// How long keys are kept at present, for a source whose window is `window`: less where
    /// there are more of them than may be kept.
    #[cfg(test)]
    pub(crate) fn effective(&self, window: Duration) -> Duration {
        self.shortened.map_or(window, |age| window.min(Duration::from_secs(age.into())))
    }

    /// What has to be written since the last [`Self::settle`] or [`Self::undo`]: the last write of
    /// each key only, by key. Keys sort by the end of their window.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let mut changes: Vec<Change> = self.journal.iter().map(|step| self.change(step)).collect();
        changes.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        changes.dedup_by(|one, other| one.key == other.key);
        changes
    }

    /// Says that the changes are durable.
    pub(crate) fn settle(&mut self) {
        self.journal.clear();
        self.was_shortened = self.shortened;
    }

    /// Says that the changes are lost: everything is as it was when they began.
    pub(crate) fn undo(&mut self) {
        while let Some(step) = self.journal.pop() {
            match step {
                Step::Added(key, known) => self.remove(key, known),
                Step::Dropped(key, known) => self.add(key, known),
            }
        }
        self.shortened = self.was_shortened;
    }

    /// The window as it was when the entries were written; they may come in any order.
    ///
    /// # Errors
    /// The first entry that cannot be read.
    pub(crate) fn load<I, K, V>(max_keys: usize, entries: I) -> Result<Self, BadEntry>
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let mut repeats = Self::new(max_keys);
        for (stored_key, value) in entries {
            let (stored_key, value) = (stored_key.as_ref(), value.as_ref());
            let bad = |reason| BadEntry { key: stored_key.to_vec(), reason };
            let (key, known) = restore(stored_key, value).ok_or_else(|| bad("a bad key or value"))?;
            if repeats.known.contains_key(&key) {
                return Err(bad("a key twice"));
            }
            repeats.add(key, known);
        }
        Ok(repeats)
    }

    fn oldest(&self) -> Option<(Key, Known)> {
        let (_, key) = *self.ages.values().filter_map(BTreeSet::first).min()?;
        Some((key, *self.known.get(&key)?))
    }

    fn drop_key(&mut self, key: Key, known: Known) {
        self.remove(key, known);
        self.journal.push(Step::Dropped(key, known));
    }

    fn add(&mut self, key: Key, known: Known) {
        self.known.insert(key, known);
        self.ages.entry(known.window).or_default().insert((known.accepted, key));
    }

    fn remove(&mut self, key: Key, known: Known) {
        self.known.remove(&key);
        if let Some(keys) = self.ages.get_mut(&known.window) {
            keys.remove(&(known.accepted, key));
            if keys.is_empty() {
                self.ages.remove(&known.window);
            }
        }
    }

    fn change(&self, step: &Step) -> Change {
        let (Step::Added(key, known) | Step::Dropped(key, known)) = step;
        // It may have been dropped and seen again since, under another end.
        let current = self.known.get(key).filter(|current| current.end() == known.end());
        Change { key: stored_key(*key, *known), value: current.map(|current| stored_value(*current)) }
    }
}

/// Whole seconds since 1970, held within the years 1970 to 2106.
fn seconds(time: Timestamp) -> u32 {
    u32::try_from(time.as_second().max(0)).unwrap_or(u32::MAX)
}
