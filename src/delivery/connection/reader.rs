use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

use crate::auth::Principal;
use crate::filter::{self, Filter, FilterError};
use crate::protocol::ErrorBody;
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
    /// The feed that it listens to; then it asks for nothing.
    pub feed: Option<Arc<Feed>>,
}

impl Reader {
    /// Reads a filter of this reader's, its rights not yet joined. A text may be a shorthand object too.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn filter(&self, wanted: &Value) -> Result<Filter, FilterError> {
        let Value::String(text) = wanted else { return Filter::from_json(wanted, &self.options) };
        let recent = || self.recent.lock();
        if let Some(known) = recent().get(text) {
            return Ok(known);
        }
        let filter = Filter::parse(text, &self.options)?;
        recent().put(text, &filter);
        Ok(filter)
    }
}

/// A refused filter as a client is told.
pub(crate) fn filter_error(error: &FilterError) -> ErrorBody {
    ErrorBody { code: error.code.as_str(), message: error.to_string(), details: error.details() }
}
