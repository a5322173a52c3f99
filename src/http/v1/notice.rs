use serde::Deserialize;
use serde_json::Value;

use crate::http::App;
use crate::http::error::Answer;
use crate::http::extract::{Body, bad};
use crate::message::{JsonFault, Object};

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
        let notice = serde_json::from_slice::<Object<Self>>(&body).map_err(|error| {
            let why = format!("not {{\"data\":…}}: {}", JsonFault(&error.to_string()));
            bad(why)
        });
        Ok(notice?.0)
    }
}
