use bytes::Bytes;
use http::HeaderValue;

use super::read;
use crate::event::{Position, Via};
use crate::protocol::event_id;

/// The gateways that all these events passed through, and this one behind them: whoever gets them from here knows by it
/// what comes back.
pub(super) fn way(events: &[Bytes]) -> Option<HeaderValue> {
    let last: Position = event_id(events.last()?)?.parse().ok()?;
    let mut way = events.iter().map(|event| of(event)).reduce(|mut way, other| {
        way.meet(&other);
        way
    })?;
    way.add(last.epoch);
    HeaderValue::from_str(&way.names().join(", ")).ok()
}

/// Of one event; hardly any has a way, and that stands at its end.
fn of(event: &[u8]) -> Via {
    if !event.ends_with(b"]}}") {
        return Via::default();
    }
    Via::of_names(read(event).details.via.iter().map(|name| &**name))
}
