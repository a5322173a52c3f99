//! Batches to HTTP targets: each trigger's subscription, its attempts, what was given up, and how far it is.
//!
//! A trigger is a subscriber of the bus like any other. A batch is stored, with its id, before it is sent for the first
//! time, so that after a crash it is the same batch; the trigger's position follows when the target has it. What a
//! target can't take yet waits in the log.
//!
//! Starts one task per running trigger, which ends when the trigger is paused, changed, disabled or removed; one that
//! writes for all of them, and ends with the last of them; and one that lets go of old dead letters.

mod access_log;
mod attempt;
mod batch;
mod dead_letters;
mod feeds;
mod inbox;
mod keys;
mod report;
mod rows;
mod runner;
mod seal;
mod state;
mod store;
mod stored;
mod table;
mod turns;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::bus::Bus;
use crate::filter;
use crate::limits::Rate;
use crate::log::Table;
use crate::metrics::{CodeLabel, Metrics};
use crate::outgoing::Targets;
use crate::trigger::{Feed, Policy, Rules};

pub(crate) use access_log::LogAsked;
pub(crate) use dead_letters::DeadLetterLimits;
pub(crate) use report::TriggerReport;
pub(crate) use seal::{KEY_LENGTH, SealingKeys};
pub(crate) use stored::LoadError;
pub(crate) use table::{TriggerError, Triggers};

use dead_letters::DeadLetters;
use store::Store;
use turns::Turns;

/// The tables of triggers.
pub(crate) const TABLES: [Table; 4] = [keys::TRIGGERS, keys::DELIVERIES, keys::DEAD_LETTERS, keys::ATTEMPTS];

/// What is set for all triggers.
#[derive(Clone, Debug)]
pub(crate) struct TriggerOptions {
    /// How many there may be.
    pub most: usize,
    /// Requests of one trigger.
    pub rate: Rate,
    /// Requests on their way, to all targets and to one host.
    pub in_flight: (usize, usize),
    /// Batches of one trigger that its access log tells of.
    pub rows: u64,
    /// What is kept of batches given up.
    pub letters: DeadLetterLimits,
    /// What this gateway calls itself when it asks a target for its consent.
    pub origin: String,
    /// Which targets may be.
    pub policy: Policy,
    /// How filters are read.
    pub filters: Arc<filter::Options>,
    /// Whom a trigger may run for, and the one cloud of each.
    pub accounts: BTreeMap<String, Option<String>>,
    /// The settings' feeds.
    pub feeds: Vec<Feed>,
    /// What definitions are sealed with.
    pub keys: SealingKeys,
}

impl TriggerOptions {
    fn rules(&self) -> Rules<'_> {
        Rules { filters: &self.filters, policy: &self.policy, accounts: &self.accounts }
    }
}

/// What all triggers have in common.
struct Shared {
    options: TriggerOptions,
    bus: Bus,
    store: Store,
    targets: Arc<Targets>,
    turns: Turns,
    letters: DeadLetters,
    metrics: Arc<Metrics>,
}

impl Shared {
    fn count(&self, outcome: &'static str) {
        self.metrics.trigger_attempts.get_or_create(&CodeLabel { code: outcome }).inc();
    }

    fn count_letters(&self) {
        self.metrics.dead_letters.set(i64::try_from(self.letters.total()).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests;
