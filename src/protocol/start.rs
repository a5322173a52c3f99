use std::str::FromStr;

use crate::event::{Position, Timestamp};

/// Where a subscription starts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Start {
    /// With what comes from now on.
    #[default]
    Now,
    /// With the oldest event that the log still has.
    Earliest,
    /// Behind this event.
    After(Position),
    /// With the first event accepted at or after this time.
    Since(Timestamp),
}

/// What a gap in what a subscription asked for leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnGap {
    /// A `gap` message; then it goes on.
    #[default]
    Notify,
    /// An error with the range; nothing is sent any more.
    Fail,
}

/// A text that says nowhere to start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no place to start from; expected an event_id, a time (RFC 3339) or 'earliest'")]
pub struct ParseStartError(pub String);

impl FromStr for Start {
    type Err = ParseStartError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "earliest" {
            return Ok(Self::Earliest);
        }
        if let Ok(position) = text.parse() {
            return Ok(Self::After(position));
        }
        text.parse().map(Self::Since).map_err(|_| ParseStartError(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_form() {
        assert_eq!("earliest".parse(), Ok(Start::Earliest));
        let position = Position { epoch: 1, offset: 2 };
        assert_eq!(position.to_string().parse(), Ok(Start::After(position)));
        assert!(matches!("2026-01-07T11:09:14Z".parse(), Ok(Start::Since(_))));
        for bad in ["", "now", "yesterday", "2026-01-07", "crt123", "7"] {
            assert!(bad.parse::<Start>().is_err(), "{bad}");
        }
    }
}
