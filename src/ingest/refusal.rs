use std::time::Duration;

use crate::log::AppendError;
use crate::protocol::Code;
use crate::source::{self, Unreadable};

/// Why a request was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such source, or not its credentials: one answer for both.
    #[error("no such source, or wrong credentials")]
    Unauthenticated,
    /// The same, of a caller who failed too often.
    #[error("too many wrong credentials from this address")]
    CredentialsRate(Duration),
    /// The caller may not send there.
    #[error("this caller may not send to this source")]
    Forbidden,
    /// Neither POST nor a handshake's OPTIONS.
    #[error("notifications are sent by POST")]
    Method,
    /// Over the source's rate.
    #[error("over this source's rate")]
    RateLimited(Duration),
    /// The source is set to refuse what can't be read.
    #[error("{}", .0.message)]
    Malformed(Unreadable),
    /// Too much waits for the disk already.
    #[error("too much is waiting to be written")]
    Overloaded,
    /// The disk did not answer in time; the events may still become durable, and a repeat is recognised.
    #[error("not durable in time; send it again")]
    AckTimeout,
    /// The disk is full.
    #[error("no room on the disk")]
    StorageLow,
    /// The disk failed.
    #[error("storage failed")]
    StorageFailed,
    /// The gateway is stopping.
    #[error("the gateway is stopping")]
    ShuttingDown,
    /// Its registry's tags are being listed first.
    #[error("this source opens when its registry's tags are listed")]
    Warming,
    /// A key that the check needs could not be fetched.
    #[error("a key that the check needs is not at hand")]
    AuthUnavailable,
}

impl Refusal {
    /// The code of the answer.
    pub const fn code(&self) -> Code {
        match self {
            Self::Unauthenticated => Code::SourceUnauthenticated,
            Self::CredentialsRate(_) => Code::CredentialsRate,
            Self::Forbidden => Code::SourceForbidden,
            Self::Method => Code::MethodNotAllowed,
            Self::RateLimited(_) => Code::SourceRateLimited,
            Self::Malformed(_) => Code::MalformedEvent,
            Self::Overloaded => Code::Overloaded,
            Self::AckTimeout => Code::AckTimeout,
            Self::StorageLow => Code::StorageLow,
            Self::StorageFailed => Code::StorageFailed,
            Self::ShuttingDown => Code::ShuttingDown,
            Self::Warming => Code::Warming,
            Self::AuthUnavailable => Code::AuthUnavailable,
        }
    }
}

impl From<&source::Refusal> for Refusal {
    fn from(refusal: &source::Refusal) -> Self {
        match refusal {
            source::Refusal::Unauthenticated(_) => Self::Unauthenticated,
            source::Refusal::Forbidden(_) => Self::Forbidden,
            source::Refusal::Method => Self::Method,
            source::Refusal::NeedsKey(_) => Self::AuthUnavailable,
        }
    }
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::NoSpace => Self::StorageLow,
            AppendError::Failed(_) => Self::StorageFailed,
        }
    }
}
