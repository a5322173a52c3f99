use std::sync::Arc;

use super::Context;
use super::definition::FormerSecret;
use super::progress::{Checkpoint, Progress};
use super::report::{Origin, StateReport, TriggerReport};
use super::task::TaskHandle;
use crate::event::Timestamp;
use crate::trigger::{Definition, DefinitionError, QualifiedName, TriggerSpec};

/// What is known of a trigger but how it does.
#[derive(Clone)]
pub(super) struct Trigger {
    pub(super) spec: TriggerSpec,
    /// What was understood; where that is no longer allowed, why.
    pub(super) definition: Result<Arc<Definition>, DefinitionError>,
    pub(super) origin: Origin,
    pub(super) former: Option<FormerSecret>,
}

/// One trigger and its task. A change makes a new one.
pub(super) struct Entry {
    pub(super) trigger: Trigger,
    pub(super) progress: Arc<Progress>,
    pub(super) task: TaskHandle,
}

impl Entry {
    /// Starts its task, where it has one.
    pub(super) fn start(shared: &Arc<Context>, trigger: Trigger, checkpoint: Checkpoint) -> Self {
        let progress = Arc::new(Progress::new(trigger.spec.id(), checkpoint, &shared.rows));
        let task = TaskHandle::start(shared, &trigger, &progress);
        Self { trigger, progress, task }
    }

    /// What it is known by.
    pub(super) fn id(&self) -> &QualifiedName {
        self.progress.id()
    }

    /// Ends its task and yields how far it came.
    pub(super) async fn halt(&self) -> Checkpoint {
        self.task.halt().await;
        self.progress.checkpoint().clone()
    }

    pub(super) fn report(&self, shared: &Context) -> TriggerReport {
        let Trigger { spec, definition, origin, .. } = &self.trigger;
        let bounds = shared.bus.reader().bounds();
        let fault = definition.as_ref().err().map(ToString::to_string);
        let letters = shared.letters.count_of(self.id());
        let understood = definition.as_ref().map(|definition| definition.filter.canonical().to_owned());
        let outdated = definition.as_ref().ok().and_then(|definition| definition.filter.outdated());
        TriggerReport {
            outdated: outdated.map(|error| error.to_string()),
            spec: spec.shown(),
            defined_in: *origin,
            understood: understood.unwrap_or_default(),
            state: StateReport::new(&self.progress.checkpoint(), fault, letters, bounds, Timestamp::now()),
        }
    }
}
