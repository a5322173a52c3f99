use std::fmt;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::filter::{Filter, Options};
use crate::trigger::TargetUrl;

/// Whose position a file holds. Of another gateway, filter or endpoint it says nothing: events would be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    /// Where events come from.
    gateway: String,
    /// Which of them; in its canonical form, where that can be known here.
    filter: String,
    /// Where they go, as it may be shown.
    endpoint: String,
    /// The same with all its secrets, as a hash.
    endpoint_hash: String,
}

impl Owner {
    pub(super) fn new(gateway: String, filter: &str, endpoint: &TargetUrl) -> Self {
        let canonical =
            Filter::parse(filter, &Options::default()).map(|filter| filter.canonical().to_owned());
        let hash = Sha256::digest(endpoint.to_string());
        Self {
            gateway,
            filter: canonical.unwrap_or_else(|_| filter.to_owned()),
            endpoint: endpoint.shown(),
            endpoint_hash: HEXLOWER.encode(&hash.as_slice()[..16]),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gateway, filter, endpoint, .. } = self;
        write!(f, "from {gateway} to {endpoint} with the filter {filter}")
    }
}
