use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::SEC_WEBSOCKET_PROTOCOL;
use axum::http::request::Parts;
use data_encoding::BASE64URL_NOPAD;

use super::Peer;
use super::caller::{bearer, principal, unauthenticated};
use crate::delivery::connection::Reader;
use crate::filter::Filter;
use crate::header::items;
use crate::http::App;
use crate::http::error::ApiError;
use crate::limits::Customer;

/// Who reads events, with a token in `Authorization` where one is needed; or, since a browser can't set that at a
/// WebSocket, in a subprotocol beside the real one.
pub(crate) struct EventReader(pub(crate) Reader);

impl FromRequestParts<Arc<App>> for EventReader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let principal = principal(app, parts, token(&parts.headers).as_deref())?.cloned();
        let peer = Peer::from_request_parts(parts, app).await.map_err(|_| unauthenticated())?;
        let who = match &principal {
            Some(principal) => Customer::Reader(principal.name.clone()),
            None => Customer::at(peer.client()),
        };
        let rights = principal.as_ref().map_or_else(|| Ok(Filter::all()), |p| p.rights(&app.filters));
        Ok(Self(Reader {
            principal,
            rights: rights.map_err(|_| unauthenticated())?,
            options: Arc::clone(&app.filters),
            recent: Arc::clone(&app.recent_filters),
            allowance: app.bus.allowance(who),
            feed: None,
        }))
    }
}

fn token(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    bearer(headers).map(Cow::Borrowed).or_else(|| {
        let encoded =
            items(headers, &SEC_WEBSOCKET_PROTOCOL).find_map(|item| item.strip_prefix("bearer."))?;
        let decoded = BASE64URL_NOPAD.decode(encoded.as_bytes()).ok()?;
        String::from_utf8(decoded).ok().map(Cow::Owned)
    })
}
