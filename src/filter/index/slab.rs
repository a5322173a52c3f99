//! Values under small numbers, in pieces: adding one never moves more than a piece.

/// Values of one piece.
const PIECE: usize = 1 << PIECE_BITS;
const PIECE_BITS: u32 = 10;
const NONE: u32 = u32::MAX;

/// Values under numbers that are used again once free.
pub(super) struct Slab<T> {
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
    pub(super) const fn new() -> Self {
        Self { pieces: Vec::new(), roomy: Vec::new(), len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Keeps a value, and tells its number.
    pub(super) fn insert(&mut self, value: T) -> u32 {
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
    pub(super) fn remove(&mut self, number: u32) -> Option<T> {
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

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        let (at, place) = split(number);
        match self.pieces.get(at)?.places.get(place)? {
            Place::Used(value) => Some(value),
            Place::Free(_) => None,
        }
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let (at, place) = split(number);
        match self.pieces.get_mut(at)?.places.get_mut(place)? {
            Place::Used(value) => Some(value),
            Place::Free(_) => None,
        }
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
}
