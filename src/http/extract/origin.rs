use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

use crate::http::error::ApiError;
use crate::protocol::Code;

/// A page of another site may not ride on its visitor's browser. Who sends no `Origin` is no browser.
pub(super) fn check(headers: &HeaderMap, allowed: &[String]) -> Result<(), ApiError> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let own = ["http://", "https://"].iter().any(|scheme| origin.strip_prefix(scheme) == Some(host));
    if (own && !host.is_empty()) || allowed.iter().any(|allowed| allowed == origin) {
        return Ok(());
    }
    Err(ApiError::new(Code::OriginDenied, "pages of this origin may not connect; see allowed_origins"))
}
