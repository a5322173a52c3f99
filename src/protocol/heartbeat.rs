use std::ops::RangeInclusive;
use std::time::Duration;

use super::{BadRequest, Code, parse_duration};

/// How long a connection may be sent no message before it is told where it stands: what may be asked for.
pub(crate) const HEARTBEATS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(5);

/// Reads the heartbeat of a URL.
///
/// # Errors
///
/// It is no time, or not within [`HEARTBEATS`].
pub(crate) fn read_heartbeat(text: &str) -> Result<Duration, BadRequest> {
    parse_duration(text)
        .filter(|heartbeat| HEARTBEATS.contains(heartbeat))
        .ok_or_else(|| BadRequest::new(Code::BadRequest, "heartbeat is a time from 1s to 5m, such as '15s'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_bounds() {
        for (text, milliseconds) in [("1s", 1_000), ("15", 15_000), ("1001ms", 1_001), ("5m", 300_000)] {
            assert_eq!(read_heartbeat(text).unwrap(), Duration::from_millis(milliseconds), "{text}");
        }
        for text in ["999ms", "0", "300001ms", "6m", "-1s", "often", "15 seconds"] {
            let refusal = read_heartbeat(text).unwrap_err();
            assert_eq!(refusal.code, Code::BadRequest, "{text}");
        }
    }
}
