//! What the modules above refuse, as a response.

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::ALLOW;

use super::{ApiError, status};
use crate::bus;
use crate::delivery::connection::{self, filter_error, start_error};
use crate::delivery::trigger::TriggerError;
use crate::filter::FilterError;
use crate::ingest::{CatalogError, QuarantineError, Refusal};
use crate::limits::Busy;
use crate::limits::seldom;
use crate::log::{AppendError, ReadError};
use crate::protocol::{BadRequest, Code, ErrorBody};
use crate::trigger::DefinitionError;

/// What a client is told where storage fails; the diagnostics say how.
const UNREAD: &str = "storage failed to read";

impl From<ErrorBody> for ApiError {
    /// Codes that only filters have are the caller's fault.
    fn from(body: ErrorBody) -> Self {
        let code = Code::ALL.into_iter().find(|code| code.as_str() == body.code);
        Self { status: code.map_or(StatusCode::BAD_REQUEST, status), body, headers: Vec::new(), wait: None }
    }
}

impl From<BadRequest> for ApiError {
    fn from(BadRequest { code, message, .. }: BadRequest) -> Self {
        Self::new(code, message)
    }
}

impl From<FilterError> for ApiError {
    fn from(error: FilterError) -> Self {
        filter_error(&error).into()
    }
}

impl From<Busy> for ApiError {
    fn from(busy: Busy) -> Self {
        Self::new(Code::Overloaded, busy.to_string()).retry_after(Duration::from_secs(1))
    }
}

impl From<bus::StartError> for ApiError {
    fn from(error: bus::StartError) -> Self {
        start_error(&error).into()
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        seldom!(error, %error, "what a request asks for can't be read");
        Self::new(Code::StorageFailed, UNREAD)
    }
}

impl From<AppendError> for ApiError {
    fn from(error: AppendError) -> Self {
        Refusal::from(error).into()
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let error = Self::new(refusal.code(), refusal.to_string());
        match refusal {
            Refusal::RateLimited(wait) | Refusal::CredentialsRate(wait) => error.retry_after(wait),
            Refusal::Method => error.with(ALLOW, "POST"),
            _ => error,
        }
    }
}

impl From<QuarantineError> for ApiError {
    fn from(error: QuarantineError) -> Self {
        match error {
            QuarantineError::NotFound => Self::new(Code::NotFound, error.to_string()),
            QuarantineError::NoSource(_) => Self::new(Code::Conflict, error.to_string()),
            QuarantineError::Refusal(refusal) => refusal.into(),
            QuarantineError::Unread(why) => {
                seldom!(error, why, "the quarantine can't be read");
                Self::new(Code::StorageFailed, UNREAD)
            }
        }
    }
}

impl From<CatalogError> for ApiError {
    fn from(error: CatalogError) -> Self {
        let message = error.to_string();
        match error {
            CatalogError::Busy => Self::new(Code::Overloaded, message).retry_after(Duration::from_secs(1)),
            CatalogError::Read(error) => error.into(),
            CatalogError::NoRegistry | CatalogError::NoRepository => Self::new(Code::NotFound, message),
            CatalogError::SeveralClouds(_) => Self::new(Code::BadRequest, message),
        }
    }
}

impl From<connection::Refusal> for ApiError {
    fn from(refusal: connection::Refusal) -> Self {
        let five = Duration::from_secs(5);
        match refusal {
            connection::Refusal::Overloaded => {
                Self::new(Code::Overloaded, "as many connections as there may be now").retry_after(five)
            }
            connection::Refusal::TooManyFromAddress => {
                Self::new(Code::TooManyConnections, "too many connections from this address")
                    .retry_after(five)
            }
            connection::Refusal::TooFast(wait) => {
                Self::new(Code::HandshakeRate, "too many handshakes from this address").retry_after(wait)
            }
            connection::Refusal::ShuttingDown => {
                Self::new(Code::ShuttingDown, "the gateway is stopping").retry_after(five)
            }
        }
    }
}

impl From<DefinitionError> for ApiError {
    fn from(invalid: DefinitionError) -> Self {
        invalid.body.into()
    }
}

impl From<TriggerError> for ApiError {
    fn from(error: TriggerError) -> Self {
        let message = error.to_string();
        match error {
            TriggerError::Invalid(invalid) => invalid.into(),
            TriggerError::NotFound | TriggerError::NoLetter => Self::new(Code::NotFound, message),
            TriggerError::NoRoom => Refusal::StorageLow.into(),
            TriggerError::InSettings | TriggerError::Conflict(_) | TriggerError::SeveralClouds(_) => {
                Self::new(Code::Conflict, message)
            }
            TriggerError::TooMany(_) | TriggerError::TooManyOfOne(_) => {
                Self::new(Code::QuotaExceeded, message)
            }
            TriggerError::Busy(busy) => busy.into(),
            TriggerError::Storage(error) => {
                seldom!(error, %error, "what triggers keep can't be read or written");
                Self::new(Code::StorageFailed, "what triggers keep can't be read or written")
            }
        }
    }
}
