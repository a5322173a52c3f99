mod refusals;

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::event_source::Passing;
use crate::message::to_line;
use crate::protocol::{Code, ErrorBody, Recovery};

/// Why a request is not answered as it wishes. As a response it is
/// `{"error":{"code":…,"message":…,"details":…}}` with the status of its code.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: ErrorBody,
    /// What goes with it: when to come again, which methods there are.
    headers: Vec<(HeaderName, HeaderValue)>,
    /// When to come again, if that was said.
    wait: Option<Duration>,
}

/// What a handler returns.
pub(crate) type Answer<T = Response> = Result<T, ApiError>;

impl ApiError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        let error = Self {
            status: status(code),
            body: ErrorBody::new(code, message),
            headers: Vec::new(),
            wait: None,
        };
        match code {
            Code::Unauthenticated => error.with(WWW_AUTHENTICATE, "Bearer"),
            _ => error,
        }
    }

    pub(crate) fn code(&self) -> &'static str {
        self.body.code
    }

    pub(crate) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, HeaderValue::from_static(value)));
        self
    }

    /// Says when to come again: in whole seconds, rounded up, at least one.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.headers.push((RETRY_AFTER, HeaderValue::from(seconds.max(1))));
        self.wait = Some(Duration::from_secs(seconds.max(1)));
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(mut self) -> Response {
        let code = Code::parse(self.body.code).filter(|code| code.recovery() != Recovery::Never);
        if code.is_some() && self.wait.is_none() {
            // A little different for each, so that those who were refused together do not come back together.
            self = self.retry_after(Duration::from_secs(rand::random_range(1..=5)));
        }
        // Plain structs with string keys: nothing that serde_json can refuse.
        let json = to_line(&json!({ "error": &self.body })).unwrap_or_default();
        let mut response = (self.status, [(CONTENT_TYPE, "application/json")], json).into_response();
        response.headers_mut().extend(self.headers);
        if let Some(code) = code {
            response.extensions_mut().insert(Passing { code, wait: self.wait });
        }
        response
    }
}

fn status(code: Code) -> StatusCode {
    match code {
        Code::Unauthenticated | Code::SourceUnauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden | Code::SourceForbidden | Code::OriginDenied | Code::HostDenied => {
            StatusCode::FORBIDDEN
        }
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
        Code::Conflict | Code::QuotaExceeded => StatusCode::CONFLICT,
        Code::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::MalformedEvent => StatusCode::UNPROCESSABLE_ENTITY,
        Code::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
        Code::CredentialsRate
        | Code::HandshakeRate
        | Code::RateLimited
        | Code::SourceRateLimited
        | Code::TooManyConnections => StatusCode::TOO_MANY_REQUESTS,
        Code::AckTimeout
        | Code::AuthUnavailable
        | Code::Overloaded
        | Code::ShuttingDown
        | Code::StorageFailed
        | Code::StorageLow
        | Code::Warming => StatusCode::SERVICE_UNAVAILABLE,
        Code::AlreadySubscribed
        | Code::BadRequest
        | Code::FilterStopped
        | Code::Gap
        | Code::InvalidAfter
        | Code::InvalidBatch
        | Code::InvalidFilter
        | Code::InvalidFormat
        | Code::InvalidId
        | Code::NotSubscribed
        | Code::PositionAhead
        | Code::TargetBlocked
        | Code::TargetInvalid
        | Code::TargetPort
        | Code::TargetScheme
        | Code::TooManySubscriptions => StatusCode::BAD_REQUEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_whole_seconds_and_never_as_none() {
        for (nanoseconds, told) in
            [(0, "1"), (1, "1"), (999_999_999, "1"), (1_000_000_000, "1"), (1_000_000_001, "2")]
        {
            let wait = Duration::from_nanos(nanoseconds);
            let response = ApiError::new(Code::Overloaded, "").retry_after(wait).into_response();
            assert_eq!(response.headers()[RETRY_AFTER], told, "{wait:?}");
        }
    }

    #[test]
    fn what_passes_says_when_to_come_again_and_nothing_else_does() {
        for code in Code::ALL {
            let response = ApiError::new(code, "").into_response();
            let passes = matches!(response.status().as_u16(), 408 | 429 | 503);
            let wait = response.headers().get(RETRY_AFTER).map(|wait| wait.to_str().unwrap().parse::<u64>());
            assert_eq!(wait.is_some(), passes, "{}", code.as_str());
            assert!(wait.is_none_or(|wait| (1..=5).contains(&wait.unwrap())), "{}", code.as_str());
        }
    }

    #[test]
    fn codes_of_filters_are_the_callers_fault_and_others_have_a_status_of_their_own() {
        let status = |code| ApiError::from(ErrorBody { code, ..ErrorBody::new(Code::BadRequest, "") }).status;
        for code in crate::filter::Code::ALL {
            assert_eq!(status(code.as_str()), StatusCode::BAD_REQUEST, "{}", code.as_str());
        }
        assert_eq!(status("storage_failed"), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status("forbidden"), StatusCode::FORBIDDEN);
    }
}
