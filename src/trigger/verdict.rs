use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::PolicyRefusal;
use crate::protocol::Code;

/// `Retry-After` is heeded up to this.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// What an answer means for the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It arrived.
    Delivered,
    /// Try again, as the schedule says; not before this time is over.
    Failed(Option<Duration>),
    /// The target will never take it.
    Refused,
    /// It is too large for the target.
    TooLarge,
    /// The target is gone for good.
    Gone,
}

/// Why an attempt had no answer, or none that may be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// The name can't be resolved.
    #[error("the name can't be resolved: {0}")]
    Name(String),
    /// An address that may not be connected to.
    #[error("{0}")]
    Blocked(PolicyRefusal),
    /// No connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// The certificate does not verify, or TLS fails otherwise.
    #[error("TLS: {0}")]
    Certificate(String),
    /// No answer in time.
    #[error("no answer in time")]
    Late,
    /// The connection broke, or the answer is no HTTP within its bounds.
    #[error("a broken answer: {0}")]
    Broken(String),
    /// The target did not agree to deliveries when it was asked.
    #[error("the target did not agree: {0}")]
    Handshake(String),
}

/// A [`Failure`] by its name, for programs: in metrics, on pages and in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureCode {
    Name,
    Blocked,
    Port,
    Connect,
    Certificate,
    Late,
    Broken,
    Handshake,
    /// No failure of an attempt: there was nothing to send, events are missing.
    Gap,
}

/// A text that names no failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' names no failure")]
pub(crate) struct UnknownFailure(String);

impl Failure {
    pub(crate) fn code(&self) -> FailureCode {
        match self {
            Self::Name(_) => FailureCode::Name,
            Self::Blocked(PolicyRefusal::Port(_)) => FailureCode::Port,
            Self::Blocked(_) => FailureCode::Blocked,
            Self::Connect(_) => FailureCode::Connect,
            Self::Certificate(_) => FailureCode::Certificate,
            Self::Late => FailureCode::Late,
            Self::Broken(_) => FailureCode::Broken,
            Self::Handshake(_) => FailureCode::Handshake,
        }
    }
}

impl FailureCode {
    const ALL: [Self; 9] = [
        Self::Name,
        Self::Blocked,
        Self::Port,
        Self::Connect,
        Self::Certificate,
        Self::Late,
        Self::Broken,
        Self::Handshake,
        Self::Gap,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "target_name",
            Self::Blocked => Code::TargetBlocked.as_str(),
            Self::Port => Code::TargetPort.as_str(),
            Self::Connect => "target_connect",
            Self::Certificate => "target_certificate",
            Self::Late => "target_timeout",
            Self::Broken => "target_broken",
            Self::Handshake => "target_handshake",
            Self::Gap => "gap",
        }
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FailureCode {
    type Err = UnknownFailure;

    fn from_str(text: &str) -> Result<Self, UnknownFailure> {
        let named = Self::ALL.into_iter().find(|code| code.as_str() == text);
        named.ok_or_else(|| UnknownFailure(text.to_owned()))
    }
}

/// What a status means. A redirect is a failed attempt and never followed.
pub(crate) fn verdict(status: u16, retry_after: Option<Duration>) -> Verdict {
    match status {
        200..=299 => Verdict::Delivered,
        400 | 415 | 422 => Verdict::Refused,
        413 => Verdict::TooLarge,
        410 => Verdict::Gone,
        _ => Verdict::Failed(retry_after.map(|wait| wait.min(LONGEST_WAIT))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_meaning() {
        for (status, meaning) in [
            (200, Verdict::Delivered),
            (202, Verdict::Delivered),
            (204, Verdict::Delivered),
            (301, Verdict::Failed(None)),
            (304, Verdict::Failed(None)),
            (400, Verdict::Refused),
            (401, Verdict::Failed(None)),
            (403, Verdict::Failed(None)),
            (404, Verdict::Failed(None)),
            (405, Verdict::Failed(None)),
            (408, Verdict::Failed(None)),
            (410, Verdict::Gone),
            (413, Verdict::TooLarge),
            (415, Verdict::Refused),
            (422, Verdict::Refused),
            (425, Verdict::Failed(None)),
            (429, Verdict::Failed(None)),
            (500, Verdict::Failed(None)),
            (503, Verdict::Failed(None)),
            (599, Verdict::Failed(None)),
            (100, Verdict::Failed(None)),
        ] {
            assert_eq!(verdict(status, None), meaning, "{status}");
        }
        let hours = Some(Duration::from_hours(5));
        assert_eq!(verdict(503, hours), Verdict::Failed(Some(LONGEST_WAIT)));
    }

    #[test]
    fn names_of_failures_lead_back() {
        for code in FailureCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(code));
        }
        assert!("target_unheard_of".parse::<FailureCode>().is_err());
    }
}
