use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::Notify;

use super::client::Client;
use super::{Connection, Peer, Plan, Reader, Ticket};
use crate::bus::Bus;
use crate::protocol::Framing;
use crate::transport::PeerAddress;

/// A request whose answer goes on for as long as its client stays.
pub(crate) struct StreamArrival {
    /// Who it is, and what it may read.
    pub reader: Reader,
    /// What it asks for.
    pub first: Plan,
    /// How it is answered.
    pub framing: Framing,
    /// Where it comes from.
    pub address: PeerAddress,
    /// It is told where it stands after so long without a message.
    pub heartbeat: Option<Duration>,
    /// Ends the TCP connection, should it be stuck.
    pub cut: Arc<Notify>,
}

/// Subscribes, and yields the body piece by piece. Whoever drops the body has left.
pub(crate) async fn stream(
    arrival: StreamArrival,
    ticket: Ticket,
    bus: Bus,
) -> impl Stream<Item = Bytes> + Send + 'static {
    let StreamArrival { reader, first, framing, address, heartbeat, cut } = arrival;
    let limits = Arc::clone(ticket.limits());
    let (principal, feed) = (reader.principal.clone(), reader.feed.clone());
    let peer = Peer { address, principal, framing, deflate: false, feed, heartbeat, cut: Some(cut) };
    let connection = ticket.open(None, peer);
    let client = Client::new(Arc::clone(&connection), bus, reader, limits);
    let mut stay = Stay { connection, parts: Some((client, ticket)) };
    if let Some((client, ..)) = &mut stay.parts {
        client.start(first).await;
    }
    unfold(stay, |stay| async move {
        let piece = poll_fn(|cx| stay.connection.outbox.poll_next(cx)).await?;
        Some((piece, stay))
    })
}

/// The client's stay: when it is dropped the subscription ends and the ticket is given back.
struct Stay {
    connection: Arc<Connection>,
    parts: Option<(Client, Ticket)>,
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.connection.outbox.abort();
        let Some((mut client, ticket)) = self.parts.take() else { return };
        let connection = Arc::clone(&self.connection);
        // Without a runtime the process is at its end, and nobody waits for this.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                client.leave().await;
                connection.leave();
                drop(ticket);
            });
        }
    }
}
