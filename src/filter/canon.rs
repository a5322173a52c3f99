//! The canonical form, which equal filters share, however clients wrote them.
//!
//! Negations stand at the conditions only, `&&` and `||` alternate, nothing is constant, conditions on
//! one field are merged where the result is one condition, and everything is sorted. A cover for the
//! index is computed from this form: see [`Canon`].

use crate::event::Attributes;

use super::condition::{Condition, Test};
use super::fields::Name;
use super::ints::{IntSet, Relation};

/// A filter in canonical form. Single conditions sort before groups.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Canon {
    /// Only a whole filter is one.
    Constant(bool),
    Condition(Condition),
    /// Two parts or more, none of them `All` itself.
    All(Vec<Canon>),
    /// Two parts or more, none of them `Any` itself.
    Any(Vec<Canon>),
}

impl Canon {
    /// A single condition.
    pub(super) fn of(name: Name, test: Test) -> Self {
        let test = match test {
            Test::Length(ints) => plain_length(&ints),
            test => test,
        };
        match test.constant() {
            Some(constant) => Self::Constant(constant),
            None => Self::Condition(Condition { name, test }),
        }
    }

    /// Recurses as deep as the filter, which is bounded.
    pub(super) fn negate(self) -> Self {
        match self {
            Self::Constant(constant) => Self::Constant(!constant),
            Self::Condition(condition) => {
                let Condition { name, test } = condition.negate();
                Self::of(name, test)
            }
            Self::All(parts) => Self::any(parts.into_iter().map(Self::negate)),
            Self::Any(parts) => Self::all(parts.into_iter().map(Self::negate)),
        }
    }

    /// True if every part is.
    pub(super) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut conditions = Vec::new();
        let mut groups = Vec::new();
        for part in parts {
            match part {
                Self::Constant(true) => {}
                Self::Constant(false) => return Self::Constant(false),
                Self::All(inner) => {
                    for part in inner {
                        sort_out(part, &mut conditions, &mut groups);
                    }
                }
                part => sort_out(part, &mut conditions, &mut groups),
            }
        }
        let Some(conditions) = merge(conditions) else { return Self::Constant(false) };
        let mut parts: Vec<Self> = conditions.into_iter().map(Self::Condition).chain(groups).collect();
        parts.sort_unstable();
        parts.dedup();
        match parts.len() {
            0 => Self::Constant(true),
            1 => parts.remove(0),
            _ => Self::All(parts),
        }
    }

    /// True if one part is. It merges conditions as `all` merges their opposites.
    pub(super) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut conditions = Vec::new();
        let mut groups = Vec::new();
        for part in parts {
            match part {
                Self::Constant(false) => {}
                Self::Constant(true) => return Self::Constant(true),
                Self::Any(inner) => {
                    for part in inner {
                        sort_out(part, &mut conditions, &mut groups);
                    }
                }
                part => sort_out(part, &mut conditions, &mut groups),
            }
        }
        let opposites = conditions.into_iter().map(Condition::negate).collect();
        let Some(conditions) = merge(opposites) else { return Self::Constant(true) };
        let conditions = conditions.into_iter().map(|c| Self::Condition(c.negate()));
        let mut parts: Vec<Self> = conditions.chain(groups).collect();
        parts.sort_unstable();
        parts.dedup();
        match parts.len() {
            0 => Self::Constant(false),
            1 => parts.remove(0),
            _ => Self::Any(parts),
        }
    }

    /// Whether the event passes; the program says the same, faster.
    pub(super) fn holds(&self, event: &Attributes) -> bool {
        match self {
            Self::Constant(constant) => *constant,
            Self::Condition(condition) => condition.holds(event),
            Self::All(parts) => parts.iter().all(|part| part.holds(event)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(event)),
        }
    }
}

fn sort_out(part: Canon, conditions: &mut Vec<Condition>, groups: &mut Vec<Canon>) {
    match part {
        Canon::Condition(condition) => conditions.push(condition),
        part => groups.push(part),
    }
}

/// A length condition; the one for "empty" is a comparison.
fn plain_length(ints: &IntSet) -> Test {
    let ints = ints.of_length();
    let zero = IntSet::related(Relation::LessOrEqual, 0);
    if ints == zero {
        Test::set([""])
    } else if ints == zero.complement() {
        Test::set([""]).negate()
    } else {
        Test::Length(ints)
    }
}

/// The same conditions, those of one field made as few as possible; `None` if they can't all hold.
fn merge(mut conditions: Vec<Condition>) -> Option<Vec<Condition>> {
    conditions.sort_unstable();
    conditions.dedup();
    let mut merged = Vec::with_capacity(conditions.len());
    let mut rest = conditions.into_iter().peekable();
    while let Some(first) = rest.next() {
        let name = first.name;
        let mut tests = vec![first.test];
        while let Some(next) = rest.next_if(|next| next.name == name) {
            tests.push(next.test);
        }
        if tests.len() > 1 {
            tests = merge_field(tests)?;
        }
        merged.extend(tests.into_iter().map(|test| Condition { name, test }));
    }
    Some(merged)
}

/// Tests of one field that must all hold.
fn merge_field(tests: Vec<Test>) -> Option<Vec<Test>> {
    let mut wanted: Option<Vec<Box<str>>> = None;
    let mut unwanted: Vec<Box<str>> = Vec::new();
    let mut length: Option<IntSet> = None;
    let mut single: Option<Test> = None;
    let mut others = Vec::new();
    for test in tests {
        match test {
            Test::Set { negated: false, texts } => {
                wanted = Some(match wanted {
                    Some(before) => before.into_iter().filter(|t| texts.binary_search(t).is_ok()).collect(),
                    None => texts,
                });
            }
            Test::Set { negated: true, texts } => unwanted.extend(texts),
            Test::Length(ints) => length = Some(both(length, ints)),
            Test::Types(types) => {
                single = Some(match single {
                    Some(Test::Types(before)) => Test::Types(before.intersection(types)),
                    _ => Test::Types(types),
                });
            }
            Test::Ints(ints) => {
                single = Some(match single {
                    Some(Test::Ints(before)) => Test::Ints(both(Some(before), ints)),
                    _ => Test::Ints(ints),
                });
            }
            test => others.push(test),
        }
    }
    // `!= ""` is a bound of the length where there is another.
    if length.is_some() && unwanted.iter().any(|text| text.is_empty()) {
        unwanted.retain(|text| !text.is_empty());
        length = Some(both(length, IntSet::related(Relation::Greater, 0)));
    }
    if let Some(ints) = length {
        match plain_length(&ints) {
            Test::Set { negated: false, texts } => wanted = Some(only(wanted, texts)),
            Test::Set { texts, .. } => unwanted.extend(texts),
            test => single = Some(test),
        }
    }
    others.extend(single);
    finish(wanted, unwanted, others)
}

fn both(a: Option<IntSet>, b: IntSet) -> IntSet {
    match a {
        Some(a) => a.intersection(&b),
        None => b,
    }
}

fn only(before: Option<Vec<Box<str>>>, texts: Vec<Box<str>>) -> Vec<Box<str>> {
    match before {
        Some(before) => before.into_iter().filter(|text| texts.contains(text)).collect(),
        None => texts,
    }
}

/// Thins sets by the other tests: what is wanted must pass them all, and then they say nothing more;
/// what fails one of them need not be excluded once more.
fn finish(
    wanted: Option<Vec<Box<str>>>,
    unwanted: Vec<Box<str>>,
    mut others: Vec<Test>,
) -> Option<Vec<Test>> {
    if others.iter().any(|test| test.constant() == Some(false)) {
        return None;
    }
    others.retain(|test| test.constant().is_none());
    let excluded = Test::set(unwanted);
    if let Some(mut wanted) = wanted {
        wanted.retain(|text| !excluded.holds(text) && others.iter().all(|test| test.holds(text)));
        return (!wanted.is_empty()).then(|| vec![Test::Set { negated: false, texts: wanted }]);
    }
    let Test::Set { mut texts, .. } = excluded else { return Some(others) };
    texts.retain(|text| others.iter().all(|test| test.holds(text)));
    if !texts.is_empty() {
        others.push(Test::Set { negated: true, texts });
    }
    Some(others)
}
