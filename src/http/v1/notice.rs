use serde::Deserialize;
use serde_json::Value;

use crate::http::App;
use crate::http::error::Answer;
use crate::http::extract::{Body, bad};

/// What an operator sends to clients.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notice {
    pub data: Value,
}

impl Notice {
    /// Reads one; it has no more bytes than a client's own message may have.
    pub(crate) async fn read(app: &App, body: Body) -> Answer<Self> {
        let body = body.read(app.connections.limits().message).await?;
        Ok(serde_json::from_slice(&body).map_err(|error| bad(format!("not {{\"data\":…}}: {error}")))?)
    }
}
