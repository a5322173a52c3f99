use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Guest;

/// When a connection was noted to be heard, and its id.
type Turn = (u64, u64);
type Group = BTreeMap<Turn, Arc<Guest>>;

/// Connections by address, each address's in the order in which they were heard. What is heard is noted only when
/// somebody looks for the silent, so that a byte that comes costs no lock.
#[derive(Default)]
pub(super) struct Crowd {
    groups: HashMap<IpAddr, Group>,
    /// Groups by their size, and by who in them was noted to be silent longest.
    ranks: BTreeSet<(usize, Reverse<Turn>, IpAddr)>,
    /// When each was noted to be heard, by id.
    noted: HashMap<u64, u64>,
}

impl Crowd {
    pub(super) fn len(&self) -> usize {
        self.noted.len()
    }

    /// How many of an address.
    pub(super) fn count(&self, address: IpAddr) -> usize {
        self.groups.get(&address).map_or(0, BTreeMap::len)
    }

    pub(super) fn add(&mut self, guest: Arc<Guest>) {
        let heard = guest.heard.load(Ordering::Relaxed);
        self.noted.insert(guest.id, heard);
        self.change(guest.address, |group| group.insert((heard, guest.id), guest));
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, guest: &Guest) -> bool {
        let Some(noted) = self.noted.remove(&guest.id) else { return false };
        self.change(guest.address, |group| group.remove(&(noted, guest.id)));
        true
    }

    /// Takes out who was silent longest, of the address that has most.
    pub(super) fn take_silent(&mut self) -> Option<Arc<Guest>> {
        loop {
            let (.., address) = *self.ranks.last()?;
            if let Some(guest) = self.take_first(address) {
                return Some(guest);
            }
        }
    }

    /// Takes out who was silent longest of this address.
    pub(super) fn take_silent_of(&mut self, address: IpAddr) -> Option<Arc<Guest>> {
        while self.count(address) > 0 {
            if let Some(guest) = self.take_first(address) {
                return Some(guest);
            }
        }
        None
    }

    /// Takes the first of a group, unless it was heard since that was noted: then it is noted anew.
    fn take_first(&mut self, address: IpAddr) -> Option<Arc<Guest>> {
        let (&(noted, _), guest) = self.groups.get(&address)?.first_key_value()?;
        let guest = Arc::clone(guest);
        self.remove(&guest);
        if guest.heard.load(Ordering::Relaxed) > noted {
            self.add(guest);
            return None;
        }
        Some(guest)
    }

    /// Changes a group, and its rank with it.
    fn change<T>(&mut self, address: IpAddr, change: impl FnOnce(&mut Group) -> T) {
        let group = self.groups.entry(address).or_default();
        let rank =
            |group: &Group| group.first_key_value().map(|(first, _)| (group.len(), Reverse(*first), address));
        if let Some(rank) = rank(group) {
            self.ranks.remove(&rank);
        }
        change(group);
        match rank(group) {
            Some(rank) => {
                self.ranks.insert(rank);
            }
            None => {
                self.groups.remove(&address);
            }
        }
    }
}
