//! One condition on one field. Every comparison and function of the language becomes conditions.

use crate::event::{Attributes, EventType};

use super::fields::Name;
use super::ints::IntSet;
use super::pattern::Pattern;

/// Event types, one bit for each code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct TypeSet(u8);

impl TypeSet {
    const ALL: Self = Self(u8::MAX);

    pub(super) fn of(types: impl IntoIterator<Item = EventType>) -> Self {
        Self(types.into_iter().fold(0, |bits, event_type| bits | (1 << event_type.code())))
    }

    pub(super) const fn bits(self) -> u8 {
        self.0
    }

    /// The names, sorted.
    pub(super) fn names(self) -> Vec<&'static str> {
        let in_set = EventType::ALL.into_iter().filter(|t| self.0 & (1 << t.code()) != 0);
        let mut names: Vec<_> = in_set.map(EventType::as_str).collect();
        names.sort_unstable();
        names
    }

    pub(super) const fn complement(self) -> Self {
        Self(!self.0)
    }

    pub(super) const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// What a condition asks of its field. Conditions on one field have this order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Test {
    /// Of `type` only.
    Types(TypeSet),
    /// Of `size` only.
    Ints(IntSet),
    /// One of these texts, sorted; or none of them.
    Set {
        negated: bool,
        texts: Vec<Box<str>>,
    },
    Prefix {
        negated: bool,
        text: Box<str>,
    },
    Suffix {
        negated: bool,
        text: Box<str>,
    },
    Contained {
        negated: bool,
        text: Box<str>,
    },
    /// The number of code points.
    Length(IntSet),
    Pattern {
        negated: bool,
        pattern: Pattern,
    },
}

/// A test of a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Condition {
    /// Never [`Name::EventType`], whose conditions become sets of types.
    pub(super) name: Name,
    pub(super) test: Test,
}

/// Code points of a text, as `size()` counts them.
pub(super) fn length(text: &str) -> i64 {
    i64::try_from(text.chars().count()).unwrap_or(i64::MAX)
}

impl Test {
    pub(super) fn set<T: Into<Box<str>>>(texts: impl IntoIterator<Item = T>) -> Self {
        let mut texts: Vec<Box<str>> = texts.into_iter().map(Into::into).collect();
        texts.sort_unstable();
        texts.dedup();
        Self::Set { negated: false, texts }
    }

    pub(super) fn negate(self) -> Self {
        match self {
            Self::Types(types) => Self::Types(types.complement()),
            Self::Ints(ints) => Self::Ints(ints.complement()),
            Self::Length(ints) => Self::Length(ints.complement()),
            Self::Set { negated, texts } => Self::Set { negated: !negated, texts },
            Self::Prefix { negated, text } => Self::Prefix { negated: !negated, text },
            Self::Suffix { negated, text } => Self::Suffix { negated: !negated, text },
            Self::Contained { negated, text } => Self::Contained { negated: !negated, text },
            Self::Pattern { negated, pattern } => Self::Pattern { negated: !negated, pattern },
        }
    }

    /// The answer, if it is the same for every value.
    pub(super) fn constant(&self) -> Option<bool> {
        match self {
            Self::Types(types) if *types == TypeSet::ALL => Some(true),
            Self::Types(types) if types.bits() == 0 => Some(false),
            Self::Ints(ints) | Self::Length(ints) if ints.is_all() => Some(true),
            Self::Ints(ints) | Self::Length(ints) if ints.is_empty() => Some(false),
            Self::Set { negated, texts } if texts.is_empty() => Some(*negated),
            Self::Prefix { negated, text }
            | Self::Suffix { negated, text }
            | Self::Contained { negated, text }
                if text.is_empty() =>
            {
                Some(!negated)
            }
            _ => None,
        }
    }

    /// Units of work, for the bound on one filter.
    pub(super) fn cost(&self) -> usize {
        match self {
            Self::Contained { .. } => 2,
            Self::Pattern { pattern, .. } => 8 + pattern.memory() / 1024,
            _ => 1,
        }
    }

    /// Whether a text passes. Tests of types and ints have no texts.
    pub(super) fn holds(&self, value: &str) -> bool {
        match self {
            Self::Types(_) | Self::Ints(_) => false,
            Self::Set { negated, texts } => {
                texts.binary_search_by(|text| (**text).cmp(value)).is_ok() != *negated
            }
            Self::Prefix { negated, text } => value.starts_with(&**text) != *negated,
            Self::Suffix { negated, text } => value.ends_with(&**text) != *negated,
            Self::Contained { negated, text } => value.contains(&**text) != *negated,
            Self::Length(ints) => ints.contains(length(value)),
            Self::Pattern { negated, pattern } => pattern.is_match(value) != *negated,
        }
    }
}

impl Condition {
    /// Whether the event passes.
    pub(super) fn holds(&self, event: &Attributes) -> bool {
        match &self.test {
            Test::Types(types) => types.bits() & (1 << event.event_type().code()) != 0,
            Test::Ints(ints) => ints.contains(event.size()),
            test => test.holds(self.name.text(event)),
        }
    }

    pub(super) fn negate(self) -> Self {
        Self { name: self.name, test: self.test.negate() }
    }
}
