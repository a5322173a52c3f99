use super::query::Query;
use crate::protocol::{BadRequest, SubscribeRequest};
use crate::trigger::Feed;

/// What one subscription may say in a URL.
pub(crate) const STREAM_PARAMETERS: [&str; 7] =
    ["filter", "batch_size", "batch_cutoff", "batch_bytes", "after", "format", "on_gap"];
/// What is left to say for one that listens to a feed: whose it is; the window is the feed's, the place is the reader's.
pub(crate) const FEED_PARAMETERS: [&str; 4] = ["cloud_id", "after", "format", "on_gap"];

/// The subscription that a URL asks for. Where it is known from elsewhere `after` what the reader goes on, that holds.
pub(crate) fn subscription(
    query: Option<&str>,
    feed: Option<&Feed>,
    after: Option<&str>,
) -> Result<SubscribeRequest, BadRequest> {
    let known = if feed.is_some() { &FEED_PARAMETERS[..] } else { &STREAM_PARAMETERS[..] };
    let query = Query::parse(query, known)?;
    let request =
        SubscribeRequest::from_query(|name| after.filter(|_| name == "after").or_else(|| query.get(name)))?;
    Ok(SubscribeRequest { batching: feed.map_or(request.batching, |feed| feed.batching), ..request })
}
