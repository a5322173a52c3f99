//! Sets of ints, as sorted ranges that don't touch: every comparison of an int with literals is one.

/// A relation between an int and a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Relation {
    /// `a < b` is `b > a`.
    pub(super) const fn flipped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Equal | Self::NotEqual => self,
        }
    }
}

/// Inclusive ranges, sorted, with a gap between any two.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct IntSet(Vec<(i64, i64)>);

impl IntSet {
    pub(super) fn new(mut ranges: Vec<(i64, i64)>) -> Self {
        ranges.retain(|(low, high)| low <= high);
        ranges.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::with_capacity(ranges.len());
        for (low, high) in ranges {
            match merged.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        Self(merged)
    }

    pub(super) fn points(points: impl IntoIterator<Item = i64>) -> Self {
        Self::new(points.into_iter().map(|point| (point, point)).collect())
    }

    /// Every `x` with `x relation value`.
    pub(super) fn related(relation: Relation, value: i64) -> Self {
        let below = value.checked_sub(1).map(|high| (i64::MIN, high));
        let above = value.checked_add(1).map(|low| (low, i64::MAX));
        Self::new(match relation {
            Relation::Equal => vec![(value, value)],
            Relation::NotEqual => below.into_iter().chain(above).collect(),
            Relation::Less => below.into_iter().collect(),
            Relation::LessOrEqual => vec![(i64::MIN, value)],
            Relation::Greater => above.into_iter().collect(),
            Relation::GreaterOrEqual => vec![(value, i64::MAX)],
        })
    }

    pub(super) fn ranges(&self) -> &[(i64, i64)] {
        &self.0
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn is_all(&self) -> bool {
        self.0 == [(i64::MIN, i64::MAX)]
    }

    pub(super) fn contains(&self, value: i64) -> bool {
        let index = self.0.partition_point(|(_, high)| *high < value);
        self.0.get(index).is_some_and(|(low, _)| *low <= value)
    }

    pub(super) fn complement(&self) -> Self {
        let mut ranges = Vec::with_capacity(self.0.len() + 1);
        let mut next = Some(i64::MIN);
        for (low, high) in &self.0 {
            if let (Some(from), Some(to)) = (next, low.checked_sub(1)) {
                ranges.push((from, to));
            }
            next = high.checked_add(1);
        }
        if let Some(from) = next {
            ranges.push((from, i64::MAX));
        }
        Self::new(ranges)
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        let (mut a, mut b) = (0, 0);
        let mut ranges = Vec::new();
        while let (Some(x), Some(y)) = (self.0.get(a), other.0.get(b)) {
            ranges.push((x.0.max(y.0), x.1.min(y.1)));
            if x.1 < y.1 { a += 1 } else { b += 1 }
        }
        Self::new(ranges)
    }

    /// Every `x` whose negative is in this set. The least int has none; it counts as the greatest's.
    pub(super) fn negative(&self) -> Self {
        let low = |high: i64| if high == i64::MAX { i64::MIN } else { -high };
        let high = |low: i64| low.saturating_neg();
        Self::new(self.0.iter().filter(|r| r.1 != i64::MIN).map(|r| (low(r.1), high(r.0))).collect())
    }

    /// The same set for a number that is never negative, written with as few bounds as possible.
    pub(super) fn of_length(&self) -> Self {
        let mut ranges = self.intersection(&Self::related(Relation::GreaterOrEqual, 0)).0;
        if let Some(first) = ranges.first_mut().filter(|r| r.0 == 0) {
            first.0 = i64::MIN;
        }
        Self(ranges)
    }

    /// Ints in the ranges that have two ends, and how many such ranges there are.
    pub(super) fn finite(&self) -> (u64, usize) {
        self.0
            .iter()
            .filter(|(low, high)| *low != i64::MIN && *high != i64::MAX)
            .fold((0, 0), |(count, ranges), (low, high)| {
                (count + high.abs_diff(*low).saturating_add(1), ranges + 1)
            })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RELATIONS: [Relation; 6] = [
        Relation::Equal,
        Relation::NotEqual,
        Relation::Less,
        Relation::LessOrEqual,
        Relation::Greater,
        Relation::GreaterOrEqual,
    ];

    fn holds(relation: Relation, x: i64, y: i64) -> bool {
        match relation {
            Relation::Equal => x == y,
            Relation::NotEqual => x != y,
            Relation::Less => x < y,
            Relation::LessOrEqual => x <= y,
            Relation::Greater => x > y,
            Relation::GreaterOrEqual => x >= y,
        }
    }

    #[test]
    fn relations_at_the_ends() {
        for relation in RELATIONS {
            for value in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX] {
                let set = IntSet::related(relation, value);
                for x in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX] {
                    assert_eq!(set.contains(x), holds(relation, x, value), "{x} {relation:?} {value}");
                    assert_eq!(set.complement().contains(x), !holds(relation, x, value));
                    if x != i64::MIN {
                        assert_eq!(
                            set.negative().contains(x),
                            holds(relation, -x, value),
                            "-{x} {relation:?} {value}"
                        );
                    }
                }
            }
        }
    }

    fn set() -> impl Strategy<Value = IntSet> {
        prop::collection::vec((-9_i64..9, 0_i64..4), 0..5)
            .prop_map(|r| IntSet::new(r.into_iter().map(|(low, more)| (low, low + more)).collect()))
    }

    proptest! {
        #[test]
        fn algebra(a in set(), b in set()) {
            for x in -10..14 {
                prop_assert_eq!(a.intersection(&b).contains(x), a.contains(x) && b.contains(x));
                prop_assert_eq!(a.complement().contains(x), !a.contains(x));
                prop_assert!(x < 0 || a.of_length().contains(x) == a.contains(x));
            }
            prop_assert_eq!(a.complement().complement(), a.clone());
            prop_assert_eq!(a.of_length().of_length(), a.of_length());
        }
    }
}
