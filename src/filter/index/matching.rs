//! Matches a group of events in passes: all keys, all slots, all programs.
//!
//! Each pass makes many reads that don't depend on each other, so that the processor fetches them at the same time. The
//! next pass finds in its caches what it needs.

use super::key::Hashes;
use super::scope::Scope;
use super::table::{Numbers, Slot};
use super::{ANY, Entry, FilterId, Index, Patterns, Postings};
use crate::event::{Attributes, Field};
use crate::filter::meter::{Bill, Meter};
use crate::filter::program;

/// Events of one pass: enough to wait for memory together, and few enough that the caches still hold what was read.
const GROUP: usize = 32;

/// Filters of an index that fits into the caches.
const SMALL: usize = 4_096;

/// What a pass hands to the next. It is kept from one group to the next, so that matching allocates nothing.
pub(super) struct Scratch {
    /// The number of the last event.
    stamp: u64,
    events: Vec<EventSpan>,
    probes: Vec<Probe>,
    candidates: Vec<Slot>,
    /// Filters that were stopped, and the index of the event at which each was.
    stopped: Vec<(usize, FilterId)>,
    /// The sum of what was read ahead: without a use of it, the compiler would leave the reads out.
    ahead: usize,
}

/// An event of the group, and its part of the lists.
#[derive(Clone, Copy)]
struct EventSpan {
    /// Its cloud's scope, if there are filters of that cloud.
    cloud: Option<u32>,
    /// Where its probes end, then where its candidates end.
    end: usize,
}

struct Probe {
    key: u64,
    slot: Slot,
}

impl Scratch {
    pub(super) const fn new() -> Self {
        Self {
            stamp: 0,
            events: Vec::new(),
            probes: Vec::new(),
            candidates: Vec::new(),
            stopped: Vec::new(),
            ahead: 0,
        }
    }
}

impl Index {
    /// Adds to `found` every filter that the event passes, each once.
    pub fn match_one(&mut self, event: &Attributes, found: &mut Vec<FilterId>) {
        self.match_group(&[event], |_, id| found.push(id));
    }

    /// Calls `found` once for each filter that an event passes, with the event's index; events in order.
    pub fn match_group(&mut self, events: &[&Attributes], mut found: impl FnMut(usize, FilterId)) {
        let mut scratch = std::mem::replace(&mut self.scratch, Scratch::new());
        for (number, group) in events.chunks(GROUP).enumerate() {
            self.make_keys(group, &mut scratch);
            self.find_slots(&mut scratch);
            self.read_ahead(&mut scratch);
            self.run_programs(group, &mut scratch, number * GROUP, &mut found);
        }
        self.scratch = scratch;
    }

    /// Filters whose payer's account was used up since this was asked last, each with the index of the event at which it
    /// was: neither that event nor a later one was matched. They stay so until they are removed.
    pub fn take_stopped(&mut self) -> Vec<(usize, FilterId)> {
        std::mem::take(&mut self.scratch.stopped)
    }

    /// How many events there were.
    pub const fn events(&self) -> u64 {
        self.scratch.stamp
    }

    /// How many filters the events of the last pass made run.
    #[cfg(test)]
    pub(in crate::filter) fn most_candidates(&self) -> usize {
        let run = |slot: &Slot| match self.keys.resolve(*slot) {
            Numbers::One(_) => 1,
            Numbers::Many(ids) => ids.len(),
        };
        self.scratch.candidates.iter().map(run).sum()
    }

    fn make_keys(&self, group: &[&Attributes], scratch: &mut Scratch) {
        scratch.events.clear();
        scratch.probes.clear();
        for event in group {
            let mut hashes = Hashes::new(event, self.seed);
            let cloud = self.cloud_of(&mut hashes);
            let scopes = [Some(&self.any), cloud.and_then(|cloud| self.clouds.get(cloud))];
            for used in scopes.into_iter().flatten().flat_map(|scope| &scope.kinds) {
                if let Some(key) = hashes.key(used.kind, used.salt) {
                    scratch.probes.push(Probe { key, slot: Slot::default() });
                }
            }
            scratch.events.push(EventSpan { cloud, end: scratch.probes.len() });
        }
    }

    fn cloud_of(&self, hashes: &mut Hashes<'_>) -> Option<u32> {
        if self.by_cloud.is_empty() {
            return None;
        }
        self.by_cloud.get(hashes.whole(Field::Cloud)).position(|_| true).map(|(scope, _)| scope)
    }

    fn find_slots(&self, scratch: &mut Scratch) {
        for probe in &mut scratch.probes {
            probe.slot = self.keys.first(probe.key);
        }
        scratch.candidates.clear();
        let mut start = 0;
        for span in &mut scratch.events {
            let end = std::mem::replace(&mut span.end, 0);
            for probe in &scratch.probes[start..end] {
                // Most keys are not in the table, and the first slot shows that for most of them.
                if !probe.slot.is_empty()
                    && let Some(slot) = self.keys.find(probe.key, probe.slot)
                {
                    scratch.candidates.push(slot);
                }
            }
            start = end;
            span.end = scratch.candidates.len();
        }
    }

    fn read_ahead(&self, scratch: &mut Scratch) {
        // The caches hold a small index anyway.
        if scratch.candidates.len() < 2 || self.entries.len() < SMALL {
            return;
        }
        let entry = |slot: &Slot| match self.keys.resolve(*slot) {
            Numbers::One(number) => self.entries.get(number),
            Numbers::Many(_) => None,
        };
        let entries = |entry: Option<&Entry>| entry.map_or(0, |entry| entry.code.len());
        let codes = |entry: Option<&Entry>| entry.map_or(0, |entry| usize::from(entry.code[0]));
        let mut ahead = 0_usize;
        for slot in &scratch.candidates {
            ahead = ahead.wrapping_add(entries(entry(slot)));
        }
        for slot in &scratch.candidates {
            ahead = ahead.wrapping_add(codes(entry(slot)));
        }
        scratch.ahead = scratch.ahead.wrapping_add(ahead);
    }

    fn run_programs(
        &mut self,
        group: &[&Attributes],
        scratch: &mut Scratch,
        first: usize,
        mut found: impl FnMut(usize, FilterId),
    ) {
        let mut start = 0;
        let Scratch { stamp, events, stopped, candidates, .. } = scratch;
        for (number, (event, span)) in (first..).zip(group.iter().zip(events.iter())) {
            *stamp += 1;
            let mut run = Run { event, number, stamp: *stamp, found: |id| found(number, id), stopped };
            for scope in [Some(ANY), span.cloud].into_iter().flatten() {
                self.run_always(scope, &mut run);
            }
            for slot in &candidates[start..span.end] {
                let Self { entries, patterns, keys, .. } = self;
                match keys.resolve(*slot) {
                    Numbers::One(id) => run.entry(id, entries.get_mut(id), patterns),
                    Numbers::Many(ids) => {
                        for id in ids {
                            run.entry(*id, entries.get_mut(*id), patterns);
                        }
                    }
                }
            }
            start = span.end;
        }
    }

    fn run_always<F: FnMut(FilterId)>(&mut self, scope: u32, run: &mut Run<'_, F>) {
        let Self { entries, patterns, any, clouds, .. } = self;
        let scope: Option<&Scope> = if scope == ANY { Some(any) } else { clouds.get(scope) };
        for id in scope.into_iter().flat_map(|scope| &scope.always) {
            run.entry(*id, entries.get_mut(*id), patterns);
        }
    }
}

/// A run of programs on one event.
struct Run<'e, F> {
    event: &'e Attributes,
    /// The event's index in the list.
    number: usize,
    stamp: u64,
    found: F,
    stopped: &'e mut Vec<(usize, FilterId)>,
}

impl<F: FnMut(FilterId)> Run<'_, F> {
    fn entry(&mut self, id: u32, entry: Option<&mut Entry>, patterns: &mut Patterns) {
        let Some(entry) = entry else { return };
        if let Postings::Several(set) = &mut entry.postings {
            if set.stamp == self.stamp {
                return;
            }
            set.stamp = self.stamp;
        }
        if entry.stopped {
            return;
        }
        let bill = Bill::new(entry.payer.as_deref(), self.stamp);
        let mut shared = Shared { patterns, stamp: self.stamp, bill };
        let is_paid = entry.conditions == 0 || shared.pay(entry.conditions);
        let passed = is_paid && (entry.code.is_empty() || program::run(&entry.code, self.event, &mut shared));
        if shared.bill.refused {
            entry.stopped = true;
            self.stopped.push((self.number, FilterId(id)));
        } else if passed {
            (self.found)(FilterId(id));
        }
    }
}

/// The index's patterns, for one filter and one event.
struct Shared<'p, 'a> {
    patterns: &'p mut Patterns,
    stamp: u64,
    bill: Bill<'a>,
}

impl Meter for Shared<'_, '_> {
    fn is_match(&mut self, number: u32, field: u8, value: &str) -> bool {
        if self.bill.refused {
            return false;
        }
        let (found, cost) = self.patterns.search(number, field, value, self.stamp);
        (cost == 0 || self.bill.add(cost)) && found
    }

    fn pay(&mut self, cost: u64) -> bool {
        !self.bill.refused && self.bill.add(cost)
    }
}
