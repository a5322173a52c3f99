//! A filter as the index sees it: its cloud, and the parts that must all hold beside.

use super::broad::is_covered;
use super::key::{Kind, of_type};
use crate::event::EventType;
use crate::filter::canon::Canon;
use crate::filter::condition::{Condition, Test, TypeSet};
use crate::filter::fields::Name;

pub(super) struct Split<'c> {
    /// The one cloud whose events can pass.
    pub(super) cloud: Option<&'c str>,
    pub(super) parts: Vec<&'c Canon>,
}

impl<'c> Split<'c> {
    pub(super) fn of(canon: &'c Canon) -> Self {
        let all: Vec<&Canon> = match canon {
            Canon::All(parts) => parts.iter().collect(),
            Canon::Constant(true) => Vec::new(),
            part => vec![part],
        };
        let cloud = all.iter().find_map(|part| cloud(part));
        let parts = all.into_iter().filter(|part| self::cloud(part).is_none()).collect();
        Self { cloud, parts }
    }

    /// Whether events that pass carry one of few keys.
    pub(super) fn is_covered(&self) -> bool {
        self.parts.iter().any(|part| is_covered(part))
    }

    /// Whether it counts among those that no index can serve. Everything of a cloud, and sets of types
    /// alone, don't: there are a handful of them.
    pub(super) fn is_broad(&self) -> bool {
        match self.parts[..] {
            [] | [Canon::Constant(_)] => false,
            [part] if types(part).is_some() => false,
            _ => !self.is_covered(),
        }
    }

    /// Keys of the types that may pass, if there is a condition on them. Many events carry such a key, so
    /// it serves only what can't be looked up otherwise.
    pub(super) fn types(&self, scope: u64) -> Option<Vec<(Kind, u64)>> {
        let types = self.parts.iter().find_map(|part| types(part))?;
        let salt = Kind::Type.salt(scope);
        let of = EventType::ALL.into_iter().filter(|t| types.bits() & (1 << t.code()) != 0);
        Some(of.map(|event_type| (Kind::Type, of_type(salt, event_type))).collect())
    }
}

fn cloud(part: &Canon) -> Option<&str> {
    match part {
        Canon::Condition(Condition { name: Name::Cloud, test: Test::Set { negated: false, texts } }) => {
            match &texts[..] {
                [cloud] => Some(cloud),
                _ => None,
            }
        }
        _ => None,
    }
}

fn types(part: &Canon) -> Option<TypeSet> {
    match part {
        Canon::Condition(Condition { test: Test::Types(types), .. }) => Some(*types),
        _ => None,
    }
}
