//! Filters that no index can serve run for every event of their cloud, so there is a bound on them.

use std::collections::HashMap;

use super::Split;
use crate::filter::canon::Canon;
use crate::filter::condition::Test;
use crate::filter::error::{Code, FilterError, shorten};
use crate::filter::{Filter, print};

/// Distinct filters of one cloud that no index can serve.
pub(crate) const MOST_BROAD: usize = 1_000;
/// Those of them that one reader may bring, where others may bring some too.
pub(crate) const MOST_OF_ONE: usize = MOST_BROAD / 2;

/// Distinct filters that no index can serve, by cloud. Whoever lets a filter in asks here first.
#[derive(Debug, Default)]
pub(crate) struct BroadFilters {
    by_cloud: HashMap<Option<Box<str>>, OfCloud>,
    distinct: usize,
}

/// Those of one cloud: the canonical forms, and how often each is in use.
#[derive(Debug, Default)]
struct OfCloud {
    all: Uses,
    /// The same of each reader that shares the cloud with others, by name.
    of_one: HashMap<Box<str>, Uses>,
}

type Uses = HashMap<Box<str>, usize>;

impl Filter {
    /// Whether no index can serve it, so that it runs for every event of its cloud. `true` and sets of
    /// types alone don't count: there are a handful of them.
    pub fn is_broad(&self) -> bool {
        Split::of(&self.0.canon).is_broad()
    }
}

impl BroadFilters {
    /// Counts a use of `filter`, if it is broad; false if it is not, and there is nothing to remove. `reader`: who
    /// brings it, if that shares the cloud with others.
    ///
    /// # Errors
    ///
    /// `filter_too_broad` if its cloud has as many as it may, or the reader as many as one may; a filter that is there
    /// already is let in.
    pub(crate) fn add(&mut self, filter: &Filter, reader: Option<&str>) -> Result<bool, FilterError> {
        let split = Split::of(&filter.0.canon);
        if !split.is_broad() {
            return Ok(false);
        }
        let of_cloud = self.by_cloud.entry(split.cloud.map(Box::from)).or_default();
        if !of_cloud.all.contains_key(filter.canonical()) {
            let own = reader.and_then(|reader| of_cloud.of_one.get(reader)).map_or(0, HashMap::len);
            if of_cloud.all.len() >= MOST_BROAD || own >= MOST_OF_ONE {
                return Err(too_broad(&filter.0.canon));
            }
            self.distinct += 1;
        }
        *of_cloud.all.entry(filter.canonical().into()).or_default() += 1;
        if let Some(reader) = reader {
            let own = of_cloud.of_one.entry(reader.into()).or_default();
            *own.entry(filter.canonical().into()).or_default() += 1;
        }
        Ok(true)
    }

    /// Counts a use less of a filter that was added.
    pub(crate) fn remove(&mut self, filter: &Filter, reader: Option<&str>) {
        let cloud = Split::of(&filter.0.canon).cloud.map(Box::from);
        let Some(of_cloud) = self.by_cloud.get_mut(&cloud) else { return };
        self.distinct -= usize::from(less(&mut of_cloud.all, filter));
        if let Some(reader) = reader
            && let Some(own) = of_cloud.of_one.get_mut(reader)
        {
            less(own, filter);
            if own.is_empty() {
                of_cloud.of_one.remove(reader);
            }
        }
        if of_cloud.all.is_empty() {
            self.by_cloud.remove(&cloud);
        }
    }

    /// How many distinct ones there are, of all clouds.
    pub(crate) fn len(&self) -> usize {
        self.distinct
    }
}

/// Counts a use less; whether it was the last one.
fn less(filters: &mut Uses, filter: &Filter) -> bool {
    let Some(uses) = filters.get_mut(filter.canonical()) else { return false };
    *uses -= 1;
    let is_last = *uses == 0;
    if is_last {
        filters.remove(filter.canonical());
    }
    is_last
}

/// The refusal of a filter of which there are too many.
pub(super) fn too_broad(canon: &Canon) -> FilterError {
    let culprit = print::filter(culprit(canon));
    let hint = r#"repository == "team/app""#;
    let message = format!(
        "'{}' would run for every event, as {MOST_BROAD} filters of this cloud, or {MOST_OF_ONE} of yours, do already; with a condition such \
         as {hint} or tag.startsWith(\"release-\") it need not",
        shorten(&culprit)
    );
    FilterError::over(Code::FilterTooBroad, message).found(shorten(&culprit)).hint(hint)
}

/// The part that keeps the whole out of the index: of parts joined by `||` the first such one.
fn culprit(canon: &Canon) -> &Canon {
    match canon {
        Canon::Any(parts) => parts.iter().find(|part| !is_covered(part)).map_or(canon, culprit),
        _ => canon,
    }
}

/// Whether every event that passes carries a key, however cheap.
pub(super) fn is_covered(canon: &Canon) -> bool {
    keys(canon).is_some_and(|keys| keys <= super::cover::MOST_KEYS)
}

/// The least number of keys that cover a part.
fn keys(canon: &Canon) -> Option<usize> {
    match canon {
        Canon::Constant(_) => None,
        Canon::Condition(condition) => match &condition.test {
            Test::Set { negated: false, texts } => Some(texts.len()),
            Test::Prefix { negated: false, .. } | Test::Suffix { negated: false, .. } => Some(1),
            Test::Pattern { negated: false, pattern } => {
                (!pattern.prefix().is_empty() || !pattern.suffix().is_empty()).then_some(1)
            }
            _ => None,
        },
        Canon::All(parts) => parts.iter().filter_map(keys).min(),
        Canon::Any(parts) => parts.iter().map(keys).sum(),
    }
}
