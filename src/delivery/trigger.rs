//! Batches to HTTP targets. A trigger is a subscriber of the bus like any other.
//!
//! A batch is stored, with its id, before it is sent for the first time, so that after a crash it is the same batch; the
//! trigger's position follows when the target has it. What a target can't take yet waits in the log.
//!
//! - `table`: all triggers by name, and what an operator sees of them
//! - `definition`: making, changing and loading them
//! - `task`: what runs one of them
//! - `progress`: how far each is
//! - `letters`: what was given up and is kept
//! - `access_log`: what each made of every event
//!
//! Starts one task per running trigger, which ends when the trigger is paused, changed, disabled or removed; one that
//! writes the rows of all, and ends with the last of them; and one that lets go of old dead letters.

mod access_log;
mod definition;
mod entry;
mod error;
mod keys;
mod letters;
mod progress;
mod report;
mod row_writer;
mod table;
mod task;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::bus::Bus;
use crate::collections::AgeLimits;
use crate::filter;
use crate::limits::{Allowance, Customer, Rate, Turns};
use crate::log::{Room, Table};
use crate::metrics::{AttemptLabel, Metrics};
use crate::outgoing::Targets;
use crate::trigger::{Feed, Policy, Rules};

pub(crate) use access_log::{AccessOutcome, AccessQuery};
pub(crate) use definition::{KEY_LENGTH, LoadError, SealingKeys, Wanted};
pub(crate) use error::TriggerError;
pub(crate) use report::TriggerReport;
pub(crate) use table::Triggers;

use letters::DeadLetters;
use row_writer::RowWriter;

/// The tables of triggers.
pub(crate) const TABLES: [Table; 4] = [keys::TRIGGERS, keys::DELIVERIES, keys::DEAD_LETTERS, keys::ATTEMPTS];

/// What is set for all triggers.
#[derive(Clone, Debug)]
pub(crate) struct TriggerOptions {
    /// How many one cloud may have.
    pub(crate) most: usize,
    /// Clouds with more than one admin of their own: one of these makes half of the cloud's at most.
    pub(crate) shared_clouds: BTreeSet<String>,
    /// Requests of one trigger.
    pub(crate) rate: Rate,
    /// Requests on their way, to all targets and to one host.
    pub(crate) in_flight: (usize, usize),
    /// Batches of one trigger that its access log tells of.
    pub(crate) rows: u64,
    /// What is kept of batches given up.
    pub(crate) letters: AgeLimits,
    /// What this gateway calls itself when it asks a target for its consent.
    pub(crate) origin: String,
    /// Which targets may be.
    pub(crate) policy: Policy,
    /// How filters are read.
    pub(crate) filters: Arc<filter::Options>,
    /// Whom a trigger may run for, and the one cloud of each.
    pub(crate) accounts: BTreeMap<String, Option<String>>,
    /// The settings' feeds.
    pub(crate) feeds: Vec<Feed>,
    /// What definitions are sealed with.
    pub(crate) keys: SealingKeys,
}

impl TriggerOptions {
    /// `stored`: for a definition that is known already.
    fn rules(&self, stored: bool) -> Rules<'_> {
        Rules { filters: &self.filters, policy: &self.policy, accounts: &self.accounts, stored }
    }
}

/// What all triggers have in common.
struct Context {
    options: TriggerOptions,
    bus: Bus,
    rows: RowWriter,
    targets: Arc<Targets>,
    turns: Turns,
    letters: DeadLetters,
    metrics: Arc<Metrics>,
}

impl Context {
    /// Whether what an operator changes can be stored now: who waits for room would not know for what.
    fn check_room(&self) -> Result<(), TriggerError> {
        if self.bus.reader().room() == Room::None { Err(TriggerError::NoRoom) } else { Ok(()) }
    }

    /// What the triggers of a cloud may command.
    fn allowance(&self, cloud: &str) -> Arc<Allowance> {
        self.bus.allowance(Customer::Cloud(cloud.to_owned()))
    }

    /// Counts an attempt for a trigger of this cloud by its outcome.
    fn count(&self, cloud: &str, outcome: &'static str) {
        let label = AttemptLabel { cloud: cloud.to_owned(), code: outcome };
        self.metrics.trigger_attempts.get_or_create(&label).inc();
    }
}
