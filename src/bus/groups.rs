use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use slab::Slab;

use super::group::{Group, Member};
use super::subscription::{Spec, Subscription};
use crate::event::Offset;

/// All groups, and where each live subscription is among them.
#[derive(Default)]
pub(super) struct Groups {
    all: Slab<Group>,
    by_spec: HashMap<Arc<Spec>, usize>,
    /// Serial of a subscription → its group, its place among the members.
    places: HashMap<u64, (usize, usize)>,
}

impl Groups {
    pub(super) fn by_spec(&self, spec: &Arc<Spec>) -> Option<&Group> {
        self.by_spec.get(spec).map(|id| &self.all[*id])
    }

    pub(super) fn get_mut(&mut self, id: usize) -> Option<&mut Group> {
        self.all.get_mut(id)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Group)> {
        self.all.iter_mut()
    }

    /// Groups, and live subscriptions in them.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.all.len(), self.places.len())
    }

    /// Makes a subscription that has everything up to `start` a member of its group.
    pub(super) fn add(
        &mut self,
        subscription: Arc<Subscription>,
        start: Offset,
        cursor: Offset,
        now: Instant,
    ) {
        let spec = &subscription.spec;
        let known = self.by_spec.get(spec).copied();
        let id = known.unwrap_or_else(|| {
            let id = self.all.insert(Group::new(Arc::clone(spec), cursor, now));
            self.by_spec.insert(Arc::clone(spec), id);
            id
        });
        let members = &mut self.all[id].members;
        self.places.insert(subscription.serial, (id, members.len()));
        members.push(Member::new(subscription, start));
    }

    /// Takes a subscription out of its group, and the group away with its last member.
    pub(super) fn remove(&mut self, serial: u64) {
        let Some((id, place)) = self.places.remove(&serial) else { return };
        let members = &mut self.all[id].members;
        members.swap_remove(place);
        if let Some(moved) = members.get(place) {
            self.places.insert(moved.serial(), (id, place));
        } else if members.is_empty() {
            let group = self.all.remove(id);
            self.by_spec.remove(&group.spec);
        }
    }
}
