use std::time::Duration;

use http::{Response, StatusCode};
use serde_json::Value;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::cli::exit::Exit;
use crate::cli::remote::RemoteError;
use crate::event::Timestamp;
use crate::header::retry_after;
use crate::outgoing::ConnectError;
use crate::protocol::{Close, Code, Recovery};

/// `Retry-After` is heeded up to this.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// Why there is no connection, or no longer one.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum Loss {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error("can't connect to {0}: {1}")]
    Connect(String, ConnectError),
    #[error("can't connect to {0}: {1}")]
    Handshake(String, Box<Error>),
    #[error("{0} does not answer")]
    NoAnswer(String),
    /// The handshake was refused.
    #[error("{message}")]
    Answer { status: StatusCode, recovery: Recovery, message: String },
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
            Self::Answer { recovery, .. } | Self::Failed { recovery, .. } => *recovery,
            Self::Closed(number, _) => Recovery::of_close(*number),
            Self::Connect(..)
            | Self::Handshake(..)
            | Self::NoAnswer(_)
            | Self::Broken(_)
            | Self::Ended
            | Self::Silent => Recovery::Soon,
        }
    }

    /// How a command ends that does not come back.
    pub(in crate::cli) fn exit(&self) -> Exit {
        match self {
            Self::Answer { status: StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, .. } => Exit::NotAllowed,
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

    /// A handshake's answer. A wrong filter is shown with its place.
    pub(super) fn answer(response: &Response<Option<Vec<u8>>>, filter: &str) -> Self {
        let body = response.body().as_deref().and_then(|body| serde_json::from_slice::<Value>(body).ok());
        let error = &body.unwrap_or_default()["error"];
        let (status, details) = (response.status(), &error["details"]);
        let code = error["code"].as_str().and_then(Code::parse);
        let said = error["message"].as_str().unwrap_or("the request failed");
        let mut recovery = code.map_or_else(|| Recovery::of_status(status.as_u16()), Code::recovery);
        let asked = retry_after(response.headers(), Timestamp::now());
        if let (Recovery::Soon, Some(wait)) = (recovery, asked) {
            recovery = Recovery::After(wait.min(LONGEST_WAIT));
        }
        let message = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => said.to_owned(),
            _ if recovery != Recovery::Never => format!("the gateway answers {status}: {said}"),
            _ if details["offset"].is_u64() => format!("{said}\n{}", caret(filter, details)),
            StatusCode::BAD_REQUEST => said.to_owned(),
            _ => format!("this is no Tagcast gateway: it answers {status}"),
        };
        Self::Answer { status, recovery, message }
    }
}

/// The filter's line with carets under what is wrong.
fn caret(filter: &str, details: &Value) -> String {
    let number =
        |name: &str| details[name].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(1).max(1);
    let line = filter.lines().nth(number("line") - 1).unwrap_or_default();
    let carets = "^".repeat(number("length").min(filter.len().max(1)));
    format!("  {line}\n  {}{carets}", " ".repeat(number("column") - 1))
}

#[cfg(test)]
mod tests {
    use http::header::RETRY_AFTER;

    use super::*;

    fn answer(status: u16, retry_after: &str, body: &str) -> Loss {
        let mut response = Response::builder().status(status);
        if !retry_after.is_empty() {
            response = response.header(RETRY_AFTER, retry_after);
        }
        Loss::answer(&response.body(Some(body.into())).unwrap(), "tag = 'v1'")
    }

    #[test]
    fn an_answer_passes_by_its_code_or_else_its_status() {
        for (status, after, body, recovery, exit) in [
            (
                429,
                "7",
                r#"{"error":{"code":"handshake_rate"}}"#,
                Recovery::After(Duration::from_secs(7)),
                Exit::Failure,
            ),
            (503, "", r#"{"error":{"code":"shutting_down"}}"#, Recovery::Soon, Exit::Failure),
            (503, "", r#"{"error":{"code":"of_tomorrow"}}"#, Recovery::Soon, Exit::Failure),
            (429, "99999999", "", Recovery::After(LONGEST_WAIT), Exit::Failure),
            (502, "", "<html>", Recovery::Soon, Exit::Failure),
            (401, "", r#"{"error":{"code":"unauthenticated"}}"#, Recovery::Never, Exit::NotAllowed),
            (400, "7", r#"{"error":{"code":"invalid_batch"}}"#, Recovery::Never, Exit::Wrong),
            (404, "", "", Recovery::Never, Exit::Wrong),
        ] {
            let loss = answer(status, after, body);
            assert_eq!((loss.recovery(), loss.exit()), (recovery, exit), "{status} {body}");
        }
    }

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
        assert_eq!(answer(400, "", body).to_string(), "no\n  tag = 'v1'\n      ^");
    }
}
