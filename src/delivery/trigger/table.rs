//! All triggers: what they are, and which of them run.

mod again;
mod load;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Shared;
use super::attempt::Sender;
use super::keys;
use super::report::{StateReport, TriggerReport};
use super::runner::{Phase, Runner};
use super::seal::CantSeal;
use super::state::State;
use super::store::{Changes, remove};
use super::stored::{self, Former};
use crate::event::{Position, Timestamp};
use crate::filter::Filter;
use crate::protocol::{Code, ErrorBody};
use crate::trigger::{Definition, Invalid, Secret, SigningKey, Target, Written, WrittenTarget};

/// How long a former signing secret signs too.
const ROTATION_MS: i64 = 24 * 3_600_000;
/// How long attempts may take to end when the gateway stops.
const LAST_ATTEMPTS: Duration = Duration::from_secs(5);

/// See the module.
pub(crate) struct Triggers {
    shared: Arc<Shared>,
    entries: Mutex<BTreeMap<String, Arc<Entry>>>,
    /// Changes are made one after the other.
    changing: tokio::sync::Mutex<()>,
    /// What feeds are, is told by this when it changes.
    changed: watch::Sender<u64>,
}

/// One trigger. A change makes a new one.
struct Entry {
    written: Written,
    /// What was understood; where that is no longer allowed, why.
    definition: Result<Arc<Definition>, String>,
    from_settings: bool,
    state: Arc<Mutex<State>>,
    phase: watch::Sender<Phase>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// A trigger that was stored.
#[derive(Debug)]
pub(crate) struct Stored {
    /// As it is now.
    pub report: TriggerReport,
    /// Whether it is new.
    pub created: bool,
    /// The signing secret that was made for it; it is shown this once.
    pub signing_secret: Option<String>,
}

/// Why something can't be done with a trigger.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TriggerError {
    /// There is none of that name.
    #[error("there is no such trigger")]
    NotFound,
    /// It stands in the settings, and is changed there.
    #[error("it stands in the settings file: change it there")]
    InSettings,
    /// It is in the wrong state for that.
    #[error("{0}")]
    Conflict(&'static str),
    /// The definition can't be had.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// There are as many as there may be.
    #[error("there are {0} triggers already")]
    TooMany(usize),
    /// Storage failed.
    #[error("storage failed: {0}")]
    Storage(String),
}

impl From<CantSeal> for TriggerError {
    fn from(error: CantSeal) -> Self {
        Self::Storage(error.to_string())
    }
}

impl Triggers {
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Turns when triggers or feeds have changed.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn find(&self, name: &str, cloud: Option<&str>) -> Result<Arc<Entry>, TriggerError> {
        let entry = self.entries.lock().get(name).cloned();
        let visible = entry.filter(|entry| cloud.is_none_or(|cloud| cloud == entry.written.cloud_id));
        visible.ok_or(TriggerError::NotFound)
    }

    fn report(&self, entry: &Entry) -> TriggerReport {
        let bounds = self.shared.bus.reader().bounds();
        let fault = entry.definition.as_ref().err().map(String::as_str);
        let letters = self.shared.letters.count(&entry.written.name);
        TriggerReport {
            written: entry.written.shown(),
            defined_in: if entry.from_settings { "settings" } else { "api" },
            understood: entry
                .definition
                .as_ref()
                .map(|d| d.filter.canonical().to_owned())
                .unwrap_or_default(),
            state: StateReport::new(&entry.state.lock(), fault, letters, bounds),
        }
    }

    /// Those of one cloud, or all, behind the name `after`.
    pub(crate) fn list(&self, cloud: Option<&str>, after: &str, limit: usize) -> Vec<TriggerReport> {
        let entries: Vec<_> = {
            let entries = self.entries.lock();
            let behind = entries.iter().filter(|(name, _)| name.as_str() > after);
            let mine = behind.filter(|(_, e)| cloud.is_none_or(|cloud| cloud == e.written.cloud_id));
            mine.map(|(_, entry)| Arc::clone(entry)).take(limit).collect()
        };
        entries.iter().map(|entry| self.report(entry)).collect()
    }

    /// One of them.
    ///
    /// # Errors
    ///
    /// There is none of that name in that cloud.
    pub(crate) fn get(&self, name: &str, cloud: Option<&str>) -> Result<TriggerReport, TriggerError> {
        Ok(self.report(&*self.find(name, cloud)?))
    }

    /// Makes a trigger, or changes one. `cloud`: the one cloud of who asks.
    ///
    /// # Errors
    ///
    /// What is wrong with it; then everything is as it was.
    pub(crate) async fn put(&self, written: Written, cloud: Option<&str>) -> Result<Stored, TriggerError> {
        let _one = self.changing.lock().await;
        if cloud.is_some_and(|cloud| cloud != written.cloud_id) {
            let message = "the token may not use this cloud";
            return Err(Invalid::new(Code::Forbidden, "/cloud_id", message).into());
        }
        let name = written.name.clone();
        let known = self.entries.lock().get(&name).cloned();
        if let Some(known) = &known {
            if cloud.is_some_and(|cloud| cloud != known.written.cloud_id) {
                return Err(TriggerError::Conflict("the name is taken"));
            }
            if known.from_settings {
                return Err(TriggerError::InSettings);
            }
        }
        let mut written = match &known {
            Some(known) => written.with_secrets_of(&known.written),
            None => written,
        };
        let signing_secret = make_secret(&mut written);
        let definition = self.understand(&written)?;
        let most = self.shared.options.most;
        if known.is_none() && self.entries.lock().len() >= most {
            return Err(TriggerError::TooMany(most));
        }
        let mut changes = vec![stored::written(&self.shared.options.keys, &written)?];
        let former = known.as_ref().and_then(|known| former_secret(&known.written, &written));
        if let Some(former) = &former {
            changes.push(stored::former(&self.shared.options.keys, &name, former)?);
        }
        let mut state = match &known {
            Some(known) => self.halt(known).await,
            None => self.begin(),
        };
        state.paused = !written.enabled;
        state.disabled.clear();
        if let Some(known) = &known {
            state.former_secret = former.or(state.former_secret);
            if url(&known.written) != url(&written) {
                (state.failures, state.next_at) = ((0, 0), 0);
            }
        }
        changes.push(stored::state(&name, &state));
        let saved = self.save(changes).await;
        let entry = self.start_entry(written, Ok(definition), false, state);
        saved?;
        Ok(Stored { report: self.report(&entry), created: known.is_none(), signing_secret })
    }

    fn understand(&self, written: &Written) -> Result<Arc<Definition>, Invalid> {
        let definition = Definition::new(written.clone(), &self.shared.options.rules())?;
        let admitted = self.shared.bus.admit(&definition.filter);
        admitted.map_err(|error| {
            let details = json!({ "field": "/filter" });
            let body = ErrorBody { code: error.code.as_str(), message: error.to_string(), details };
            Invalid { field: "/filter".to_owned(), body }
        })?;
        Ok(Arc::new(definition))
    }

    /// The state of a new trigger: it begins with what comes from now on.
    fn begin(&self) -> State {
        let position = self.shared.bus.reader().bounds().position().to_string();
        State { since: position.clone(), position, ..State::default() }
    }

    /// Ends a trigger's task and yields its state.
    async fn halt(&self, entry: &Entry) -> State {
        entry.phase.send_replace(Phase::Halt);
        let task = entry.task.lock().take();
        if let Some(task) = task {
            let _ = task.await;
        }
        entry.state.lock().clone()
    }

    fn start_entry(
        &self,
        written: Written,
        definition: Result<Arc<Definition>, String>,
        from_settings: bool,
        state: State,
    ) -> Arc<Entry> {
        let (phase, told) = watch::channel(Phase::Run);
        let state = Arc::new(Mutex::new(state));
        let name = written.name.clone();
        let task = match &definition {
            Ok(definition) => self.start_task(definition, &state, told),
            Err(_) => None,
        };
        let entry =
            Arc::new(Entry { written, definition, from_settings, state, phase, task: Mutex::new(task) });
        let mut entries = self.entries.lock();
        entries.insert(name, Arc::clone(&entry));
        self.shared.metrics.triggers.set(i64::try_from(entries.len()).unwrap_or(i64::MAX));
        drop(entries);
        self.changed.send_modify(|count| *count += 1);
        entry
    }

    fn start_task(
        &self,
        definition: &Arc<Definition>,
        state: &Arc<Mutex<State>>,
        phase: watch::Receiver<Phase>,
    ) -> Option<JoinHandle<()>> {
        let Target::Http(target) = &definition.target else { return None };
        let former = {
            let state = state.lock();
            if !state.runs() {
                return None;
            }
            state.former_secret.clone()
        };
        let former =
            former.and_then(|(secret, until)| Some((SigningKey::parse(secret.expose()).ok()?, until)));
        let runner = Runner {
            shared: Arc::clone(&self.shared),
            definition: Arc::clone(definition),
            state: Arc::clone(state),
            sender: Sender::new(&self.shared, &definition.name, target, former),
            phase,
        };
        Some(tokio::spawn(runner.run()))
    }

    /// Removes a trigger; what it has among the dead letters stays until it expires.
    ///
    /// # Errors
    ///
    /// There is no such trigger, it stands in the settings, or storage fails.
    pub(crate) async fn delete(&self, name: &str, cloud: Option<&str>) -> Result<(), TriggerError> {
        let _one = self.changing.lock().await;
        let entry = self.find(name, cloud)?;
        if entry.from_settings {
            return Err(TriggerError::InSettings);
        }
        let state = self.halt(&entry).await;
        self.entries.lock().remove(name);
        self.changed.send_modify(|count| *count += 1);
        self.save(self.forgotten(name, &state)).await
    }

    /// Everything that is stored of a trigger but its dead letters.
    fn forgotten(&self, name: &str, state: &State) -> Changes {
        let pending = state.pending.iter().map(|p| remove(keys::DELIVERIES, keys::events(name, &p.id)));
        let rows = state.next_row.saturating_sub(self.shared.options.rows)..state.next_row;
        let rows = rows.map(|number| remove(keys::ATTEMPTS, keys::row(name, number)));
        let own = [keys::written(name), keys::former(name), keys::state(name)];
        let own = own.map(|key| remove(keys::TRIGGERS, key));
        own.into_iter().chain(pending).chain(rows).collect()
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
        let entry = self.find(name, cloud)?;
        let mut written = entry.written.clone();
        let mut changes = Changes::new();
        if !entry.from_settings {
            written.enabled = !paused;
            changes.push(stored::written(&self.shared.options.keys, &written)?);
        }
        let mut state = self.halt(&entry).await;
        state.paused = paused;
        if !paused {
            state.disabled.clear();
            (state.failures, state.next_at) = ((0, 0), 0);
        }
        changes.push(stored::state(name, &state));
        let saved = self.save(changes).await;
        let entry = self.start_entry(written, entry.definition.clone(), entry.from_settings, state);
        saved?;
        Ok(self.report(&entry))
    }

    /// Ends every task, those with an attempt on its way as soon as that is over.
    pub(crate) async fn stop(&self) {
        let entries: Vec<_> = self.entries.lock().values().cloned().collect();
        for entry in &entries {
            entry.phase.send_replace(Phase::Finish);
        }
        let deadline = tokio::time::Instant::now() + LAST_ATTEMPTS;
        for entry in &entries {
            let task = entry.task.lock().take();
            let Some(mut task) = task else { continue };
            if timeout(deadline.saturating_duration_since(tokio::time::Instant::now()), &mut task)
                .await
                .is_err()
            {
                entry.phase.send_replace(Phase::Halt);
                let _ = task.await;
            }
        }
        // What was noted for later is written with this.
        let _ = self.shared.store.save(Vec::new()).await;
    }

    async fn save(&self, changes: Changes) -> Result<(), TriggerError> {
        let saved = self.shared.store.save(changes).await;
        saved.map_err(|_| TriggerError::Storage("see the diagnostics".into()))
    }

    /// What the access log of a trigger is about: its definition, and where it began.
    pub(super) fn considered(
        &self,
        name: &str,
        cloud: Option<&str>,
    ) -> Result<(Arc<Definition>, Option<Position>), TriggerError> {
        let entry = self.find(name, cloud)?;
        let since = entry.state.lock().since.parse().ok();
        let definition = entry.definition.clone();
        Ok((definition.map_err(|_| TriggerError::Conflict("its definition can't be used"))?, since))
    }

    /// A filter for all events of a cloud.
    pub(super) fn of_cloud(&self, cloud: &str) -> Result<Filter, TriggerError> {
        let of_cloud = Filter::from_json(&json!({ "cloud_id": cloud }), &self.shared.options.filters);
        of_cloud.map_err(|error| TriggerError::Storage(error.to_string()))
    }

    /// The definitions whose target is a feed, and that run.
    pub(super) fn of_feeds(&self) -> Vec<(String, Arc<Definition>)> {
        let entries = self.entries.lock();
        let running = entries.values().filter(|entry| entry.state.lock().runs());
        let definitions = running.filter_map(|entry| entry.definition.as_ref().ok());
        let to_feeds = definitions.filter_map(|definition| match &definition.target {
            Target::Feed(name) => Some((name.clone(), Arc::clone(definition))),
            Target::Http(_) => None,
        });
        to_feeds.collect()
    }
}

fn url(written: &Written) -> &str {
    match &written.target {
        WrittenTarget::Http(http) => &http.url,
        WrittenTarget::Feed(_) => "",
    }
}

fn secret(written: &Written) -> Option<&Secret> {
    match &written.target {
        WrittenTarget::Http(http) => http.signing_secret.as_ref(),
        WrittenTarget::Feed(_) => None,
    }
}

/// Makes the signing secret, where the gateway is asked to.
fn make_secret(written: &mut Written) -> Option<String> {
    let WrittenTarget::Http(http) = &mut written.target else { return None };
    http.signing_secret.as_ref().filter(|secret| secret.expose() == "new")?;
    let made = SigningKey::spell(rand::random());
    http.signing_secret = Some(Secret::new(made.clone()));
    Some(made)
}

/// A secret that was changed signs for a day beside the new one.
fn former_secret(known: &Written, written: &Written) -> Option<Former> {
    let (old, new) = (secret(known)?, secret(written)?);
    (old != new).then(|| (old.clone(), Timestamp::now().as_millisecond() + ROTATION_MS))
}
