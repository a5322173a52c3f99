//! Definitions: made, changed, paused, removed, and loaded at the start.

mod rows;
mod seal;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::watch;

use super::entry::{Entry, Trigger};
use super::error::{StorageError, TriggerError};
use super::keys::{self, RowKey};
use super::letters::DeadLetters;
use super::progress::{Checkpoint, Fingerprint};
use super::report::{Origin, TriggerReport};
use super::row_writer::{Changes, RowWriter};
use super::task::Turns;
use super::{Context, TriggerOptions, Triggers};
use crate::bus::Bus;
use crate::event::Timestamp;
use crate::metrics::Metrics;
use crate::outgoing::Targets;
use crate::protocol::{Code, ErrorBody};
use crate::trigger::{Definition, DefinitionError, TriggerSpec};
use crate::vital::Vital;

pub(super) use rows::FormerSecret;
pub(crate) use rows::LoadError;
pub(super) use seal::SealError;
pub(crate) use seal::{KEY_LENGTH, SealingKeys};

use rows::{StoredTriggers, definition_row, former_secret_row};

/// How long a former signing secret signs too.
const ROTATION_MS: i64 = 24 * 3_600_000;
/// How often old dead letters are looked for.
const EXPIRY: Duration = Duration::from_mins(10);

/// What came of a definition that was put.
#[derive(Debug)]
pub(crate) struct PutReport {
    /// As it is now.
    pub(crate) report: TriggerReport,
    /// Whether it is new.
    pub(crate) created: bool,
    /// The signing secret that was made for it; it is shown this once.
    pub(crate) signing_secret: Option<String>,
}

impl Triggers {
    /// Starts all that are stored, and those of the settings.
    ///
    /// # Errors
    ///
    /// [`LoadError`]; nothing runs then.
    pub(crate) async fn start(
        options: TriggerOptions,
        settings: Vec<TriggerSpec>,
        bus: Bus,
        metrics: Arc<Metrics>,
    ) -> Result<Arc<Self>, LoadError> {
        let now = Timestamp::now().as_millisecond();
        let mut stored = rows::load(bus.reader(), &options.keys, now).await?;
        let rows = RowWriter::start(bus.reader().clone());
        let (log, written) = (bus.reader().clone(), rows.clone());
        let letters = DeadLetters::load(options.letters, log, written, Arc::clone(&metrics)).await?;
        let (all, per_host) = options.in_flight;
        let (expiry, pulse) = Vital::new("the sweep of dead letters");
        let triggers = Arc::new(Self {
            shared: Arc::new(Context {
                rows,
                targets: Targets::new(options.policy.clone()),
                turns: Turns::new(all, per_host),
                options,
                bus,
                letters,
                metrics,
            }),
            entries: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            changed: watch::Sender::new(0),
            expiry,
            joined: Mutex::default(),
        });
        for spec in settings {
            if stored.specs.remove(&spec.name).is_some() {
                tracing::warn!(trigger = spec.name, "the settings' trigger takes the place of a stored one");
            }
            triggers.load(spec, Origin::Settings, &mut stored);
        }
        for (_, spec) in std::mem::take(&mut stored.specs) {
            triggers.load(spec, Origin::Api, &mut stored);
        }
        for (name, checkpoint) in stored.checkpoints {
            // It stood in the settings, and does no longer.
            let _ = triggers.shared.rows.note(triggers.rows_of(&name, &checkpoint)).await;
        }
        pulse.spawn(expire_letters(Arc::downgrade(&triggers)));
        Ok(triggers)
    }

    fn load(&self, spec: TriggerSpec, origin: Origin, stored: &mut StoredTriggers) {
        let known = stored.checkpoints.remove(&spec.name);
        let mut checkpoint =
            known.unwrap_or_else(|| Checkpoint { paused: !spec.enabled, ..self.first_checkpoint() });
        if origin == Origin::Settings {
            // A pause by hand holds until the settings say something else.
            let now = Fingerprint::of(&serde_json::to_string(&spec.without_secrets()).unwrap_or_default());
            if checkpoint.settings != now {
                (checkpoint.paused, checkpoint.disabled) = (!spec.enabled, None);
                checkpoint.settings = now;
            }
        }
        let definition = self.shared.understand(&spec, true).inspect_err(|error| {
            tracing::error!(trigger = spec.name, invalid = %error, "a trigger can't be used");
        });
        let former = stored.former_secrets.remove(&spec.name);
        self.start_entry(Trigger { spec, definition, origin, former }, checkpoint);
    }

    /// Of a new trigger: it begins with what comes from now on.
    fn first_checkpoint(&self) -> Checkpoint {
        Checkpoint::starting_at(self.shared.bus.reader().bounds().position())
    }

    /// Checks what was sent, where that may take its time.
    async fn understand(&self, spec: &TriggerSpec) -> Result<Arc<Definition>, TriggerError> {
        let allowance = self.shared.allowance(&spec.cloud_id);
        let _turn = self.shared.bus.turn(&allowance).await?;
        let (shared, spec) = (Arc::clone(&self.shared), spec.clone());
        Ok(allowance.compute(move || shared.understand(&spec, false)).await??)
    }

    fn start_entry(&self, trigger: Trigger, checkpoint: Checkpoint) -> Arc<Entry> {
        let name = trigger.spec.name.clone();
        let entry = Arc::new(Entry::start(&self.shared, trigger, checkpoint));
        self.change(|entries| entries.insert(name, Arc::clone(&entry)));
        entry
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Arc<Entry>>) -> Option<Arc<Entry>>) {
        let mut entries = self.entries.lock();
        change(&mut entries);
        self.shared.metrics.triggers.set(i64::try_from(entries.len()).unwrap_or(i64::MAX));
        drop(entries);
        self.changed.send_modify(|count| *count += 1);
    }

    /// Makes a trigger, or changes one. `cloud`: the one cloud of who asks.
    ///
    /// # Errors
    ///
    /// What is wrong with it; then everything is as it was.
    pub(crate) async fn put(
        &self,
        spec: TriggerSpec,
        cloud: Option<&str>,
    ) -> Result<PutReport, TriggerError> {
        let _one = self.changing.lock().await;
        let known = self.replaceable(&spec, cloud)?;
        let mut spec = match &known {
            Some(known) => spec.with_secrets_of(&known.trigger.spec)?,
            None => spec,
        };
        let signing_secret = spec.make_signing_secret(rand::random());
        let definition = self.understand(&spec).await?;
        if known.is_none() && self.entries.lock().len() >= self.shared.options.most {
            return Err(TriggerError::TooMany(self.shared.options.most));
        }
        let keys = &self.shared.options.keys;
        let mut changes = vec![definition_row(keys, &spec)?];
        let replaced = known.as_ref().and_then(|known| known.trigger.spec.replaced_secret(&spec));
        // A secret that was changed signs for a day beside the new one.
        let until = Timestamp::now().as_millisecond() + ROTATION_MS;
        let replaced = replaced.map(|secret| FormerSecret(secret, until));
        if let Some(former) = &replaced {
            changes.push(former_secret_row(keys, &spec.name, former)?);
        }
        let mut checkpoint = match &known {
            Some(known) => known.halt().await,
            None => self.first_checkpoint(),
        };
        (checkpoint.paused, checkpoint.disabled) = (!spec.enabled, None);
        if known.as_ref().is_some_and(|known| known.trigger.spec.url() != spec.url()) {
            checkpoint.forget_failures();
        }
        let former = replaced.or_else(|| known.as_ref()?.trigger.former.clone());
        let trigger = Trigger { spec, definition: Ok(definition), origin: Origin::Api, former };
        let entry = self.replace(trigger, checkpoint, changes).await?;
        Ok(PutReport { report: entry.report(&self.shared), created: known.is_none(), signing_secret })
    }

    /// The entry of the same name, if there is one and it may be changed.
    fn replaceable(
        &self,
        spec: &TriggerSpec,
        cloud: Option<&str>,
    ) -> Result<Option<Arc<Entry>>, TriggerError> {
        if cloud.is_some_and(|cloud| cloud != spec.cloud_id) {
            let message = "the token may not use this cloud";
            return Err(DefinitionError::new(Code::Forbidden, "/cloud_id", message).into());
        }
        let known = self.entries.lock().get(&spec.name).cloned();
        match &known {
            Some(known) if !known.is_of(cloud) => Err(TriggerError::Conflict("the name is taken")),
            Some(known) if known.trigger.origin == Origin::Settings => Err(TriggerError::InSettings),
            _ => Ok(known),
        }
    }

    /// Stores a changed trigger and starts it, also where it could not be stored.
    async fn replace(
        &self,
        trigger: Trigger,
        checkpoint: Checkpoint,
        mut changes: Changes,
    ) -> Result<Arc<Entry>, TriggerError> {
        changes.push(checkpoint.row(&trigger.spec.name));
        let saved = self.save(changes).await;
        let entry = self.start_entry(trigger, checkpoint);
        saved.map(|()| entry)
    }

    async fn save(&self, changes: Changes) -> Result<(), TriggerError> {
        Ok(self.shared.rows.save(changes).await.map_err(StorageError::from)?)
    }

    /// Removes a trigger; what it has among the dead letters stays until it expires.
    ///
    /// # Errors
    ///
    /// There is no such trigger, it stands in the settings, or storage fails.
    pub(crate) async fn delete(&self, name: &str, cloud: Option<&str>) -> Result<(), TriggerError> {
        let _one = self.changing.lock().await;
        let entry = self.find(name, cloud)?;
        if entry.trigger.origin == Origin::Settings {
            return Err(TriggerError::InSettings);
        }
        let checkpoint = entry.halt().await;
        self.change(|entries| entries.remove(name));
        self.save(self.rows_of(name, &checkpoint)).await
    }

    /// Removes everything that is stored of a trigger but its dead letters.
    fn rows_of(&self, name: &str, checkpoint: &Checkpoint) -> Changes {
        let own = [keys::definition(name), keys::former_secret(name), keys::checkpoint(name)];
        let pending = checkpoint.pending.iter().map(|batch| keys::events(name, batch.id.as_str()));
        let first = checkpoint.next_row.saturating_sub(self.shared.options.rows);
        let deliveries = (first..checkpoint.next_row).map(|number| keys::delivery(name, number));
        own.into_iter().chain(pending).chain(deliveries).map(RowKey::remove).collect()
    }

    /// Stops a trigger, or lets it go on where it was.
    ///
    /// # Errors
    ///
    /// There is no such trigger, or storage fails.
    pub(crate) async fn set_paused(
        &self,
        name: &str,
        cloud: Option<&str>,
        paused: bool,
    ) -> Result<TriggerReport, TriggerError> {
        let _one = self.changing.lock().await;
        let known = self.find(name, cloud)?;
        let (mut trigger, mut changes) = (known.trigger.clone(), Changes::new());
        if trigger.origin == Origin::Api {
            trigger.spec.enabled = !paused;
            changes.push(definition_row(&self.shared.options.keys, &trigger.spec)?);
        }
        let mut checkpoint = known.halt().await;
        checkpoint.paused = paused;
        if !paused {
            checkpoint.disabled = None;
            checkpoint.forget_failures();
        }
        Ok(self.replace(trigger, checkpoint, changes).await?.report(&self.shared))
    }
}

impl Context {
    /// Checks a definition. `stored`: it is known already.
    fn understand(&self, spec: &TriggerSpec, stored: bool) -> Result<Arc<Definition>, DefinitionError> {
        let definition = Definition::new(spec, &self.options.rules(stored))?;
        let admitted = self.bus.admit(&definition.filter, &self.allowance(&definition.cloud));
        admitted.map_err(|error| {
            let details = json!({ "field": "/filter" });
            let body = ErrorBody { code: error.code.as_str(), message: error.to_string(), details };
            DefinitionError { field: "/filter".to_owned(), body }
        })?;
        Ok(Arc::new(definition))
    }
}

async fn expire_letters(triggers: Weak<Triggers>) {
    let mut every = tokio::time::interval(EXPIRY);
    loop {
        every.tick().await;
        let Some(triggers) = triggers.upgrade() else { return };
        triggers.shared.letters.expire(Timestamp::now()).await;
    }
}
