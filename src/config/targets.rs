use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::ReaderConfig;
use super::quantity::{Size, Span};
use super::section::Section;
use super::sections::network;
use super::text;
use crate::collections::AgeLimits;
use crate::delivery::trigger::{SealingKeys, TriggerOptions};
use crate::filter;
use crate::limits::Rate;
use crate::trigger::{Feed, Policy, Ports};

/// `[targets]`: what triggers may call, and how much.
#[derive(Clone, Debug)]
pub(crate) struct TargetsConfig {
    /// Which ports.
    ports: Ports,
    /// Networks that are allowed though they are private.
    allow_networks: Vec<IpNet>,
    /// Triggers of one cloud.
    triggers: usize,
    /// Requests of one trigger a second.
    rate: u32,
    /// Requests on their way.
    pub(crate) in_flight: usize,
    /// The same to one host.
    per_host: usize,
    /// Batches that the access log of one trigger tells of.
    log: u64,
    /// Bytes of dead letters.
    dead_letters_size: Size,
    /// Time that they are kept.
    dead_letters_age: Span,
    /// What this gateway calls itself to targets that are asked for their consent.
    origin: String,
}

impl TargetsConfig {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            ports: section.one_of("ports").unwrap_or_default(),
            allow_networks: section.list("allow_networks", network),
            triggers: section.within("triggers", 0..=1_000_000),
            rate: section.within("rate", Rate::BOUNDS),
            in_flight: section.within("in_flight", 1..=1_000_000),
            per_host: section.within("per_host", 1..=1_000_000),
            log: section.within("log", 1..=1_000_000_000),
            dead_letters_size: section.within("dead_letters_size", Size::kib(1)..=Size::DISK),
            dead_letters_age: section.within("dead_letters_age", Span::seconds(1)..=Span::CENTURY),
            origin: section.parsed("origin", text::word).unwrap_or_default(),
        }
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
}

/// The clouds that have more than one admin of their own.
fn shared_clouds(readers: &[ReaderConfig]) -> BTreeSet<String> {
    let mut once = BTreeSet::new();
    let admins = readers.iter().filter(|reader| reader.admin).filter_map(|reader| reader.cloud.clone());
    admins.filter(|cloud| !once.insert(cloud.clone())).collect()
}

pub(super) fn accounts(readers: &[ReaderConfig]) -> BTreeMap<String, Option<String>> {
    readers.iter().map(|reader| (reader.name.clone(), reader.cloud.clone())).collect()
}
