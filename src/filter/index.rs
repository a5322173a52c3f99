//! Many filters, one event: which of them it passes, at a cost that hardly grows with their number.
//!
//! Each distinct filter is kept once, as its program, under keys of which an event carries one whenever it
//! passes. An event's keys are looked up, and the programs found there run: they test everything once more,
//! so a collision of hashes costs time and never an answer. Cloud and a secret seed are in every key.
//!
//! A plain value: the task that matches owns it. Events are taken in groups, in passes over one kind of
//! memory at a time, so that the processor waits for many places at once.

mod broad;
mod cover;
mod key;
mod matching;
mod patterns;
mod scope;
mod slab;
mod split;
mod table;

use super::canon::Canon;
use super::error::FilterError;
use super::{Filter, program};

pub(crate) use broad::BroadFilters;
pub(super) use broad::MOST_BROAD;
use cover::Coverer;
use key::Kind;
use matching::Scratch;
use patterns::Patterns;
use scope::Scope;
use slab::Slab;
use split::Split;
use table::Table;

/// A filter in an [`Index`]. Ids are small numbers, used again once a filter is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilterId(u32);

impl FilterId {
    /// As a place in a list.
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// Distinct filters, found by the events that pass them.
pub struct Index {
    seed: u64,
    entries: Slab<Entry>,
    /// By the hash of the code: equal filters share one entry.
    known: Table,
    /// By the keys that they wait under.
    keys: Table,
    patterns: Patterns,
    /// Filters whose events may be of any cloud.
    any: Scope,
    clouds: Slab<Scope>,
    /// By the hash of the cloud's id.
    by_cloud: Table,
    scratch: Scratch,
}

/// One distinct filter.
struct Entry {
    /// Its program, with the index's numbers of patterns.
    code: Box<[u8]>,
    place: Place,
    uses: u32,
    /// Its scope's number; [`ANY`] for that of any cloud.
    scope: u32,
    broad: bool,
}

const ANY: u32 = u32::MAX;

/// Where a filter waits.
enum Place {
    /// Nowhere: no event passes.
    Nowhere,
    /// Among those that run for every event.
    Always(u32),
    One(Waiting),
    Several(Box<Several>),
}

/// A key, and the filter's place among those under it.
#[derive(Clone, Copy)]
struct Waiting {
    key: u64,
    place: u32,
    kind: Kind,
}

struct Several {
    /// The last event for which it ran: an event may carry more than one of its keys.
    stamp: u64,
    keys: Box<[Waiting]>,
}

impl Index {
    /// An empty index. The seed is secret and random, or keys could be made to crowd.
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            entries: Slab::new(),
            known: Table::new(),
            keys: Table::new(),
            patterns: Patterns::new(seed),
            any: Scope::new(seed),
            clouds: Slab::new(),
            by_cloud: Table::new(),
            scratch: Scratch::new(),
        }
    }

    /// How many distinct filters there are.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many distinct regular expressions there are.
    pub const fn patterns(&self) -> usize {
        self.patterns.len()
    }

    /// Adds a filter, or counts one use more of an equal one.
    ///
    /// # Errors
    ///
    /// `filter_too_broad` if it can't be looked up and its cloud has as many such filters as it may.
    pub fn add(&mut self, filter: &Filter) -> Result<FilterId, FilterError> {
        if let Some(known) = self.find(filter) {
            if let Some(entry) = self.entries.get_mut(known.0) {
                entry.uses += 1;
            }
            return Ok(known);
        }
        let canon = &filter.0.canon;
        let split = Split::of(canon);
        let broad = split.is_broad();
        let cloud = split.cloud.map(|cloud| key::hash(cloud.as_bytes(), self.seed));
        let scope = self.scope_of(cloud);
        if broad && self.scope(scope).is_some_and(|scope| scope.broad >= MOST_BROAD) {
            return Err(broad::too_broad(canon));
        }
        let code = self.code(filter);
        let identity = key::hash(&code, self.seed);
        let entry = Entry { code, place: Place::Nowhere, uses: 1, scope, broad };
        let id = self.entries.insert(entry);
        self.known.insert(identity, id);
        let place = self.settle(id, canon, &split, scope);
        if let Some(scope) = self.scope_mut(scope) {
            scope.filters += 1;
            scope.broad += usize::from(broad);
        }
        if let Some(entry) = self.entries.get_mut(id) {
            entry.place = place;
        }
        Ok(FilterId(id))
    }

    /// Counts one use of a filter less; with the last one it is gone.
    pub fn remove(&mut self, id: FilterId) {
        let Some(entry) = self.entries.get_mut(id.0) else { return };
        entry.uses -= 1;
        if entry.uses > 0 {
            return;
        }
        let Some(entry) = self.entries.remove(id.0) else { return };
        let identity = key::hash(&entry.code, self.seed);
        if let Some((_, place)) = self.known.get(identity).position(|known| known == id.0) {
            self.known.remove(identity, place);
        }
        for place in program::pattern_places(&entry.code) {
            self.patterns.release(program::number(&entry.code, place));
        }
        self.unsettle(&entry);
        self.leave_scope(&entry);
    }

    /// The id of an equal filter.
    fn find(&self, filter: &Filter) -> Option<FilterId> {
        let program = &filter.0.program;
        let numbers: Option<Vec<u32>> =
            program.patterns.iter().map(|pattern| self.patterns.number(pattern)).collect();
        let patched;
        let code: &[u8] = match &numbers?[..] {
            [] => &program.code,
            numbers => {
                patched = patch(&program.code, numbers);
                &patched
            }
        };
        // Neither constant has code; the one that holds waits somewhere.
        let never = filter.0.canon == Canon::Constant(false);
        let same = |known| {
            self.entries
                .get(known)
                .is_some_and(|entry| *entry.code == *code && matches!(entry.place, Place::Nowhere) == never)
        };
        self.known.get(key::hash(code, self.seed)).position(same).map(|(id, _)| FilterId(id))
    }

    /// The filter's program with its patterns kept here.
    fn code(&mut self, filter: &Filter) -> Box<[u8]> {
        let program = &filter.0.program;
        if program.patterns.is_empty() {
            return program.code.clone();
        }
        let numbers: Vec<u32> = program.patterns.iter().map(|pattern| self.patterns.keep(pattern)).collect();
        let code = patch(&program.code, &numbers);
        // Each use in the code is released by itself.
        for place in program::pattern_places(&code) {
            if let Some(pattern) = program.patterns.get(program::number(&program.code, place) as usize) {
                self.patterns.keep(pattern);
            }
        }
        for number in numbers {
            self.patterns.release(number);
        }
        code
    }

    /// Finds the place of a new filter.
    fn settle(&mut self, id: u32, canon: &Canon, split: &Split<'_>, scope: u32) -> Place {
        if *canon == Canon::Constant(false) {
            return Place::Nowhere;
        }
        let Some(seed) = self.scope(scope).map(|scope| scope.seed) else { return Place::Nowhere };
        let coverer = Coverer { seed: self.seed, scope: seed, table: &self.keys, fewest: false };
        let cover = if split.is_covered() { coverer.cover(&split.parts) } else { split.types(seed) };
        let Some(keys) = cover else {
            let place = self.scope_mut(scope).map_or(0, |scope| scope.always(id));
            return Place::Always(place);
        };
        for (kind, _) in &keys {
            if let Some(scope) = self.scope_mut(scope) {
                scope.using(*kind);
            }
        }
        let table = &mut self.keys;
        let mut waiting = keys.iter().map(|(kind, key)| {
            let place = table.insert(*key, id);
            Waiting { key: *key, place, kind: *kind }
        });
        match (keys.len(), waiting.next()) {
            (1, Some(only)) => Place::One(only),
            (_, first) => {
                let keys = first.into_iter().chain(waiting).collect();
                Place::Several(Box::new(Several { stamp: 0, keys }))
            }
        }
    }

    fn unsettle(&mut self, entry: &Entry) {
        match &entry.place {
            Place::Nowhere => {}
            Place::Always(place) => {
                let moved = self.scope_mut(entry.scope).and_then(|scope| scope.not_always(*place));
                if let Some(moved) = moved.and_then(|moved| self.entries.get_mut(moved)) {
                    moved.place = Place::Always(*place);
                }
            }
            Place::One(waiting) => self.stop_waiting(entry.scope, waiting),
            Place::Several(several) => {
                for waiting in &several.keys {
                    self.stop_waiting(entry.scope, waiting);
                }
            }
        }
    }

    fn stop_waiting(&mut self, scope: u32, waiting: &Waiting) {
        if let Some(moved) = self.keys.remove(waiting.key, waiting.place)
            && let Some(entry) = self.entries.get_mut(moved)
        {
            let keys = match &mut entry.place {
                Place::One(waiting) => std::slice::from_mut(waiting),
                Place::Several(several) => &mut several.keys[..],
                Place::Nowhere | Place::Always(_) => &mut [],
            };
            if let Some(its) = keys.iter_mut().find(|its| its.key == waiting.key) {
                its.place = waiting.place;
            }
        }
        if let Some(scope) = self.scope_mut(scope) {
            scope.used(waiting.kind);
        }
    }

    /// The scope of a cloud, made if it is new.
    fn scope_of(&mut self, cloud: Option<u64>) -> u32 {
        let Some(cloud) = cloud else { return ANY };
        // Two clouds with one hash would share a scope: more to run, no other answer.
        if let Some((scope, _)) = self.by_cloud.get(cloud).position(|_| true) {
            return scope;
        }
        let scope = self.clouds.insert(Scope::new(cloud));
        self.by_cloud.insert(cloud, scope);
        scope
    }

    fn scope(&self, number: u32) -> Option<&Scope> {
        if number == ANY { Some(&self.any) } else { self.clouds.get(number) }
    }

    fn scope_mut(&mut self, number: u32) -> Option<&mut Scope> {
        if number == ANY { Some(&mut self.any) } else { self.clouds.get_mut(number) }
    }

    fn leave_scope(&mut self, entry: &Entry) {
        let Some(scope) = self.scope_mut(entry.scope) else { return };
        scope.filters -= 1;
        scope.broad -= usize::from(entry.broad);
        if scope.filters == 0 && entry.scope != ANY {
            let cloud = scope.seed;
            self.by_cloud.remove(cloud, 0);
            self.clouds.remove(entry.scope);
        }
    }
}

/// Code with other numbers for its patterns.
fn patch(code: &[u8], numbers: &[u32]) -> Box<[u8]> {
    let mut patched: Box<[u8]> = code.into();
    for place in program::pattern_places(code) {
        let number = numbers.get(program::number(code, place) as usize).copied().unwrap_or(u32::MAX);
        patched[place..place + 4].copy_from_slice(&number.to_le_bytes());
    }
    patched
}
