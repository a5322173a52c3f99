use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::Deserialize;

use super::SettingError::{self, Rule};
use super::{ReaderConfig, SecretConfig, Size, Span};
use crate::collections::AgeLimits;
use crate::delivery::trigger::{SealingKeys, TriggerOptions};
use crate::filter;
use crate::limits::Rate;
use crate::trigger::{Definition, Feed, FeedSpec, Policy, Ports, Rules, Secret, TriggerSpec};

/// `[targets]`: what triggers may call, and how much.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetsConfig {
    /// Which ports.
    pub ports: Ports,
    /// Networks that are allowed though they are private.
    pub allow_networks: Vec<IpNet>,
    /// Triggers of one cloud.
    pub triggers: usize,
    /// Requests of one trigger a second.
    pub rate: u32,
    /// Requests on their way.
    pub in_flight: usize,
    /// The same to one host.
    pub per_host: usize,
    /// Batches that the access log of one trigger tells of.
    pub log: u64,
    /// Bytes of dead letters.
    pub dead_letters_size: Size,
    /// Time that they are kept.
    pub dead_letters_age: Span,
    /// What this gateway calls itself to targets that are asked for their consent.
    pub origin: String,
}

impl TargetsConfig {
    pub(super) fn check(&self) -> Result<(), SettingError> {
        if self.in_flight == 0 || self.per_host == 0 || self.rate == 0 || self.log == 0 {
            return Err(Rule("targets.rate, in_flight, per_host and log are at least 1"));
        }
        if self.origin.is_empty() || !self.origin.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Rule("targets.origin is a name without spaces"));
        }
        Ok(())
    }

    /// Where strangers may send this gateway, which listens on `own`.
    pub(crate) fn policy(&self, own: &[SocketAddr]) -> Policy {
        Policy { ports: self.ports, allow: self.allow_networks.clone(), own: own.to_vec() }
    }

    /// Everything that triggers need to know. `own`: where this gateway listens.
    pub(crate) fn options(
        &self,
        own: &[SocketAddr],
        filters: &Arc<filter::Options>,
        (readers, feeds, keys): (&[ReaderConfig], Vec<Feed>, SealingKeys),
    ) -> TriggerOptions {
        let rate = Rate::new(self.rate, self.rate).unwrap_or(Rate::ONE);
        TriggerOptions {
            most: self.triggers,
            shared_clouds: shared_clouds(readers),
            rate,
            in_flight: (self.in_flight, self.per_host),
            rows: self.log,
            letters: AgeLimits { bytes: self.dead_letters_size.0, age: self.dead_letters_age.0 },
            origin: self.origin.clone(),
            policy: self.policy(own),
            filters: Arc::clone(filters),
            accounts: accounts(readers),
            feeds,
            keys,
        }
    }

    /// The settings' triggers, each checked.
    ///
    /// # Errors
    ///
    /// What is wrong with the first that can't be used.
    pub(super) fn triggers(
        &self,
        specs: &[TriggerSpec<SecretConfig>],
        filters: &filter::Options,
        readers: &[ReaderConfig],
    ) -> Result<Vec<TriggerSpec>, SettingError> {
        let (policy, accounts) = (self.policy(&[]), accounts(readers));
        let rules = Rules { filters, policy: &policy, accounts: &accounts, stored: true };
        let mut found: Vec<TriggerSpec> = Vec::new();
        for spec in specs {
            let trigger = trigger(spec, &rules);
            let trigger = trigger.map_err(|error| error.found_in(format!("trigger '{}'", spec.name)))?;
            if found.iter().any(|other| other.id() == trigger.id()) {
                return Err(SettingError::Twice("triggers", trigger.name));
            }
            found.push(trigger);
        }
        Ok(found)
    }

    /// The settings' feeds, each checked.
    ///
    /// # Errors
    ///
    /// What is wrong with the first that can't be used.
    pub(super) fn feeds(
        &self,
        specs: &[FeedSpec],
        filters: &filter::Options,
    ) -> Result<Vec<Feed>, SettingError> {
        let (policy, accounts) = (self.policy(&[]), BTreeMap::new());
        let rules = Rules { filters, policy: &policy, accounts: &accounts, stored: true };
        let mut found: Vec<Feed> = Vec::new();
        for spec in specs {
            let feed = Feed::new(spec, &rules);
            let feed = feed.map_err(|error| SettingError::from(error).found_in("a feed"))?;
            if found.iter().any(|other| other.id() == feed.id()) {
                return Err(SettingError::Twice("feeds", feed.name));
            }
            found.push(feed);
        }
        Ok(found)
    }
}

/// The trigger with its secrets, which may stand elsewhere.
fn trigger(spec: &TriggerSpec<SecretConfig>, rules: &Rules<'_>) -> Result<TriggerSpec, SettingError> {
    let read = |secret: SecretConfig| secret.read().map(Secret::new);
    let spec = spec.clone().try_map_secrets(read)?;
    Definition::new(&spec, rules)?;
    Ok(spec)
}

/// The clouds that have more than one admin of their own.
fn shared_clouds(readers: &[ReaderConfig]) -> BTreeSet<String> {
    let mut once = BTreeSet::new();
    let admins = readers.iter().filter(|reader| reader.admin).filter_map(|reader| reader.cloud.clone());
    admins.filter(|cloud| !once.insert(cloud.clone())).collect()
}

fn accounts(readers: &[ReaderConfig]) -> BTreeMap<String, Option<String>> {
    readers.iter().map(|reader| (reader.name.clone(), reader.cloud.clone())).collect()
}
