use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;

use crate::http::error::Answer;
use crate::http::extract::{EventReader, Handshake, Peer, Ready};
use crate::http::{App, websocket};

/// `/v1/ws`
pub(crate) async fn connect(
    State(app): State<Arc<App>>,
    _: Ready,
    EventReader(reader): EventReader,
    handshake: Answer<Handshake>,
    peer: Peer,
    uri: Uri,
) -> Answer {
    websocket::open(&app, reader, peer, handshake, uri.query()).await
}
