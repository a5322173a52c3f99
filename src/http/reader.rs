use std::sync::Arc;

use axum::http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use data_encoding::BASE64URL_NOPAD;

use super::App;
use crate::delivery::connection::Reader;
use crate::filter::Filter;
use crate::protocol::Code;

/// Who reads: by header, or from a browser, which can't set one, by a subprotocol beside the real one.
pub(super) fn authenticate(app: &App, headers: &HeaderMap) -> Result<Reader, (Code, &'static str)> {
    check_origin(headers, &app.allowed_origins)?;
    let (options, recent) = (Arc::clone(&app.filters), Arc::clone(&app.recent_filters));
    if app.tokens.is_empty() {
        return Ok(Reader { principal: None, rights: Filter::all(), options, recent, feed: None });
    }
    let refused = (Code::Unauthenticated, "a token is needed: Authorization: Bearer …");
    let by_header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let by_protocol = tokens(headers, &SEC_WEBSOCKET_PROTOCOL).find_map(|p| p.strip_prefix("bearer."));
    let token = match (by_header, by_protocol) {
        (Some(token), _) => token.to_owned(),
        (None, Some(encoded)) => {
            let decoded = BASE64URL_NOPAD.decode(encoded.as_bytes()).map_err(|_| refused)?;
            String::from_utf8(decoded).map_err(|_| refused)?
        }
        (None, None) => return Err(refused),
    };
    let principal = app.tokens.principal(&token).ok_or(refused)?;
    let rights = match &principal.cloud {
        None => Filter::all(),
        Some(cloud) => {
            let shorthand = serde_json::json!({ "cloud_id": cloud });
            Filter::from_json(&shorthand, &app.filters).map_err(|_| refused)?
        }
    };
    Ok(Reader { principal: Some(Arc::clone(principal)), rights, options, recent, feed: None })
}

/// A page of another site may not ride on its visitor's browser. Who sends no `Origin` is no browser.
pub(super) fn check_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), (Code, &'static str)> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let own = ["http://", "https://"].iter().any(|scheme| origin.strip_prefix(scheme) == Some(host));
    if (own && !host.is_empty()) || allowed.iter().any(|allowed| allowed == origin) {
        return Ok(());
    }
    Err((Code::OriginDenied, "pages of this origin may not connect; see allowed_origins"))
}

/// The parts of a header's values.
pub(super) fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}
