//! Finds the filters that an event passes, at a cost that hardly grows with the number of filters.
//!
//! The index keeps each distinct filter once, as its program, under keys. An event that passes a filter carries one of
//! its keys. So the index looks up an event's keys and runs the programs that it finds there. A program tests everything
//! once more, so a collision of hashes costs time and never gives a wrong answer. Cloud and a secret seed are in every
//! key.
//!
//! The index is a plain value of the task that matches. It takes events in groups, and each pass over a group reads one
//! kind of memory, so that the processor waits for many reads at once.

mod broad;
mod cover;
mod key;
mod matching;
mod patterns;
mod scope;
mod split;
mod table;

use std::sync::Arc;

use super::canon::Canon;
use super::error::FilterError;
use super::meter::Account;
use super::{Filter, program};
use crate::collections::Slab;

pub(crate) use broad::BroadFilters;
pub(super) use broad::MOST_BROAD;
#[cfg(test)]
pub(super) use broad::MOST_OF_ONE;
use cover::Coverer;
use key::Kind;
use matching::Scratch;
use patterns::Patterns;
use scope::Scope;
use split::Split;
use table::Table;

/// A filter in an [`Index`]. Ids are small numbers, used again once a filter is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilterId(u32);

impl FilterId {
    /// For use as an index.
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// Distinct filters, found by the events that pass them.
pub struct Index {
    seed: u64,
    entries: Slab<Entry>,
    /// Entries by the hash of their code: equal filters share one entry.
    by_code: Table,
    /// Entries by their keys.
    keys: Table,
    patterns: Patterns,
    /// Filters that events of any cloud may pass.
    any: Scope,
    clouds: Slab<Scope>,
    /// Clouds by the hash of their id.
    by_cloud: Table,
    scratch: Scratch,
}

/// One distinct filter.
struct Entry {
    /// Its program, with the numbers that patterns have here.
    code: Box<[u8]>,
    postings: Postings,
    uses: u32,
    /// Its scope's number; [`ANY`] for that of any cloud.
    scope: u32,
    broad: bool,
    /// What it costs every event, beside what it searches: of a broad one with many conditions.
    conditions: u64,
    /// Its payer's account was used up: it runs no more.
    stopped: bool,
    /// Who pays for what it costs; nobody where it costs nothing.
    payer: Option<Arc<Account>>,
}

const ANY: u32 = u32::MAX;

/// Where the index finds a filter.
enum Postings {
    /// Nowhere, since no event passes.
    Never,
    /// In its scope's list of filters that run for every event, at this index.
    Always(u32),
    One(Posting),
    Several(Box<PostingSet>),
}

/// A filter under a key.
#[derive(Clone, Copy)]
struct Posting {
    key: u64,
    /// Where it stands in the key's list.
    index: u32,
    kind: Kind,
}

struct PostingSet {
    /// The last event for which the filter ran: an event may carry more than one of its keys.
    stamp: u64,
    postings: Box<[Posting]>,
}

impl Index {
    /// An empty index. The seed is secret and random, or keys could be made to crowd.
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            entries: Slab::new(),
            by_code: Table::new(),
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
        let conditions = filter.comparing();
        let entry = Entry {
            code,
            postings: Postings::Never,
            uses: 1,
            scope,
            broad,
            conditions,
            stopped: false,
            payer: None,
        };
        let id = self.entries.insert(entry);
        self.by_code.insert(identity, id);
        let postings = self.post(id, canon, &split, scope);
        if let Some(scope) = self.scope_mut(scope) {
            scope.filters += 1;
            scope.broad += usize::from(broad);
        }
        if let Some(entry) = self.entries.get_mut(id) {
            entry.postings = postings;
        }
        Ok(FilterId(id))
    }

    /// Says who pays for what a filter searches from now on.
    pub fn set_payer(&mut self, id: FilterId, payer: Option<Arc<Account>>) {
        if let Some(entry) = self.entries.get_mut(id.0) {
            entry.payer = payer;
        }
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
        if let Some((_, place)) = self.by_code.get(identity).position(|known| known == id.0) {
            self.by_code.remove(identity, place);
        }
        for place in program::pattern_places(&entry.code) {
            self.patterns.release(program::number(&entry.code, place));
        }
        self.remove_postings(&entry);
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
        // Neither constant has code; only the true one has postings.
        let never = filter.0.canon == Canon::Constant(false);
        let same = |known| {
            self.entries.get(known).is_some_and(|entry| {
                *entry.code == *code && matches!(entry.postings, Postings::Never) == never
            })
        };
        self.by_code.get(key::hash(code, self.seed)).position(same).map(|(id, _)| FilterId(id))
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

    /// Puts a new filter under its keys.
    fn post(&mut self, id: u32, canon: &Canon, split: &Split<'_>, scope: u32) -> Postings {
        if *canon == Canon::Constant(false) {
            return Postings::Never;
        }
        let Some(seed) = self.scope(scope).map(|scope| scope.seed) else { return Postings::Never };
        let coverer = Coverer { seed: self.seed, scope: seed, table: &self.keys, fewest: false };
        let cover = if split.is_covered() { coverer.cover(&split.parts) } else { split.types(seed) };
        let Some(keys) = cover else {
            let index = self.scope_mut(scope).map_or(0, |scope| scope.add_always(id));
            return Postings::Always(index);
        };
        for (kind, _) in &keys {
            if let Some(scope) = self.scope_mut(scope) {
                scope.add_key(*kind);
            }
        }
        let table = &mut self.keys;
        let mut postings = keys.iter().map(|(kind, key)| {
            let index = table.insert(*key, id);
            Posting { key: *key, index, kind: *kind }
        });
        match (keys.len(), postings.next()) {
            (1, Some(only)) => Postings::One(only),
            (_, first) => {
                let postings = first.into_iter().chain(postings).collect();
                Postings::Several(Box::new(PostingSet { stamp: 0, postings }))
            }
        }
    }

    fn remove_postings(&mut self, entry: &Entry) {
        match &entry.postings {
            Postings::Never => {}
            Postings::Always(index) => {
                let moved = self.scope_mut(entry.scope).and_then(|scope| scope.remove_always(*index));
                if let Some(moved) = moved.and_then(|moved| self.entries.get_mut(moved)) {
                    moved.postings = Postings::Always(*index);
                }
            }
            Postings::One(posting) => self.remove_posting(entry.scope, posting),
            Postings::Several(set) => {
                for posting in &set.postings {
                    self.remove_posting(entry.scope, posting);
                }
            }
        }
    }

    fn remove_posting(&mut self, scope: u32, posting: &Posting) {
        if let Some(moved) = self.keys.remove(posting.key, posting.index)
            && let Some(entry) = self.entries.get_mut(moved)
        {
            let postings = match &mut entry.postings {
                Postings::One(posting) => std::slice::from_mut(posting),
                Postings::Several(set) => &mut set.postings[..],
                Postings::Never | Postings::Always(_) => &mut [],
            };
            if let Some(its) = postings.iter_mut().find(|its| its.key == posting.key) {
                its.index = posting.index;
            }
        }
        if let Some(scope) = self.scope_mut(scope) {
            scope.remove_key(posting.kind);
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
