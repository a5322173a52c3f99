//! Definitions: made, changed, paused, removed, and loaded at the start.

mod rows;
mod seal;
mod takeover;

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
use super::{Context, TriggerOptions, Triggers};
use crate::auth::Reach;
use crate::bus::Bus;
use crate::event::Timestamp;
use crate::limits::Turns;
use crate::metrics::{CloudLabel, Metrics};
use crate::outgoing::Targets;
use crate::protocol::{Code, ErrorBody};
use crate::trigger::{Definition, DefinitionError, QualifiedName, TriggerSpec, default_cloud};
use crate::vital::Vital;

pub(super) use rows::FormerSecret;
pub(crate) use rows::LoadError;
#[cfg(test)]
pub(super) use rows::load;
pub(super) use seal::SealError;
pub(crate) use seal::{KEY_LENGTH, SealingKeys};

use rows::{StoredTriggers, definition_row, former_secret_row};

/// How long a former signing secret signs too.
const ROTATION_MS: i64 = 24 * 3_600_000;
/// How often old dead letters are looked for.
const EXPIRY: Duration = Duration::from_mins(10);

/// A definition that is put.
pub(crate) struct Wanted<'a> {
    pub(crate) spec: TriggerSpec,
    /// Whether it says whose it is to be.
    pub(crate) says_cloud: bool,
    /// Which clouds who asks for it reaches.
    pub(crate) reach: Reach<'a>,
    /// Whose token was shown; `None` where nobody needs one.
    pub(crate) principal: Option<&'a str>,
}

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
        let mut stored = rows::load(bus.reader(), &options.keys, &settings, now).await?;
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
            if stored.specs.remove(&spec.id()).is_some() {
                tracing::warn!(
                    trigger = spec.name,
                    cloud = spec.cloud_id,
                    "the settings' trigger takes the place of a stored one"
                );
            }
            triggers.load(spec, Origin::Settings, &mut stored);
        }
        for (_, spec) in std::mem::take(&mut stored.specs) {
            triggers.load(spec, Origin::Api, &mut stored);
        }
        for (id, checkpoint) in stored.checkpoints {
            // It stood in the settings, and does no longer.
            let _ = triggers.shared.rows.note(triggers.rows_of(&id, &checkpoint)).await;
        }
        pulse.spawn(expire_letters(Arc::downgrade(&triggers)));
        Ok(triggers)
    }

    fn load(&self, spec: TriggerSpec, origin: Origin, stored: &mut StoredTriggers) {
        let id = spec.id();
        let known = stored.checkpoints.remove(&id);
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
            tracing::error!(trigger = id.name, cloud = id.cloud, invalid = %error, "a trigger can't be used");
        });
        let former = stored.former_secrets.remove(&id);
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
        let id = trigger.spec.id();
        let entry = Arc::new(Entry::start(&self.shared, trigger, checkpoint));
        self.change(&id, Some(&entry));
        entry
    }

    /// Puts one in, or takes it out.
    fn change(&self, id: &QualifiedName, entry: Option<&Arc<Entry>>) {
        let before = {
            let mut entries = self.entries.lock();
            match entry {
                Some(entry) => entries.insert(id.clone(), Arc::clone(entry)),
                None => entries.remove(id),
            }
        };
        let more = i64::from(entry.is_some()) - i64::from(before.is_some());
        let label = CloudLabel { cloud: id.cloud.clone() };
        self.shared.metrics.triggers.get_or_create(&label).inc_by(more);
        self.changed.send_modify(|count| *count += 1);
    }

    /// Makes a trigger, or changes one. `wanted`: what of it is wanted, by whom.
    ///
    /// # Errors
    ///
    /// What is wrong with it; then everything is as it was.
    pub(crate) async fn put(&self, wanted: Wanted<'_>) -> Result<PutReport, TriggerError> {
        let _one = self.changing.lock().await;
        let cloud_id = self.cloud_of(&wanted)?;
        let spec = TriggerSpec { cloud_id, ..wanted.spec };
        let known = self.replaceable(&spec.id())?;
        self.shared.check_room()?;
        let mut spec = match &known {
            Some(known) => spec.with_secrets_of(&known.trigger.spec)?,
            None => spec,
        };
        let signing_secret = spec.make_signing_secret(rand::random());
        let definition = self.understand(&spec).await?;
        let made_by = wanted.principal.unwrap_or_default();
        if known.is_none() {
            self.check_quota(&spec.cloud_id, made_by)?;
        }
        let keys = &self.shared.options.keys;
        let mut changes = vec![definition_row(keys, &spec)?];
        let replaced = known.as_ref().and_then(|known| known.trigger.spec.replaced_secret(&spec));
        // A secret that was changed signs for a day beside the new one.
        let until = Timestamp::now().as_millisecond() + ROTATION_MS;
        let replaced = replaced.map(|secret| FormerSecret(secret, until));
        if let Some(former) = &replaced {
            changes.push(former_secret_row(keys, &spec.id(), former)?);
        }
        let mut checkpoint = match &known {
            Some(known) => known.halt().await,
            None => Checkpoint { made_by: made_by.to_owned(), ..self.first_checkpoint() },
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

    /// Whose it is to be: as it says; else its maker's, or the one that the maker asks for; else that of the only one of
    /// its name.
    fn cloud_of(&self, wanted: &Wanted<'_>) -> Result<String, TriggerError> {
        let Wanted { spec, says_cloud, reach, .. } = wanted;
        let known = || match self.find(&spec.name, *reach) {
            Ok(entry) => Ok(entry.id().cloud.clone()),
            Err(TriggerError::NotFound) => Ok(default_cloud()),
            Err(several) => Err(several),
        };
        let cloud = match reach.own.or(reach.asked) {
            _ if *says_cloud => spec.cloud_id.clone(),
            Some(cloud) => cloud.to_owned(),
            None => known()?,
        };
        let wrong = |code, message| Err(DefinitionError::new(code, "/cloud_id", message).into());
        match *reach {
            reach if reach.holds(&cloud) => Ok(cloud),
            Reach { own: Some(own), .. } if own != cloud || reach.asked.is_some_and(|asked| asked != own) => {
                wrong(Code::Forbidden, "the token may not use this cloud")
            }
            _ => wrong(Code::BadRequest, "another cloud than the one that the URL asks for"),
        }
    }

    /// Whether its cloud, and who makes it, may have one more.
    fn check_quota(&self, cloud: &str, made_by: &str) -> Result<(), TriggerError> {
        let options = &self.shared.options;
        let entries = self.entries.lock();
        let of_cloud = || entries.values().filter(|entry| entry.id().cloud == cloud);
        if of_cloud().count() >= options.most {
            return Err(TriggerError::TooMany(options.most));
        }
        let half = options.most.div_ceil(2);
        let its = |entry: &&Arc<Entry>| entry.progress.checkpoint().made_by == made_by;
        let shared = !made_by.is_empty() && options.shared_clouds.contains(cloud);
        if shared && of_cloud().filter(its).count() >= half {
            return Err(TriggerError::TooManyOfOne(half));
        }
        Ok(())
    }

    /// The entry of the same name, if there is one and it may be changed.
    fn replaceable(&self, id: &QualifiedName) -> Result<Option<Arc<Entry>>, TriggerError> {
        let known = self.entries.lock().get(id).cloned();
        match &known {
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
        changes.push(checkpoint.row(&trigger.spec.id()));
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
    pub(crate) async fn delete(&self, name: &str, reach: Reach<'_>) -> Result<(), TriggerError> {
        let _one = self.changing.lock().await;
        let entry = self.find(name, reach)?;
        if entry.trigger.origin == Origin::Settings {
            return Err(TriggerError::InSettings);
        }
        self.shared.check_room()?;
        let checkpoint = entry.halt().await;
        self.change(entry.id(), None);
        self.save(self.rows_of(entry.id(), &checkpoint)).await
    }

    /// Removes everything that is stored of a trigger but its dead letters.
    fn rows_of(&self, id: &QualifiedName, checkpoint: &Checkpoint) -> Changes {
        let own = [keys::definition(id), keys::former_secret(id), keys::checkpoint(id)];
        let pending = checkpoint.pending.iter().map(|batch| keys::events(id, batch.id.as_str()));
        let first = checkpoint.next_row.saturating_sub(self.shared.options.rows);
        let deliveries = (first..checkpoint.next_row).map(|number| keys::delivery(id, number));
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
        reach: Reach<'_>,
        paused: bool,
    ) -> Result<TriggerReport, TriggerError> {
        let _one = self.changing.lock().await;
        let known = self.find(name, reach)?;
        self.shared.check_room()?;
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
        let admitted = self.bus.admit(&definition.filter, &self.allowance(&definition.cloud), None);
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
