use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

use crate::auth::Principal;
use crate::bus::Bus;
use crate::filter::{self, Filter, FilterError};
use crate::limits::{Allowance, Busy};
use crate::protocol::{Code, ErrorBody};
use crate::trigger::Feed;

/// Who reads, and what: every filter of theirs is joined with `rights`.
#[derive(Clone)]
pub(crate) struct Reader {
    /// Whose token it showed; `None` where nobody needs one.
    pub principal: Option<Arc<Principal>>,
    /// Which events this reader may see.
    pub rights: Filter,
    /// How filters are read.
    pub options: Arc<filter::Options>,
    /// Those that were just read, by anyone.
    pub recent: Arc<Mutex<filter::FilterCache>>,
    /// What it may command.
    pub allowance: Arc<Allowance>,
    /// The feed that it listens to; then it asks for nothing.
    pub feed: Option<Arc<Feed>>,
}

impl Reader {
    /// Its name, where it shares its cloud with others and brings a filter of its own.
    pub(super) fn sharer(&self) -> Option<&str> {
        let principal = self.principal.as_ref().filter(|principal| principal.shares && self.feed.is_none());
        principal.map(|principal| principal.name.as_str())
    }

    /// Reads a filter of this reader's, its rights not yet joined. A text may be a shorthand object too. What takes more
    /// than microseconds is done elsewhere; whoever calls this for a client has a turn.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as the client is told.
    pub(crate) async fn filter(&self, wanted: &Value) -> Result<Filter, ErrorBody> {
        match self.quick_filter(wanted)? {
            Some(filter) => Ok(filter),
            None => self.compile(wanted).await,
        }
    }

    /// The same with a turn of its own, where that is needed.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as the client is told.
    pub(super) async fn filter_in_turn(&self, wanted: &Value, bus: &Bus) -> Result<Filter, ErrorBody> {
        if let Some(filter) = self.quick_filter(wanted)? {
            return Ok(filter);
        }
        let _turn = bus.turn(&self.allowance).await.map_err(busy_error)?;
        self.compile(wanted).await
    }

    fn quick_filter(&self, wanted: &Value) -> Result<Option<Filter>, ErrorBody> {
        let known = wanted.as_str().and_then(|text| self.recent.lock().get(text));
        let filter = known.map_or_else(|| Filter::quickly(wanted, &self.options), |known| Ok(Some(known)));
        let filter = filter.map_err(|error| filter_error(&error))?;
        if let Some(filter) = &filter {
            self.remember(wanted, filter);
        }
        Ok(filter)
    }

    async fn compile(&self, wanted: &Value) -> Result<Filter, ErrorBody> {
        let (asked, options) = (wanted.clone(), Arc::clone(&self.options));
        let compiled = self.allowance.compute(move || Filter::read(&asked, &options)).await;
        let filter = compiled.map_err(busy_error)?.map_err(|error| filter_error(&error))?;
        self.remember(wanted, &filter);
        Ok(filter)
    }

    fn remember(&self, wanted: &Value, filter: &Filter) {
        if let Some(text) = wanted.as_str() {
            self.recent.lock().put(text, filter);
        }
    }
}

/// What a client is told while as much is worked on for it as may be.
fn busy_error(busy: Busy) -> ErrorBody {
    ErrorBody::new(Code::Overloaded, busy.to_string())
}

/// A refused filter as a client is told.
pub(crate) fn filter_error(error: &FilterError) -> ErrorBody {
    ErrorBody { code: error.code.as_str(), message: error.to_string(), details: error.details() }
}
