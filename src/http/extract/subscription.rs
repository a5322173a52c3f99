use std::time::Duration;

use super::query::{LAST_EVENT_ID, Query};
use crate::protocol::{BadRequest, SubscribeRequest, read_heartbeat};
use crate::trigger::Feed;

/// What one subscription may say in a URL.
pub(crate) const STREAM_PARAMETERS: [&str; 10] = [
    "filter",
    "batch_size",
    "batch_cutoff",
    "batch_bytes",
    "after",
    LAST_EVENT_ID,
    "format",
    "on_gap",
    "error",
    HEARTBEAT,
];
/// What is left to say for one that listens to a feed: whose it is; the window is the feed's, the place is the reader's.
pub(crate) const FEED_PARAMETERS: [&str; 7] =
    ["cloud_id", "after", LAST_EVENT_ID, "format", "on_gap", "error", HEARTBEAT];
/// What a URL says of the connection, and not of a subscription.
const HEARTBEAT: &str = "heartbeat";

/// The subscription that a URL asks for. Where the client was before `last` says, as a header would have it; without one
/// the URL; and only then `after` counts, where it wanted to begin.
pub(crate) fn subscription(
    query: &Query,
    feed: Option<&Feed>,
    last: Option<&str>,
) -> Result<SubscribeRequest, BadRequest> {
    let last = last.or_else(|| query.get(LAST_EVENT_ID));
    let request =
        SubscribeRequest::from_query(|name| last.filter(|_| name == "after").or_else(|| query.get(name)))?;
    Ok(SubscribeRequest { batching: feed.map_or(request.batching, |feed| feed.batching), ..request })
}

/// The parameters of a stream's URL.
///
/// # Errors
///
/// One that a stream, or one of a feed, has not.
pub(crate) fn stream_query(query: Option<&str>, feed: bool) -> Result<Query, BadRequest> {
    Query::parse(query, if feed { &FEED_PARAMETERS } else { &STREAM_PARAMETERS })
}

/// The silence after which the client of a URL wants to be told where it stands, if it says so.
///
/// # Errors
///
/// It is out of its bounds.
pub(crate) fn heartbeat(query: &Query) -> Result<Option<Duration>, BadRequest> {
    query.get(HEARTBEAT).map(read_heartbeat).transpose()
}

/// Whether a URL says anything of a subscription.
pub(crate) fn is_subscription(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name != HEARTBEAT)
}
