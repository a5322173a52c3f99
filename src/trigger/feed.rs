use serde::Deserialize;
use serde_json::Value;

use super::definition::scope;
use super::spec::default_cloud;
use super::{Definition, DefinitionError, QualifiedName, Rules};
use crate::filter::{self, Filter, FilterError};
use crate::protocol::{BatchLimits, BatchSpec, Batching, Code, NAME_RULE, is_name};

/// A filter and a window that the operator named; who connects to it writes no filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Feed {
    /// Its name.
    pub(crate) name: String,
    /// Whose events it has.
    pub(crate) cloud: String,
    /// Which of them.
    pub(crate) filter: Filter,
    /// Bounds of a batch.
    pub(crate) batching: Batching,
}

/// A feed as it stands in the settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedSpec {
    name: String,
    #[serde(default = "default_cloud")]
    cloud_id: String,
    #[serde(default)]
    filter: Value,
    #[serde(default)]
    batch: BatchSpec,
}

impl Feed {
    /// What it is known by.
    pub(crate) fn id(&self) -> QualifiedName {
        QualifiedName::new(&self.cloud, &self.name)
    }

    /// Checks what is wanted.
    ///
    /// # Errors
    ///
    /// [`DefinitionError`], the first fault.
    pub(crate) fn new(spec: &FeedSpec, rules: &Rules<'_>) -> Result<Self, DefinitionError> {
        if !is_name(&spec.name) {
            return Err(DefinitionError::new(Code::InvalidId, "/name", NAME_RULE));
        }
        let own = rules.filter(&spec.filter)?;
        let filter = own.and(&scope(&spec.cloud_id, rules)?)?;
        let batching = spec.batch.bounds(Batching::default(), BatchLimits::CONNECTION)?;
        Ok(Self { name: spec.name.clone(), cloud: spec.cloud_id.clone(), filter, batching })
    }

    /// The feed that one trigger makes.
    pub(crate) fn of_trigger(name: &str, trigger: &Definition) -> Self {
        Self {
            name: name.to_owned(),
            cloud: trigger.cloud.clone(),
            filter: trigger.filter.clone(),
            batching: trigger.batching,
        }
    }

    /// One stream of both: what either has, in the tighter window.
    ///
    /// # Errors
    ///
    /// Both filters together are over a limit.
    pub(crate) fn join(self, other: &Self, options: &filter::Options) -> Result<Self, FilterError> {
        let (one, two) = (self.batching, other.batching);
        let text = format!("({}) || ({})", self.filter.canonical(), other.filter.canonical());
        let options = filter::Options { max_text: usize::MAX, ..options.clone() };
        let joined = || Filter::from_stored(&Value::String(text), &options);
        let filter = if self.filter == other.filter { self.filter } else { joined()? };
        let batching = Batching {
            size: one.size.min(two.size),
            cutoff: one.cutoff.min(two.cutoff),
            bytes: one.bytes.min(two.bytes),
        };
        Ok(Self { filter, batching, ..self })
    }
}
