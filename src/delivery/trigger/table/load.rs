use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::Triggers;
use crate::bus::Bus;
use crate::delivery::trigger::dead_letters::DeadLetters;
use crate::delivery::trigger::state::{State, fingerprint};
use crate::delivery::trigger::store::Store;
use crate::delivery::trigger::stored::{self, LoadError, StoredTriggers};
use crate::delivery::trigger::turns::Turns;
use crate::delivery::trigger::{Shared, TriggerOptions};
use crate::event::Timestamp;
use crate::metrics::Metrics;
use crate::outgoing::Targets;
use crate::trigger::Written;

/// How often old dead letters are looked for.
const EXPIRY: Duration = Duration::from_mins(10);

impl Triggers {
    /// Starts all that are stored, and those of the settings.
    ///
    /// # Errors
    ///
    /// [`LoadError`]; nothing runs then.
    pub(crate) async fn start(
        options: TriggerOptions,
        settings: Vec<Written>,
        bus: Bus,
        metrics: Arc<Metrics>,
    ) -> Result<Arc<Self>, LoadError> {
        let now = Timestamp::now().as_millisecond();
        let StoredTriggers { mut written, mut states } =
            stored::read(bus.reader(), &options.keys, now).await?;
        let letters = DeadLetters::load(options.letters, bus.reader()).await.map_err(LoadError::Storage)?;
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
        for own in settings {
            if written.remove(&own.name).is_some() {
                tracing::warn!(trigger = own.name, "the settings' trigger takes the place of a stored one");
            }
            let state = states.remove(&own.name);
            triggers.load(own, true, state);
        }
        for (name, written) in written {
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
            let now = fingerprint(&serde_json::to_string(&written.shown()).unwrap_or_default());
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
