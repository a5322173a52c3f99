use std::time::Duration;

use axum::Json;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{ALLOW, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use percent_encoding::percent_decode_str;
use serde_json::json;

use crate::ingest::Rejected;
use crate::protocol::{BadRequest, Code, ErrorBody};

/// An error as every HTTP answer has it: `{"error":{"code":…,"message":…,"details":…}}`.
pub(super) fn error(code: Code, message: &str) -> Response {
    let mut response = from_body(status(code), &ErrorBody::new(code, message));
    if code == Code::Unauthenticated {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Refuses a path that is no text, before a handler does so in a form of its own.
pub(super) async fn readable(request: Request, next: Next) -> Response {
    if percent_decode_str(request.uri().path()).decode_utf8().is_err() {
        return error(Code::BadRequest, "the path is no UTF-8");
    }
    next.run(request).await
}

/// The same with a body of its own.
pub(super) fn from_body(status: StatusCode, body: &ErrorBody) -> Response {
    (status, Json(json!({ "error": body }))).into_response()
}

/// A request that makes no sense.
pub(super) fn bad_request(BadRequest { code, message, .. }: BadRequest) -> Response {
    error(code, &message)
}

/// An error, and when to come again.
pub(super) fn retry(code: Code, message: &str, after: Duration) -> Response {
    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    let mut response = error(code, message);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

fn status(code: Code) -> StatusCode {
    match code {
        Code::Unauthenticated | Code::SourceUnauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden | Code::SourceForbidden | Code::OriginDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
        Code::Conflict => StatusCode::CONFLICT,
        Code::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::MalformedEvent => StatusCode::UNPROCESSABLE_ENTITY,
        Code::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
        Code::HandshakeRate | Code::RateLimited | Code::SourceRateLimited | Code::TooManyConnections => {
            StatusCode::TOO_MANY_REQUESTS
        }
        Code::AckTimeout
        | Code::AuthUnavailable
        | Code::Overloaded
        | Code::ShuttingDown
        | Code::StorageFailed
        | Code::StorageLow
        | Code::Warming => StatusCode::SERVICE_UNAVAILABLE,
        Code::AlreadySubscribed
        | Code::BadRequest
        | Code::Gap
        | Code::InvalidAfter
        | Code::InvalidBatch
        | Code::InvalidFilter
        | Code::InvalidFormat
        | Code::InvalidId
        | Code::NotSubscribed
        | Code::PositionAhead
        | Code::TooManySubscriptions => StatusCode::BAD_REQUEST,
    }
}

/// The answer to a refused notification. Whatever may pass says when to come again, a little
/// different for each, so that those who were refused together do not come back together.
pub(super) fn rejected(rejected: &Rejected) -> Response {
    let (code, message) = (rejected.code(), rejected.to_string());
    match rejected {
        Rejected::RateLimited(wait) => retry(code, &message, *wait),
        Rejected::Method => {
            let mut response = error(code, &message);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            response
        }
        _ if status(code) == StatusCode::SERVICE_UNAVAILABLE => {
            retry(code, &message, Duration::from_secs(rand::random_range(1..=5)))
        }
        _ => error(code, &message),
    }
}
