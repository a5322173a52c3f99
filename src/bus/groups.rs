use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::group::Group;
use super::{Spec, Subscription};
use crate::collections::Slab;
use crate::event::{Attributes, Offset};
use crate::filter::{FilterError, FilterId, Index};

/// All groups, which of them want an event, and where each live subscription is among them.
pub(super) struct Groups {
    all: Slab<Group>,
    index: Index,
    /// The groups of each filter, by its id: they differ in window, name, or what a gap leads to.
    by_filter: Vec<Vec<u32>>,
    by_spec: HashMap<Arc<Spec>, u32>,
    /// Serial of a subscription → its group, its slot among the members.
    slots: HashMap<u64, (u32, usize)>,
}

impl Groups {
    /// No groups. `seed` is secret: nobody may choose filters whose hashes collide.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            all: Slab::new(),
            index: Index::new(seed),
            by_filter: Vec::new(),
            by_spec: HashMap::new(),
            slots: HashMap::new(),
        }
    }

    /// How many distinct filters its groups have.
    pub(super) fn filters(&self) -> usize {
        self.index.len()
    }

    /// Calls `wanted` for every group that an event is for, with the event's index in the list. Events come
    /// in their order.
    pub(super) fn wanting(&mut self, events: &[&Attributes], mut wanted: impl FnMut(usize, u32, &mut Group)) {
        let Self { all, index, by_filter, .. } = self;
        index.match_group(events, |event, filter| {
            for id in &by_filter[filter.as_usize()] {
                if let Some(group) = all.get_mut(*id) {
                    wanted(event, *id, group);
                }
            }
        });
    }

    pub(super) fn by_spec(&self, spec: &Arc<Spec>) -> Option<&Group> {
        self.by_spec.get(spec).map(|id| &self.all[*id])
    }

    /// The group of a live subscription, by its number, and its slot among the members.
    pub(super) fn of(&self, subscription: &Subscription) -> Option<(u32, &Group, usize)> {
        let (id, slot) = *self.slots.get(&subscription.serial)?;
        Some((id, &self.all[id], slot))
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Group> {
        self.all.get_mut(id)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Group> {
        self.all.values_mut()
    }

    /// Groups, and live subscriptions in them.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.all.len(), self.slots.len())
    }

    /// Makes a subscription that has everything up to `start` a member of its group.
    ///
    /// # Errors
    ///
    /// If its filter can't be had; it is a member of none then.
    pub(super) fn add(
        &mut self,
        subscription: Arc<Subscription>,
        start: Offset,
        cursor: Offset,
        now: Instant,
    ) -> Result<(), FilterError> {
        let id = match self.by_spec.get(&subscription.spec) {
            Some(id) => *id,
            None => self.new_group(&subscription.spec, cursor, now)?,
        };
        let serial = subscription.serial;
        let slot = self.all[id].join(subscription, start);
        self.slots.insert(serial, (id, slot));
        self.set_payer(self.all[id].filter);
        Ok(())
    }

    fn new_group(&mut self, spec: &Arc<Spec>, cursor: Offset, now: Instant) -> Result<u32, FilterError> {
        let filter = self.index.add(&spec.filter)?;
        if self.by_filter.len() <= filter.as_usize() {
            self.by_filter.resize_with(filter.as_usize() + 1, Vec::new);
        }
        let ids = &mut self.by_filter[filter.as_usize()];
        let mut group = Group::new(Arc::clone(spec), filter, cursor, now);
        group.slot = ids.len();
        let id = self.all.insert(group);
        ids.push(id);
        self.by_spec.insert(Arc::clone(spec), id);
        Ok(id)
    }

    /// One of those who have a filter pays for what it searches: the first member of its first group.
    fn set_payer(&mut self, filter: FilterId) {
        let first = self.by_filter[filter.as_usize()].first().and_then(|id| self.all.get(*id));
        if let Some(payer) = first.and_then(Group::payer) {
            self.index.set_payer(filter, Some(Arc::clone(payer.account())));
        }
    }

    /// Filters that were stopped since this was asked last, with the index of the event at which each was, and the groups
    /// of each.
    pub(super) fn take_stopped(&mut self) -> Vec<(usize, Vec<u32>)> {
        let stopped = self.index.take_stopped();
        stopped
            .into_iter()
            .map(|(event, filter)| (event, self.by_filter[filter.as_usize()].clone()))
            .collect()
    }

    /// How many events were matched.
    pub(super) fn events(&self) -> u64 {
        self.index.events()
    }

    /// Takes a group's filter out of the index, unless other groups use it.
    fn forget(&mut self, filter: FilterId, slot: usize) {
        let ids = &mut self.by_filter[filter.as_usize()];
        ids.swap_remove(slot);
        if let Some(moved) = ids.get(slot) {
            self.all[*moved].slot = slot;
        } else if ids.is_empty() {
            *ids = Vec::new();
        }
        self.index.remove(filter);
    }

    /// Takes a subscription out of its group, and the group away with its last member.
    pub(super) fn remove(&mut self, serial: u64) {
        let Some((id, slot)) = self.slots.remove(&serial) else { return };
        let group = &mut self.all[id];
        let filter = group.filter;
        if let Some(moved) = group.leave(slot) {
            self.slots.insert(moved, (id, slot));
        } else if group.is_empty()
            && let Some(group) = self.all.remove(id)
        {
            self.by_spec.remove(&group.spec);
            self.forget(group.filter, group.slot);
        }
        self.set_payer(filter);
    }
}

#[cfg(test)]
mod tests;
