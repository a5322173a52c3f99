use std::sync::Arc;

use axum::extract::State;

use super::App;
use super::error::Answer;
use super::extract::{Handshake, Peer, Socket};
use crate::delivery::connection::echo;

/// `/echo`, in builds with the feature `echo` alone: sends back what it gets, on the same path.
pub(super) async fn connect(State(app): State<Arc<App>>, peer: Peer, handshake: Handshake) -> Answer {
    let mut ticket = app.connections.admit(peer.client())?;
    peer.hold();
    Ok(handshake.accept(move |Socket { stream, permit, early, deflate }| {
        ticket.keep(permit);
        echo(stream, early, deflate, peer.address, ticket)
    }))
}
