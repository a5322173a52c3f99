use serde_json::Value;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::cli::answer::Refusal;
use crate::cli::exit::Exit;
use crate::cli::remote::RemoteError;
use crate::outgoing::{ConnectError, UpgradeError};
use crate::protocol::{Close, Code, Recovery};

/// Why there is no connection, or no longer one.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum Loss {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error("can't connect to {0}: {1}")]
    Connect(String, ConnectError),
    #[error("can't connect to {0}: {1}")]
    Handshake(String, UpgradeError),
    #[error("what answers at {0} speaks no WebSocket")]
    NoWebSocket(String),
    #[error("{0} does not answer")]
    NoAnswer(String),
    /// The handshake was refused. A wrong filter is shown with its place.
    #[error("{0}{1}")]
    Refused(Refusal, String),
    /// The subscription failed.
    #[error("{message}")]
    Failed { recovery: Recovery, message: String },
    #[error("the server speaks another protocol")]
    Foreign,
    #[error("closed by the gateway: {0} {1}")]
    Closed(u16, String),
    #[error("{0}")]
    Broken(Box<Error>),
    #[error("the connection ended")]
    Ended,
    #[error("the gateway has gone silent")]
    Silent,
}

impl Loss {
    /// Whether it helps to come back.
    pub(in crate::cli) fn recovery(&self) -> Recovery {
        match self {
            Self::Remote(_) | Self::Foreign => Recovery::Never,
            Self::Refused(refusal, _) => refusal.recovery(),
            Self::Failed { recovery, .. } => *recovery,
            Self::Closed(number, _) => Recovery::of_close(*number),
            Self::Connect(..)
            | Self::Handshake(..)
            | Self::NoWebSocket(_)
            | Self::NoAnswer(_)
            | Self::Broken(_)
            | Self::Ended
            | Self::Silent => Recovery::Soon,
        }
    }

    /// How a command ends that does not come back.
    pub(in crate::cli) fn exit(&self) -> Exit {
        match self {
            Self::Refused(refusal, _) => refusal.exit(),
            Self::Closed(number, _) if *number == Close::Forbidden.code() => Exit::NotAllowed,
            _ if self.recovery() == Recovery::Never => Exit::Wrong,
            _ => Exit::Failure,
        }
    }

    pub(super) fn closed(frame: Option<CloseFrame>) -> Self {
        // 1005 stands for a closing frame without a number.
        frame.map_or(Self::Closed(1005, String::new()), |frame| {
            Self::Closed(frame.code.into(), frame.reason.to_string())
        })
    }

    pub(super) fn error(code: &str, message: String) -> Self {
        Self::Failed { recovery: Code::parse(code).map_or(Recovery::Never, Code::recovery), message }
    }

    /// A handshake's answer.
    pub(super) fn refused(refusal: Refusal, filter: &str) -> Self {
        let details = refusal.details();
        let place = if details["offset"].is_u64() { caret(filter, details) } else { String::new() };
        Self::Refused(refusal, place)
    }
}

/// The filter's line, under the message, with carets under what is wrong.
fn caret(filter: &str, details: &Value) -> String {
    let number =
        |name: &str| details[name].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(1).max(1);
    let line = filter.lines().nth(number("line") - 1).unwrap_or_default();
    let carets = "^".repeat(number("length").min(filter.len().max(1)));
    format!("\n  {line}\n  {}{carets}", " ".repeat(number("column") - 1))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, StatusCode};

    use super::*;

    #[test]
    fn a_close_passes_by_its_number() {
        let closed = |number| Loss::Closed(number, String::new());
        assert_eq!(closed(4403).exit(), Exit::NotAllowed);
        assert_eq!(closed(4410).exit(), Exit::Wrong);
        assert_eq!(closed(1012).exit(), Exit::Failure);
        assert_eq!(closed(4429).recovery(), Recovery::After(Duration::from_secs(30)));
    }

    #[test]
    fn a_wrong_filter_is_shown_with_its_place() {
        let body = r#"{"error":{"code":"invalid_filter","message":"no","details":{"offset":4,"column":5,"length":1,"line":1}}}"#;
        let refusal = Refusal::read(StatusCode::BAD_REQUEST, &HeaderMap::new(), body.as_bytes());
        assert_eq!(Loss::refused(refusal, "tag = 'v1'").to_string(), "no\n  tag = 'v1'\n      ^");
    }
}
