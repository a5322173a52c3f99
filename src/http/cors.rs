use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::gate::Origin;

/// How long a browser may remember what it was told.
const REMEMBERED: Duration = Duration::from_hours(1);

/// What a browser must hear before it lets pages of these origins read, with these methods. The gateway's own pages need
/// none of it, and whether an origin may ask at all is decided at the gate.
pub(super) fn layer<const N: usize>(origins: &Arc<[Origin]>, methods: [Method; N]) -> CorsLayer {
    let origins = Arc::clone(origins);
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |told, _| {
            origins.iter().any(|origin| origin.is_told_by(told.as_bytes()))
        }))
        .allow_methods(methods)
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, HeaderName::from_static("last-event-id")])
        .expose_headers([RETRY_AFTER, HeaderName::from_static("tagcast-position")])
        .max_age(REMEMBERED)
}
