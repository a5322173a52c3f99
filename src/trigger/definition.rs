use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::spec::RetrySpec;
use super::{DefinitionError, HttpTarget, Policy, QualifiedName, Retry, Target, TargetSpec, TriggerSpec};
use crate::filter::{self, Filter, FilterError};
use crate::message::Whole;
use crate::protocol::{BatchLimits, Batching, Code, NAME_RULE, is_name, read_duration};

const DEFAULT_BATCH: Batching = Batching { size: 10, cutoff: Duration::from_secs(10), bytes: 256 << 10 };
/// Of a batch: as large as one request to a target should be.
const LIMITS: BatchLimits = BatchLimits { size: 1_000, cutoff: Duration::from_mins(1) };

/// Bytes of a cloud's name, as of any text in an event.
const LONGEST_CLOUD: usize = 256;

/// Whether a cloud can be called so: it is a part of keys and labels.
fn is_cloud(text: &str) -> bool {
    (1..=LONGEST_CLOUD).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// What a definition is checked against.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// How filters are read.
    pub filters: &'a filter::Options,
    /// Which targets may be.
    pub policy: &'a Policy,
    /// Whom a trigger may run for, and the one cloud of each.
    pub accounts: &'a BTreeMap<String, Option<String>>,
    /// Whether it was stored, or stands in the settings: then a filter goes on that would be refused today.
    pub stored: bool,
}

impl Rules<'_> {
    /// Reads a filter of a definition.
    pub(super) fn filter(&self, wanted: &Value) -> Result<Filter, FilterError> {
        if self.stored {
            Filter::from_stored(wanted, self.filters)
        } else {
            Filter::from_json(wanted, self.filters)
        }
    }
}

/// A trigger that was accepted.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// Whose events it may have.
    pub cloud: String,
    /// Every event of its cloud.
    pub scope: Filter,
    /// Which events, as it was understood, within its cloud, and of those only what its format can say.
    pub filter: Filter,
    /// Bounds of a batch.
    pub batching: Batching,
    /// Where the batches go.
    pub target: Target,
    /// How what failed is repeated.
    pub retry: Retry,
    /// Whether what is given up is kept.
    pub dead_letter: bool,
    /// Tells whether a batch that was formed is still what this definition would make of its events.
    pub revision: u64,
}

impl Definition {
    /// What it is known by.
    pub fn id(&self) -> QualifiedName {
        QualifiedName::new(&self.cloud, &self.name)
    }

    /// Checks what is wanted.
    ///
    /// # Errors
    ///
    /// [`DefinitionError`], the first fault.
    pub fn new(spec: &TriggerSpec, rules: &Rules<'_>) -> Result<Self, DefinitionError> {
        if !is_name(&spec.name) {
            return Err(DefinitionError::new(Code::InvalidId, "/name", NAME_RULE));
        }
        if !is_cloud(&spec.cloud_id) {
            let message = format!("a trigger belongs to a cloud, of 1 to {LONGEST_CLOUD} bytes");
            return Err(DefinitionError::new(Code::BadRequest, "/cloud_id", message));
        }
        check_account(spec, rules)?;
        let own = rules.filter(&spec.filter)?;
        let mut batching = spec.batch.bounds(DEFAULT_BATCH, LIMITS)?;
        let scope = scope(&spec.cloud_id, rules)?;
        let mut filter = own.and(&scope)?;
        let target = match &spec.target {
            TargetSpec::Feed(name) if is_name(name) => Target::Feed(name.clone()),
            TargetSpec::Feed(_) => {
                let message = format!("a feed's name has {NAME_RULE}");
                return Err(DefinitionError::new(Code::InvalidId, "/target/feed", message));
            }
            TargetSpec::Http(http) => Target::Http(Box::new(HttpTarget::new(http, rules.policy)?)),
        };
        if let Target::Http(http) = &target {
            if let Some(tells) = http.format.tells() {
                filter = filter.and(&Filter::parse(tells, rules.filters)?)?;
            }
            let asked = spec.batch.size.is_some();
            match http.format.largest(asked) {
                Some(most) if asked && batching.size > most => {
                    let message = format!("{} sends one event a request", http.format.as_str());
                    return Err(DefinitionError::new(Code::InvalidBatch, "/batch/size", message));
                }
                Some(most) => batching.size = most,
                None => {}
            }
        }
        let forms = (filter.canonical(), format!("{batching:?}"), target.form());
        let revision = xxh3_64(format!("{forms:?}").as_bytes());
        Ok(Self {
            name: spec.name.clone(),
            cloud: spec.cloud_id.clone(),
            scope,
            filter,
            batching,
            target,
            retry: retry(&spec.retry)?,
            dead_letter: spec.dead_letter,
            revision,
        })
    }
}

/// A filter for every event of a cloud.
pub(super) fn scope(cloud: &str, rules: &Rules<'_>) -> Result<Filter, DefinitionError> {
    Ok(Filter::from_json(&json!({ "cloud_id": cloud }), rules.filters)?)
}

fn check_account(spec: &TriggerSpec, rules: &Rules<'_>) -> Result<(), DefinitionError> {
    let account = &spec.service_account;
    let may =
        rules.accounts.get(account).is_some_and(|cloud| cloud.as_ref().is_none_or(|c| *c == spec.cloud_id));
    if account.is_empty() || may {
        return Ok(());
    }
    // Whether there is such a reader of another cloud is nothing to tell.
    let message = "no reader of that name in the settings may read this cloud";
    Err(DefinitionError::new(Code::Forbidden, "/service_account", message))
}

fn retry(spec: &RetrySpec) -> Result<Retry, DefinitionError> {
    let bad = |field: &str, expected: &str| DefinitionError::expected(Code::BadRequest, field, expected);
    let within = |value: &Option<Value>, bounds: RangeInclusive<Duration>, field: &str, expected: &str| {
        let Some(value) = value else { return Ok(None) };
        let time = read_duration(value).filter(|time| bounds.contains(time));
        time.map(Some).ok_or_else(|| bad(field, expected))
    };
    let attempts = spec.attempts.as_ref().map(|value| {
        let attempts = Whole::of(value).and_then(|n| u32::try_from(n).ok());
        let attempts = attempts.filter(|n| (1..=30).contains(n));
        attempts.ok_or_else(|| bad("/retry/attempts", "a whole number from 1 to 30"))
    });
    let second = Duration::from_secs(1);
    let hour = second..=Duration::from_hours(1);
    let week = second..=Duration::from_hours(168);
    let interval = within(&spec.interval, hour, "/retry/interval", "a time from 1s to 1h")?;
    let ttl = within(&spec.ttl, week, "/retry/ttl", "a time from 1s to 7d")?;
    Ok(Retry { attempts: attempts.transpose()?, interval, ttl: ttl.unwrap_or(Retry::default().ttl) })
}

#[cfg(test)]
mod tests;
