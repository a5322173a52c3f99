use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::Bus;
use crate::filter::{BroadFilters, Filter, FilterError};
use crate::limits::Allowance;
use crate::metrics::Metrics;

/// Broad filters in use. They are counted before a subscription is answered, so that one too many is
/// refused by an error and not by silence; the engine's index has at most those that are counted here.
pub(super) struct Admissions {
    broad: Mutex<BroadFilters>,
    metrics: Arc<Metrics>,
}

/// The right to use a filter, for as long as it is kept.
pub struct Admission {
    /// None for a filter that an index can serve: those are not counted.
    broad: Option<Broad>,
    /// Who pays for what the filter searches, and the bytes of its automata; none for one that searches nothing.
    payer: Option<(Arc<Allowance>, usize)>,
}

/// A broad filter that is counted, and the reader that it is counted for too.
struct Broad {
    filter: Filter,
    reader: Option<Box<str>>,
    admissions: Arc<Admissions>,
}

impl Admissions {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { broad: Mutex::default(), metrics }
    }

    /// Counts a subscription that was ended because of what its filter searches.
    pub(super) fn count_stopped(&self) {
        self.metrics.filters_stopped.inc();
    }

    /// Counts work for which there was no turn.
    pub(super) fn count_busy(&self) {
        self.metrics.work_refused.inc();
    }

    fn broad(&self) -> MutexGuard<'_, BroadFilters> {
        self.broad.lock()
    }

    fn count(&self, broad: &BroadFilters) {
        self.metrics.broad_filters.set(i64::try_from(broad.len()).unwrap_or(i64::MAX));
    }
}

impl Bus {
    /// Lets a filter in, the rights of who asks included. `allowance`: who pays for what it searches; `reader`: who
    /// brings it, if that shares its cloud with others.
    ///
    /// # Errors
    ///
    /// `filter_too_broad` if no index can serve it and its cloud has as many such filters as it may;
    /// `filter_too_expensive` if the automata of one principal's filters would be too large.
    pub fn admit(
        &self,
        filter: &Filter,
        allowance: &Arc<Allowance>,
        reader: Option<&str>,
    ) -> Result<Admission, FilterError> {
        let mut admission = Admission { broad: None, payer: None };
        if filter.searches() || filter.comparing() > 0 {
            let bytes = filter.memory();
            if !allowance.take_room(bytes) {
                return Err(Filter::no_room(allowance.most_automata()));
            }
            admission.payer = Some((Arc::clone(allowance), bytes));
        }
        if filter.is_broad() {
            let mut broad = self.admissions.broad();
            broad.add(filter, reader)?;
            self.admissions.count(&broad);
            let (filter, admissions) = (filter.clone(), Arc::clone(&self.admissions));
            admission.broad = Some(Broad { filter, reader: reader.map(Box::from), admissions });
        }
        Ok(admission)
    }
}

impl Admission {
    /// Who pays for what the filter costs; nobody where it costs nothing.
    pub(super) fn payer(&self) -> Option<&Arc<Allowance>> {
        self.payer.as_ref().map(|(payer, _)| payer)
    }

    /// One that counts nowhere.
    #[cfg(test)]
    pub(super) fn uncounted() -> Self {
        Self { broad: None, payer: None }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if let Some((payer, bytes)) = &self.payer {
            payer.give_room(*bytes);
        }
        if let Some(Broad { filter, reader, admissions }) = &self.broad {
            let mut broad = admissions.broad();
            broad.remove(filter, reader.as_deref());
            admissions.count(&broad);
        }
    }
}
