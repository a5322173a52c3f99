use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::task::coop;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::client::Client;
use super::intake::TooMuch;
use super::outbox::Outbox;
use super::socket::Socket;
use super::{Connection, ConnectionLimits, Peer, Plan, Reader, Ticket};
use crate::bus::Bus;
use crate::protocol::{Close, Framing};
use crate::transport::{PeerAddress, Stream};

/// How long a client has to take what waits and say good-bye.
const LINGER: Duration = Duration::from_secs(2);
/// Bytes that a client may still send then, and of one read of them. Who sends more has no ear for what it was sent.
const LAST_WORDS: usize = 4 << 20;
const GULP: usize = 4 << 10;
/// One read's worth of the socket; tungstenite keeps as much per connection. Clients say little.
const READ_BUFFER: usize = 128;

/// A connection as it comes from the HTTP server, upgraded.
pub(crate) struct Arrival {
    /// The socket.
    pub socket: Stream,
    /// What the client sent behind its handshake already.
    pub early: Vec<u8>,
    /// Whether it and we may compress.
    pub deflate: bool,
    /// Who it is, and what it may read.
    pub reader: Reader,
    /// The subscription in its URL.
    pub first: Option<Plan>,
    /// Where it comes from.
    pub address: PeerAddress,
    /// It is told where it stands after so long without a message.
    pub heartbeat: Option<Duration>,
}

/// Starts the task that serves one client until it, or the gateway, ends the connection.
pub(crate) async fn serve(arrival: Arrival, ticket: Ticket, bus: Bus) {
    let Arrival { socket, early, deflate, reader, first, address, heartbeat } = arrival;
    let limits = Arc::clone(ticket.limits());
    let (principal, feed) = (reader.principal.clone(), reader.feed.clone());
    let peer = Peer { address, principal, framing: Framing::WebSocket, deflate, feed, heartbeat, cut: None };
    let connection = ticket.open(Some(socket), peer);
    let (socket, early) = Socket::new(&connection, early, deflate.then_some(limits.message));
    let frames =
        WebSocketStream::from_partially_read(socket, early, Role::Server, Some(reading(&limits))).await;
    let client = Box::new(Client::new(connection, bus, reader, limits));
    tokio::spawn(stay(frames, client, ticket, first.map(Box::new)));
}

/// A connection while it lasts. What it needs for a moment only must not lie with it while it waits: so boxes.
#[expect(clippy::manual_async_fn, reason = "an `async fn` may keep its arguments twice")]
fn stay(
    mut frames: WebSocketStream<Socket>,
    mut client: Box<Client>,
    ticket: Ticket,
    first: Option<Box<Plan>>,
) -> impl Future<Output = ()> + Send {
    async move {
        let connection = Arc::clone(&client.connection);
        let outbox = &connection.outbox;
        {
            let talk = async {
                if let Some(first) = first {
                    Box::pin(client.start(*first)).await;
                }
                listen(&mut frames, &mut client).await;
            };
            tokio::select! {
                () = poll_fn(|cx| outbox.poll_drain(cx)) => {}
                () = talk => say_goodbye(outbox).await,
            }
        }
        outbox.abort();
        Box::pin(client.leave()).await;
        connection.leave();
        drop((frames, client));
        Box::pin(hang_up(outbox)).await;
        drop(ticket);
    }
}

/// Lets the client take what waits, for a while.
pub(super) fn say_goodbye(outbox: &Outbox) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
    Box::pin(async {
        let _ = timeout(LINGER, poll_fn(|cx| outbox.poll_drain(cx))).await;
    })
}

/// How tungstenite reads and buffers.
pub(super) fn reading(limits: &ConnectionLimits) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(limits.message))
        .max_frame_size(Some(limits.message))
}

/// Does what the client says until the connection ends.
async fn listen(frames: &mut WebSocketStream<Socket>, client: &mut Client) {
    while let Some(text) = poll_fn(|cx| poll_text(frames, &client.connection, cx)).await {
        Box::pin(client.obey(text)).await;
    }
}

/// The client's next text. `None`: the connection ends, and it was seen to the right end.
fn poll_text(
    frames: &mut WebSocketStream<Socket>,
    connection: &Connection,
    cx: &mut Context<'_>,
) -> Poll<Option<Utf8Bytes>> {
    while let Some(message) = ready!(frames.poll_next_unpin(cx)) {
        connection.hear();
        match message {
            Ok(Message::Text(text)) => return Poll::Ready(Some(text)),
            // Answers to these are tungstenite's, with the next read.
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => continue,
            Ok(Message::Binary(_)) => connection.close(Close::BinaryNotSupported),
            Err(error) => end(connection, &error),
        }
        return Poll::Ready(None);
    }
    let _ = connection.outbox.end(None);
    Poll::Ready(None)
}

pub(super) fn end(connection: &Connection, error: &Error) {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => connection.close(Close::MessageTooBig),
        Error::Utf8(_) => connection.close(Close::InvalidUtf8),
        // A client that just went away broke no frame.
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => connection.outbox.abort(),
        Error::Protocol(_) => connection.close(Close::ProtocolError),
        Error::Io(error) if let Some(TooMuch(close)) = too_much(error) => connection.close(*close),
        _ => connection.outbox.abort(),
    }
}

fn too_much(error: &io::Error) -> Option<&TooMuch> {
    error.get_ref()?.downcast_ref()
}

/// Ends the connection so that the client still reads what was sent: unread input would make the
/// kernel reset it.
pub(super) async fn hang_up(outbox: &Outbox) {
    let Some(socket) = &outbox.socket else { return };
    if socket.finish().is_err() {
        return;
    }
    let mut scratch = vec![0; GULP];
    let drained = async {
        let mut heard = 0;
        while heard < LAST_WORDS && socket.readable().await.is_ok() {
            // Neither of the two waits while the client sends on, and then nobody else, nor the clock, had the thread.
            coop::consume_budget().await;
            match socket.try_read(&mut scratch) {
                Ok(read) if read > 0 => heard += read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => return,
            }
        }
    };
    let _ = timeout(LINGER, drained).await;
}
