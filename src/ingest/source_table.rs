use std::num::NonZeroU32;
use std::time::Duration;

use super::status::Status;
use super::{Rejected, SourceApi, SourceReport};
use crate::catalog::Rules;
use crate::event::{Notification, Tenant, Timestamp};
use crate::limits::{Budget, Rate};
use crate::log::Table;
use crate::source::{Refused, Settings};

/// What else is known of a source.
pub(super) const SOURCES: Table = Table::named("sources");

/// What becomes of what an authenticated sender sent and nobody can read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMalformed {
    /// It is kept aside and answered 200: some registries stop behind one refused event.
    #[default]
    Quarantine,
    /// It is refused with 422.
    Reject,
}

/// A configured sender: what its requests must prove, and what they mean.
pub struct Source {
    /// What its reader needs to know.
    pub settings: Settings,
    /// Whose events it makes.
    pub tenant: Tenant,
    /// What its registry is called here; empty: as its payloads say, else as the source is called.
    pub registry: String,
    /// What its notifications mean to the catalog.
    pub rules: Rules,
    /// What becomes of the unreadable.
    pub on_malformed: OnMalformed,
    /// Its registry's own API, if that is asked for anything.
    pub api: Option<SourceApi>,
    budget: Budget,
    rate: Rate,
    pub(super) status: Status,
}

impl Source {
    /// A source with a full budget of notifications.
    pub fn new(
        settings: Settings,
        tenant: Tenant,
        registry: String,
        rules: Rules,
        on_malformed: OnMalformed,
        rate: Rate,
    ) -> Self {
        Self {
            settings,
            tenant,
            registry,
            rules,
            on_malformed,
            api: None,
            budget: Budget::new(rate),
            rate,
            status: Status::default(),
        }
    }

    /// Takes `count` notifications of its budget; the error is how long to wait.
    pub(super) fn spend(&self, count: u32) -> Result<(), Duration> {
        match NonZeroU32::new(count) {
            Some(count) => self.budget.take(count, self.rate),
            None => Ok(()),
        }
    }

    /// Notes a refusal of the check, and says what is answered.
    pub(super) fn refuse(&self, refused: &Refused, now: Timestamp) -> Rejected {
        let rejected = match refused {
            Refused::Unauthenticated(_) => Rejected::Unauthenticated,
            Refused::Forbidden(_) => Rejected::Forbidden,
            Refused::Method => Rejected::Method,
            Refused::NeedsKey(_) => Rejected::AuthUnavailable,
        };
        let why = refused.to_string();
        if let Refused::Unauthenticated(why) = refused {
            tracing::warn!(source = self.settings.name, why, "a source's request is not its own");
        }
        self.status.refused(rejected.code().as_str(), &why, now);
        rejected
    }

    /// How it is doing.
    pub(super) fn report(&self, quarantine: usize) -> SourceReport {
        let known = self.status.known();
        SourceReport {
            name: self.settings.name.clone(),
            kind: self.settings.kind.as_str(),
            registry: self.registry.clone(),
            cloud: self.tenant.cloud.clone(),
            folder: self.tenant.folder.clone(),
            health: known.health(),
            last_event: known.last_event.map(|at| at.to_string()),
            last_request: known.last_request.map(|at| at.to_string()),
            counts: known.counts,
            last_refusal: known.last_refusal,
            warm_error: known.warm_error,
            quarantine,
        }
    }

    /// What the registry is called in this notification's events.
    pub(super) fn registry<'a>(&'a self, told: &'a Notification) -> &'a str {
        let names = [&self.registry, &told.registry];
        names.into_iter().find(|name| !name.is_empty()).unwrap_or(&self.settings.name)
    }
}
