use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dashmap::DashMap;

/// How many connections each address has.
pub(super) type Places = DashMap<IpAddr, usize>;

/// One of the connections that its address may have. It is given back once: when the gateway sends the client away, so that
/// whoever comes back at once does not find it taken, or at the end.
pub(in crate::delivery::connection) struct Place {
    places: Arc<Places>,
    pub(in crate::delivery::connection) address: IpAddr,
    left: AtomicBool,
}

impl Place {
    /// One of at most so many; `None` if all are taken.
    pub(super) fn take(places: &Arc<Places>, address: IpAddr, most: usize) -> Option<Arc<Self>> {
        {
            let mut count = places.entry(address).or_insert(0);
            if *count >= most {
                return None;
            }
            *count += 1;
        }
        Some(Arc::new(Self { places: Arc::clone(places), address, left: AtomicBool::new(false) }))
    }

    /// Gives it back.
    pub(in crate::delivery::connection) fn leave(&self) {
        if !self.left.swap(true, Ordering::Relaxed) {
            self.places.remove_if_mut(&self.address, |_, count| {
                *count -= 1;
                *count == 0
            });
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back_once() {
        let (places, home) = (Arc::<Places>::default(), IpAddr::from([192, 0, 2, 1]));
        let take = |most| Place::take(&places, home, most);
        let (one, _two) = (take(2).expect("room"), take(2).expect("room"));
        assert!(take(2).is_none());
        one.leave();
        let three = take(2).expect("room");
        drop(one);
        assert!(take(2).is_none(), "it was given back before");
        assert!(take(3).is_some(), "and is at once, where nobody keeps it");
        assert_eq!(three.address, home);
    }
}
