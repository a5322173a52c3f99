/// Values at small stable numbers. A number that was freed is the next to be given out, so steps
/// that are taken back in reverse order find every value at its old number.
///
/// [`crate::collections::Slab`] gives emptied pieces back instead, so its numbers come in another order; and a
/// repository of a few tags would take up to twice the memory in pieces.
#[derive(Debug)]
pub(super) struct Slab<T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// The number that the next value gets.
    ///
    /// # Panics
    /// If 4 billion values are stored already, which memory ends long before.
    pub(super) fn next(&self) -> u32 {
        let behind = || u32::try_from(self.places.len()).expect("memory ends before numbers do");
        self.free.last().copied().unwrap_or_else(behind)
    }

    /// Stores a value and says where.
    ///
    /// # Panics
    /// If 4 billion values are stored already, which memory ends long before.
    pub(super) fn insert(&mut self, value: T) -> u32 {
        if let Some(number) = self.free.pop() {
            self.places[number as usize] = Some(value);
            return number;
        }
        let number = u32::try_from(self.places.len()).expect("memory ends before numbers do");
        if self.places.len() == self.places.capacity() {
            // Doubling would leave a quarter of all memory unused on average, an eighth leaves little.
            self.places.reserve_exact(self.places.len() / 8 + 2);
        }
        self.places.push(Some(value));
        number
    }

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.places.get(number as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.places.get_mut(number as usize)?.as_mut()
    }

    pub(super) fn remove(&mut self, number: u32) -> Option<T> {
        let value = self.places.get_mut(number as usize)?.take()?;
        self.free.push(number);
        Some(value)
    }

    /// Puts a value at a number of the caller's; [`Self::find_free`] must follow.
    pub(super) fn place(&mut self, number: u32, value: T) {
        if self.places.len() <= number as usize {
            self.places.resize_with(number as usize + 1, || None);
        }
        self.places[number as usize] = Some(value);
    }

    /// Notes which numbers are free after values were placed.
    pub(super) fn find_free(&mut self) {
        let numbers = (0..).zip(&self.places);
        self.free = numbers.filter(|(_, place)| place.is_none()).map(|(number, _)| number).collect();
        self.free.reverse();
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Numbers and values, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(&self.places).filter_map(|(number, place)| Some((number, place.as_ref()?)))
    }
}
