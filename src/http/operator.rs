use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::response::Response;

use super::reader::check_origin;
use super::{App, answer};
use crate::auth::Principal;
use crate::protocol::Code;

/// Who asks for what is not an event; `None` where nobody needs a token.
///
/// # Errors
///
/// The answer: a page of another site, or no known token.
#[expect(clippy::result_large_err, reason = "an answer is made at once, and rarely")]
pub(super) fn reader<'a>(app: &'a App, headers: &HeaderMap) -> Result<Option<&'a Principal>, Response> {
    check_origin(headers, &app.allowed_origins).map_err(|(code, message)| answer::error(code, message))?;
    if app.tokens.is_empty() {
        return Ok(None);
    }
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let known = shown.and_then(|token| app.tokens.principal(token)).map(|principal| &**principal);
    known
        .map(Some)
        .ok_or_else(|| answer::error(Code::Unauthenticated, "a token is needed: Authorization: Bearer …"))
}

/// The same of who may change what is the operator's.
///
/// # Errors
///
/// The answer, also to a token without `admin`.
#[expect(clippy::result_large_err, reason = "an answer is made at once, and rarely")]
pub(super) fn operator<'a>(app: &'a App, headers: &HeaderMap) -> Result<Option<&'a Principal>, Response> {
    match reader(app, headers)? {
        Some(principal) if !principal.admin => {
            Err(answer::error(Code::Forbidden, "a token with admin = true is needed"))
        }
        principal => Ok(principal),
    }
}
