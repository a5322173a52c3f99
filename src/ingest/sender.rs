use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;

use super::SourceApi;
use crate::catalog::Rules;
use crate::event::{Notification, Tenant};
use crate::limits::{Budget, Rate};
use crate::log::Table;
use crate::source::Settings;

/// What else is known of a source.
pub(super) const SOURCES: Table = Table::named("sources");

/// What becomes of what an authenticated sender sent and nobody can read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
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
}

impl Source {
    /// Notifications, by default.
    pub(crate) const RATE: Rate = Rate {
        per_second: NonZeroU32::new(2_000).expect("it is not 0"),
        burst: NonZeroU32::new(20_000).expect("it is not 0"),
    };

    /// A source with a full budget of notifications.
    pub fn new(
        settings: Settings,
        tenant: Tenant,
        registry: String,
        rules: Rules,
        on_malformed: OnMalformed,
        rate: Rate,
    ) -> Self {
        Self { settings, tenant, registry, rules, on_malformed, api: None, budget: Budget::new(rate), rate }
    }

    /// Takes one of its budget, which every request costs; the error is how long to wait.
    pub(super) fn spend(&self) -> Result<(), Duration> {
        self.budget.take(NonZeroU32::MIN, self.rate)
    }

    /// Takes what a request with so many notifications, whatever they are, costs beside that.
    pub(super) fn spend_rest(&self, notifications: usize) -> Result<(), Duration> {
        // More than a burst never is there: it counts as a burst.
        let all = u32::try_from(notifications).unwrap_or(u32::MAX).min(self.rate.burst.get());
        NonZeroU32::new(all.saturating_sub(1)).map_or(Ok(()), |rest| self.budget.take(rest, self.rate))
    }

    /// What the registry is called in this notification's events.
    pub(super) fn registry<'a>(&'a self, told: &'a Notification) -> &'a str {
        let names = [&self.registry, &told.registry];
        names.into_iter().find(|name| !name.is_empty()).unwrap_or(&self.settings.name)
    }
}
