use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::watch;

use super::{Triggers, locked};
use crate::bus::Bus;
use crate::delivery::trigger::dead_letters::DeadLetters;
use crate::delivery::trigger::state::State;
use crate::delivery::trigger::store::Store;
use crate::delivery::trigger::turns::Turns;
use crate::delivery::trigger::{Shared, TriggerOptions};
use crate::event::Timestamp;
use crate::log::Table;
use crate::metrics::Metrics;
use crate::outgoing::Targets;
use crate::trigger::Written;

/// Rows read at once.
const PAGE: usize = 500;
/// How often old dead letters are looked for.
const EXPIRY: Duration = Duration::from_mins(10);

impl Triggers {
    /// Starts all that are stored, and those of the settings.
    ///
    /// # Errors
    ///
    /// Storage can't be read.
    pub async fn start(
        options: TriggerOptions,
        settings: Vec<Written>,
        bus: Bus,
        metrics: Arc<Metrics>,
    ) -> Result<Arc<Self>, String> {
        let letters = DeadLetters::load(options.letters, bus.reader()).await?;
        let (mut definitions, mut states) = read(&bus).await?;
        let (all, per_host) = options.in_flight;
        let shared = Arc::new(Shared {
            store: Store::start(bus.reader().clone()),
            targets: Targets::new(options.policy.clone()),
            turns: Turns::new(all, per_host),
            options,
            bus,
            letters,
            metrics,
        });
        shared.count_letters();
        let triggers = Arc::new(Self {
            shared,
            entries: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            changed: watch::Sender::new(0),
        });
        for written in settings {
            if definitions.remove(&written.name).is_some() {
                tracing::warn!(
                    trigger = written.name,
                    "the settings' trigger takes the place of a stored one"
                );
            }
            let state = states.remove(&written.name);
            triggers.load(written, true, state);
        }
        for (name, written) in definitions {
            let state = states.remove(&name);
            triggers.load(written, false, state);
        }
        for (name, state) in states {
            // It stood in the settings, and does no longer.
            let _ = triggers.shared.store.note(triggers.forgotten(&name, &state)).await;
        }
        tokio::spawn(expire(Arc::downgrade(&triggers)));
        Ok(triggers)
    }

    fn load(&self, written: Written, from_settings: bool, state: Option<State>) {
        let mut state = state.unwrap_or_else(|| State { paused: !written.enabled, ..self.begin() });
        if from_settings {
            // A pause by hand holds until the settings say something else.
            let now = serde_json::to_string(&written.shown()).unwrap_or_default();
            if state.settings != now {
                (state.paused, state.settings) = (!written.enabled, now);
                state.disabled.clear();
            }
        }
        let definition = self.understand(&written).map_err(|invalid| {
            tracing::error!(trigger = written.name, %invalid, "a trigger can't be used");
            invalid.to_string()
        });
        self.start_entry(written, definition, from_settings, state);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        locked(&self.entries).len()
    }
}

type Rows = (BTreeMap<String, Written>, HashMap<String, State>);

async fn read(bus: &Bus) -> Result<Rows, String> {
    let (mut definitions, mut states) = Rows::default();
    let mut after = Vec::new();
    loop {
        let rows = bus
            .reader()
            .rows(Table::Triggers, after.clone(), PAGE)
            .await
            .map_err(|error| error.to_string())?;
        let Some((last, _)) = rows.last() else { return Ok((definitions, states)) };
        after.clone_from(last);
        for (key, value) in rows {
            let Some((sort, name)) = key.split_first() else { continue };
            let name = String::from_utf8_lossy(name).into_owned();
            let read = match sort {
                b'd' => serde_json::from_slice(&value)
                    .map(|written| drop(definitions.insert(name.clone(), written))),
                _ => serde_json::from_slice(&value).map(|state| drop(states.insert(name.clone(), state))),
            };
            read.map_err(|error| format!("trigger '{name}': {error}"))?;
        }
    }
}

async fn expire(triggers: Weak<Triggers>) {
    let mut every = tokio::time::interval(EXPIRY);
    loop {
        every.tick().await;
        let Some(triggers) = triggers.upgrade() else { return };
        let changes = triggers.shared.letters.expire(Timestamp::now().as_millisecond());
        if !changes.is_empty() {
            triggers.shared.count_letters();
            let _ = triggers.shared.store.note(changes).await;
        }
    }
}
