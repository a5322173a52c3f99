use std::ops::{Index, IndexMut};

/// Values of one piece.
const PIECE: usize = 1 << PIECE_BITS;
const PIECE_BITS: u32 = 10;
const NONE: u32 = u32::MAX;

/// Values under small numbers that are used again once free, in pieces: adding one never moves more than a piece.
pub(crate) struct Slab<T> {
    pieces: Vec<Piece<T>>,
    /// Pieces with a free place.
    roomy: Vec<u32>,
    len: usize,
}

struct Piece<T> {
    places: Vec<Place<T>>,
    /// The first free place; each free place tells the next.
    free: u32,
    used: u32,
    /// Whether it stands among the roomy ones.
    listed: bool,
}

enum Place<T> {
    Free(u32),
    Used(T),
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self { pieces: Vec::new(), roomy: Vec::new(), len: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Keeps a value, and tells its number.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        let number = self.roomy.last().copied().unwrap_or_else(|| {
            self.pieces.push(Piece { places: Vec::new(), free: NONE, used: 0, listed: true });
            let number = small(self.pieces.len() - 1);
            self.roomy.push(number);
            number
        });
        let piece = &mut self.pieces[number as usize];
        let place = piece.insert(value);
        if piece.free == NONE && piece.places.len() == PIECE {
            piece.listed = false;
            self.roomy.pop();
        }
        self.len += 1;
        (number << PIECE_BITS) | place
    }

    /// Gives a value up. Empty pieces give back their memory.
    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        let (at, place) = split(number);
        let piece = self.pieces.get_mut(at)?;
        let value = piece.remove(place)?;
        if !piece.listed {
            piece.listed = true;
            self.roomy.push(small(at));
        }
        self.len -= 1;
        if self.len == 0 {
            *self = Self::new();
        }
        Some(value)
    }

    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        let (at, place) = split(number);
        match self.pieces.get(at)?.places.get(place)? {
            Place::Used(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let (at, place) = split(number);
        match self.pieces.get_mut(at)?.places.get_mut(place)? {
            Place::Used(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    /// All values, by number.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let places = self.pieces.iter_mut().flat_map(|piece| &mut piece.places);
        places.filter_map(|place| match place {
            Place::Used(value) => Some(value),
            Place::Free(_) => None,
        })
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;

    /// # Panics
    /// If nothing has that number.
    fn index(&self, number: u32) -> &T {
        self.get(number).expect("a number of this slab")
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    fn index_mut(&mut self, number: u32) -> &mut T {
        self.get_mut(number).expect("a number of this slab")
    }
}

impl<T> Piece<T> {
    fn insert(&mut self, value: T) -> u32 {
        self.used += 1;
        if let Some(place) = self.places.get_mut(self.free as usize)
            && let Place::Free(next) = *place
        {
            *place = Place::Used(value);
            return std::mem::replace(&mut self.free, next);
        }
        self.places.push(Place::Used(value));
        small(self.places.len() - 1)
    }

    fn remove(&mut self, at: usize) -> Option<T> {
        let place = self.places.get_mut(at)?;
        if matches!(place, Place::Free(_)) {
            return None;
        }
        let Place::Used(value) = std::mem::replace(place, Place::Free(self.free)) else { return None };
        self.free = small(at);
        self.used -= 1;
        if self.used == 0 {
            self.places = Vec::new();
            self.free = NONE;
        }
        Some(value)
    }
}

const fn split(number: u32) -> (usize, usize) {
    ((number >> PIECE_BITS) as usize, number as usize & (PIECE - 1))
}

/// Four billion values would not fit into memory.
fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NONE)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_lead_to_values_and_are_used_again() {
        let mut slab = Slab::new();
        let numbers: Vec<u32> = (0..3000).map(|value| slab.insert(value)).collect();
        for (value, number) in numbers.iter().enumerate() {
            assert_eq!(slab.get(*number), Some(&value));
        }
        for number in numbers.iter().step_by(2) {
            assert!(slab.remove(*number).is_some());
            assert!(slab.remove(*number).is_none(), "it is gone");
        }
        let again: Vec<u32> = (0..1500).map(|value| slab.insert(value)).collect();
        assert_eq!(slab.len(), 3000);
        assert!(again.iter().all(|number| *number < 3000 + small(PIECE)));
        for number in numbers.iter().skip(1).step_by(2).chain(&again) {
            assert!(slab.remove(*number).is_some());
        }
        assert_eq!((slab.len(), slab.pieces.len()), (0, 0));
    }

    proptest! {
        /// Each step adds many values, or removes every so manieth, so that pieces fill and empty.
        #[test]
        fn says_what_a_map_says(steps in prop::collection::vec((any::<bool>(), 1..900_usize), 0..12)) {
            let mut slab = Slab::new();
            let mut map = BTreeMap::new();
            for (step, (adds, count)) in steps.into_iter().enumerate() {
                if adds {
                    for value in 0..count {
                        let number = slab.insert((step, value));
                        prop_assert_eq!(map.insert(number, (step, value)), None, "the number was free");
                    }
                } else {
                    let gone: Vec<u32> = map.keys().copied().step_by(1 + count % 3).collect();
                    for number in gone {
                        prop_assert_eq!(slab.remove(number), map.remove(&number));
                        prop_assert_eq!(slab.remove(number), None);
                    }
                }
                prop_assert_eq!(slab.len(), map.len());
                prop_assert!(slab.values_mut().map(|value| *value).eq(map.values().copied()));
                prop_assert!(map.iter().all(|(number, value)| slab[*number] == *value));
            }
        }
    }
}
