use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;

use super::{ReaderConfig, SecretConfig, Size, Span};
use crate::delivery::trigger::{DeadLetterLimits, SealingKeys, TriggerOptions};
use crate::filter;
use crate::limits::Rate;
use crate::trigger::{Definition, Feed, FeedSpec, Policy, Ports, Rules, TriggerSpec};

/// `[targets]`: what triggers may call, and how much.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetsConfig {
    /// Which ports.
    pub ports: PortsConfig,
    /// Networks that are allowed though they are private.
    pub allow_networks: Vec<IpNet>,
    /// Triggers.
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

/// Which ports targets may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PortsConfig {
    /// As Alibaba Cloud allows them.
    Alibaba,
    /// 80, 443, 8080 and 8443.
    Web,
    /// Every one.
    Any,
}

impl TargetsConfig {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.in_flight == 0 || self.per_host == 0 || self.rate == 0 || self.log == 0 {
            return Err("targets.rate, in_flight, per_host and log are at least 1".into());
        }
        if self.origin.is_empty() || !self.origin.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("targets.origin is a name without spaces".into());
        }
        Ok(())
    }

    fn policy(&self, own: &[SocketAddr]) -> Policy {
        let ports = match self.ports {
            PortsConfig::Alibaba => Ports::Alibaba,
            PortsConfig::Web => Ports::Web,
            PortsConfig::Any => Ports::Any,
        };
        Policy { ports, allow: self.allow_networks.clone(), own: own.to_vec() }
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
            rate,
            in_flight: (self.in_flight, self.per_host),
            rows: self.log,
            letters: DeadLetterLimits { bytes: self.dead_letters_size.0, age: self.dead_letters_age.0 },
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
        values: &[Value],
        filters: &filter::Options,
        readers: &[ReaderConfig],
    ) -> Result<Vec<TriggerSpec>, String> {
        let (policy, accounts) = (self.policy(&[]), accounts(readers));
        let rules = Rules { filters, policy: &policy, accounts: &accounts };
        let mut found: Vec<TriggerSpec> = Vec::new();
        for value in values {
            let name = value["name"].as_str().unwrap_or_default().to_owned();
            let wrong = |why: String| format!("trigger '{name}': {why}");
            let value = with_secrets(value.clone()).map_err(wrong)?;
            let spec = TriggerSpec::read(value.to_string().as_bytes(), &name);
            let spec = spec.map_err(|invalid| wrong(invalid.to_string()))?;
            Definition::new(&spec, &rules).map_err(|invalid| wrong(invalid.to_string()))?;
            if found.iter().any(|other| other.name == spec.name) {
                return Err(format!("two triggers are called '{name}'"));
            }
            found.push(spec);
        }
        Ok(found)
    }
}

impl TargetsConfig {
    /// The settings' feeds, each checked.
    ///
    /// # Errors
    ///
    /// What is wrong with the first that can't be used.
    pub(super) fn feeds(&self, specs: &[FeedSpec], filters: &filter::Options) -> Result<Vec<Feed>, String> {
        let (policy, accounts) = (self.policy(&[]), BTreeMap::new());
        let rules = Rules { filters, policy: &policy, accounts: &accounts };
        let mut found: Vec<Feed> = Vec::new();
        for feed in specs {
            let feed = Feed::new(feed, &rules).map_err(|invalid| format!("a feed: {invalid}"))?;
            if found.iter().any(|other| other.name == feed.name) {
                return Err(format!("two feeds are called '{}'", feed.name));
            }
            found.push(feed);
        }
        Ok(found)
    }
}

fn accounts(readers: &[ReaderConfig]) -> BTreeMap<String, Option<String>> {
    readers.iter().map(|reader| (reader.name.clone(), reader.cloud.clone())).collect()
}

/// The definition with its secrets, which may stand elsewhere.
fn with_secrets(mut value: Value) -> Result<Value, String> {
    for pointer in ["/target/http/auth/bearer", "/target/http/auth/basic", "/target/http/signing_secret"] {
        if let Some(place) = value.pointer_mut(pointer) {
            *place = read(place)?;
        }
    }
    if let Some(Value::Object(headers)) = value.pointer_mut("/target/http/headers") {
        for header in headers.values_mut() {
            *header = read(header)?;
        }
    }
    Ok(value)
}

fn read(value: &Value) -> Result<Value, String> {
    let secret: SecretConfig = serde_json::from_value(value.clone())
        .map_err(|_| "a secret is a text, { env = \"NAME\" } or { file = \"PATH\" }".to_owned())?;
    secret.read().map(Value::String)
}
