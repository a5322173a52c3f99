//! The window of repeats: which notifications of a source were taken already.

mod entry;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use self::entry::{Key, KeyEntry, restore, stored_key, stored_value};
use super::{BadEntry, Change};
use crate::collections::{Ledger, Reversible};
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
pub(crate) enum Sighting {
    /// Not seen in its window. It is now.
    New,
    /// Seen, with this content.
    Repeat,
    /// Seen, with other content. The first stays.
    Conflict,
}

/// Keys seen, each for the window of its source, and never more than a number of them.
#[derive(Debug)]
pub(crate) struct Repeats {
    max_keys: usize,
    keys: Ledger<Keys>,
}

#[derive(Debug, Default)]
struct Keys {
    known: HashMap<Key, KeyEntry>,
    /// By owner and window, oldest first. Both are a few settings, so the oldest of all is soon found.
    ages: BTreeMap<(u32, u32), BTreeSet<(u32, Key)>>,
    /// The age at which a key was last dropped before its time.
    shortened: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// What is known of a key; `None` drops it.
    Set(Key, Option<KeyEntry>),
    Shorten(Option<u32>),
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
        Self { max_keys: max_keys.max(1), keys: Ledger::default() }
    }

    /// Looks a key up, and keeps it for `window` if it is new. When there are too many, the owner that has most loses
    /// those accepted first, whatever their window: no source can push out what others have within an even share.
    ///
    /// `content` tells a true repeat from a key used twice.
    pub(crate) fn see(
        &mut self,
        owner: u32,
        key: RepeatKey,
        content: u64,
        window: Duration,
        now: Timestamp,
    ) -> Sighting {
        let (key, content) = (key.0.to_be_bytes(), content.to_be_bytes());
        if let Some(known) = self.keys.known.get(&key) {
            return if known.content == content { Sighting::Repeat } else { Sighting::Conflict };
        }
        let accepted = seconds(now);
        while self.keys.known.len() >= self.max_keys {
            let Some((key, known)) = self.keys.oldest() else { break };
            self.keys.apply(Step::Set(key, None));
            self.keys.apply(Step::Shorten(Some(accepted.saturating_sub(known.accepted))));
        }
        let window = u32::try_from(window.as_secs()).unwrap_or(u32::MAX);
        self.keys.apply(Step::Set(key, Some(KeyEntry { content, accepted, window, owner })));
        Sighting::New
    }

    /// Drops keys whose window is over; some at a time, so that no call takes long.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        /// A millisecond's worth.
        const AT_ONCE: usize = 2_000;
        let now = seconds(now);
        for _ in 0..AT_ONCE {
            let over = |(&(_, window), keys): (&(u32, u32), &BTreeSet<(u32, Key)>)| {
                let &(accepted, key) = keys.first()?;
                (accepted.saturating_add(window) <= now).then_some(key)
            };
            let Some(key) = self.keys.ages.iter().find_map(over) else { return };
            let Some(&known) = self.keys.known.get(&key) else { return };
            if self.keys.shortened.is_some_and(|age| known.window >= age) {
                self.keys.apply(Step::Shorten(None));
            }
            self.keys.apply(Step::Set(key, None));
        }
    }

    /// Keys known.
    pub(crate) fn len(&self) -> usize {
        self.keys.known.len()
    }

    /// How long keys are kept at present, for a source whose window is `window`: less where
    /// there are more of them than may be kept.
    #[cfg(test)]
    pub(crate) fn effective(&self, window: Duration) -> Duration {
        self.keys.shortened.map_or(window, |age| window.min(Duration::from_secs(age.into())))
    }

    /// What has to be written since the last [`Self::settle`] or [`Self::undo`]: the last write of
    /// each key only, by key. Keys sort by the end of their window.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let mut changes = Vec::with_capacity(self.keys.pending().len());
        for step in self.keys.pending() {
            self.keys.touched(step, &mut changes);
        }
        changes.sort_unstable_by(|one: &Change, other| one.key.cmp(&other.key));
        changes.dedup_by(|one, other| one.key == other.key);
        changes
    }

    /// Says that the changes are durable.
    pub(crate) fn settle(&mut self) {
        self.keys.settle();
    }

    /// Says that the changes are lost: everything is as it was when they began.
    pub(crate) fn undo(&mut self) {
        self.keys.undo();
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
        let mut keys = Keys::default();
        for (stored_key, value) in entries {
            let (stored_key, value) = (stored_key.as_ref(), value.as_ref());
            let bad = |reason| BadEntry { key: stored_key.to_vec(), reason };
            let (key, known) = restore(stored_key, value).ok_or_else(|| bad("a bad key or value"))?;
            if keys.known.contains_key(&key) {
                return Err(bad("a key twice"));
            }
            keys.add(key, known);
        }
        Ok(Self { max_keys: max_keys.max(1), keys: Ledger::new(keys) })
    }
}

impl Reversible for Keys {
    type Step = Step;

    fn apply(&mut self, step: Step) -> Step {
        match step {
            Step::Set(key, Some(known)) => Step::Set(key, self.add(key, known)),
            Step::Set(key, None) => Step::Set(key, self.remove(key)),
            Step::Shorten(age) => Step::Shorten(std::mem::replace(&mut self.shortened, age)),
        }
    }
}

impl Keys {
    /// The oldest of the owner that has most.
    fn oldest(&self) -> Option<(Key, KeyEntry)> {
        let (mut largest, mut current) = ((0, 0), (0, 0));
        for (&(owner, _), keys) in &self.ages {
            current = if owner == current.0 { (owner, current.1 + keys.len()) } else { (owner, keys.len()) };
            if current.1 > largest.1 {
                largest = current;
            }
        }
        let of_largest = self.ages.range((largest.0, 0)..=(largest.0, u32::MAX));
        let (_, key) = *of_largest.filter_map(|(_, keys)| keys.first()).min()?;
        Some((key, *self.known.get(&key)?))
    }

    fn add(&mut self, key: Key, known: KeyEntry) -> Option<KeyEntry> {
        let before = self.known.insert(key, known);
        if let Some(before) = before {
            self.forget_age(key, before);
        }
        self.ages.entry((known.owner, known.window)).or_default().insert((known.accepted, key));
        before
    }

    fn remove(&mut self, key: Key) -> Option<KeyEntry> {
        let before = self.known.remove(&key)?;
        self.forget_age(key, before);
        Some(before)
    }

    fn forget_age(&mut self, key: Key, known: KeyEntry) {
        let place = (known.owner, known.window);
        if let Some(keys) = self.ages.get_mut(&place) {
            keys.remove(&(known.accepted, key));
            if keys.is_empty() {
                self.ages.remove(&place);
            }
        }
    }

    /// The rows that a step touched, as they are now, by what takes it back. A key that was dropped and seen again has
    /// another row, under another end.
    fn touched(&self, back: &Step, out: &mut Vec<Change>) {
        let Step::Set(key, before) = back else { return };
        let now = self.known.get(key);
        if let Some(before) = before.filter(|before| now.is_none_or(|now| now.end() != before.end())) {
            out.push(Change::remove(stored_key(*key, before)));
        }
        out.extend(now.map(|now| Change::put(stored_key(*key, *now), stored_value(*now))));
    }
}

/// Whole seconds since 1970, held within the years 1970 to 2106.
fn seconds(time: Timestamp) -> u32 {
    u32::try_from(time.as_second().max(0)).unwrap_or(u32::MAX)
}
