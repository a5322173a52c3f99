use super::App;
use super::error::Answer;
use super::extract::{Handshake, Peer, Socket, bad, heartbeat, is_subscription, stream_query, subscription};
use crate::delivery::connection::{Arrival, Plan, Reader, serve};

/// Upgrades the connection of a reader; everything that can be refused is refused while it is still HTTP. The URL may
/// ask for a first subscription. One that listens to a feed gets that whatever the URL says. That it is no handshake is
/// said last: a browser hides the answer to a handshake, so its page asks for the same without one to learn the reason.
pub(super) async fn open(
    app: &App,
    reader: Reader,
    peer: Peer,
    handshake: Answer<Handshake>,
    query: Option<&str>,
) -> Answer {
    let mut ticket = app.admit(&peer)?;
    let feed = reader.feed.as_deref();
    let parameters = stream_query(query, feed.is_some())?;
    if parameters.get("error").is_some() {
        return Err(bad("'error' is for server-sent events").into());
    }
    let heartbeat = heartbeat(&parameters)?;
    let handshake = handshake?;
    let heartbeat = heartbeat.or_else(|| handshake.by_page.then(|| app.connections.limits().heartbeat));
    let first = if feed.is_some() || query.is_some_and(is_subscription) {
        let wanted = subscription(&parameters, feed, None)?;
        Some(Plan::new(wanted, &reader, &app.bus).await?)
    } else {
        None
    };
    let bus = app.bus.clone();
    peer.hold();
    Ok(handshake.accept(move |Socket { stream: socket, permit, early, deflate }| {
        ticket.keep(permit);
        serve(
            Arrival { socket, early, deflate, reader, first, address: peer.address, heartbeat },
            ticket,
            bus,
        )
    }))
}
