use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::http::App;
use crate::http::error::ApiError;
use crate::protocol::Code;

/// How long who comes while the gateway stops should stay away.
const AWAY: Duration = Duration::from_secs(5);

/// The gateway takes requests: it is not stopping.
pub(crate) struct Ready;

impl FromRequestParts<Arc<App>> for Ready {
    type Rejection = ApiError;

    async fn from_request_parts(_: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let stopping = || ApiError::new(Code::ShuttingDown, "the gateway is stopping").retry_after(AWAY);
        app.is_ready().then_some(Self).ok_or_else(stopping)
    }
}
