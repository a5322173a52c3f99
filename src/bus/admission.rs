use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::Bus;
use crate::filter::{BroadFilters, Filter, FilterError};
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
    broad: Option<(Filter, Arc<Admissions>)>,
}

impl Admissions {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { broad: Mutex::default(), metrics }
    }

    fn broad(&self) -> MutexGuard<'_, BroadFilters> {
        self.broad.lock()
    }

    fn count(&self, broad: &BroadFilters) {
        self.metrics.broad_filters.set(i64::try_from(broad.len()).unwrap_or(i64::MAX));
    }
}

impl Bus {
    /// Lets a filter in, the rights of who asks included.
    ///
    /// # Errors
    ///
    /// `filter_too_broad` if no index can serve it and its cloud has as many such filters as it may.
    pub fn admit(&self, filter: &Filter) -> Result<Admission, FilterError> {
        if !filter.is_broad() {
            return Ok(Admission { broad: None });
        }
        let mut broad = self.admissions.broad();
        broad.add(filter)?;
        self.admissions.count(&broad);
        Ok(Admission { broad: Some((filter.clone(), Arc::clone(&self.admissions))) })
    }
}

#[cfg(test)]
impl Admission {
    /// One that counts nowhere.
    pub(super) fn uncounted() -> Self {
        Self { broad: None }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if let Some((filter, admissions)) = &self.broad {
            let mut broad = admissions.broad();
            broad.remove(filter);
            admissions.count(&broad);
        }
    }
}
