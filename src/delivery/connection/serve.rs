use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use socket2::SockRef;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::ConnectionLimits;
use super::commands::{Client, Prepared, Reader};
use super::outbox::Outbox;
use super::socket::Socket;
use super::table::{Connection, Ticket, Who};
use crate::bus::Bus;
use crate::protocol::{Close, Framing};

/// How long a client has to take what waits and say good-bye.
pub(super) const LINGER: Duration = Duration::from_secs(2);
/// One read's worth of the socket; tungstenite keeps as much per connection.
const READ_BUFFER: usize = 1_024;

/// A connection as it comes from the HTTP server, upgraded.
pub struct Arrival {
    /// The socket.
    pub tcp: TcpStream,
    /// What the client sent behind its handshake already.
    pub early: Vec<u8>,
    /// Whether it and we may compress.
    pub deflate: bool,
    /// Who it is, and what it may read.
    pub reader: Reader,
    /// The subscription in its URL.
    pub first: Option<Prepared>,
    /// Where it comes from.
    pub address: SocketAddr,
}

/// Serves one client until it, or the gateway, ends the connection.
pub async fn serve(arrival: Arrival, ticket: Ticket, bus: Bus) {
    let Arrival { tcp, early, deflate, reader, first, address } = arrival;
    let (tcp, limits) = (Arc::new(tcp), ticket.limits());
    let outbox = Arc::new(Outbox::new(Some(Arc::clone(&tcp)), limits.outbox_bytes, limits.outbox_frames));
    let principal = reader.principal.clone();
    let who = Who { address, principal, framing: Framing::WebSocket, deflate, cut: None };
    let connection = ticket.open(Arc::clone(&outbox), who);
    let (socket, early) = Socket::new(&tcp, &outbox, early, deflate.then_some(limits.message));
    let frames =
        WebSocketStream::from_partially_read(socket, early, Role::Server, Some(reading(limits))).await;
    let mut client = Client::new(Arc::clone(&connection), bus, reader, limits.clone());
    {
        let talk = async {
            if let Some(first) = first {
                client.start(first).await;
            }
            listen(frames, &connection, &mut client).await;
        };
        tokio::select! {
            () = outbox.drain() => {}
            () = talk => { let _ = timeout(LINGER, outbox.drain()).await; }
        }
    }
    outbox.abort();
    client.leave().await;
    connection.leave();
    drop((client, connection, outbox));
    hang_up(tcp).await;
}

/// How tungstenite reads and buffers.
pub(super) fn reading(limits: &ConnectionLimits) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(limits.message))
        .max_frame_size(Some(limits.message))
}

/// Reads messages until the connection ends, and sees to the right end.
async fn listen(mut frames: WebSocketStream<Socket>, connection: &Connection, client: &mut Client) {
    while let Some(message) = frames.next().await {
        connection.hear();
        match message {
            Ok(Message::Text(text)) => client.obey(&text).await,
            Ok(Message::Binary(_)) => return connection.close(Close::BinaryNotSupported),
            // Answers to these are tungstenite's, with the next read.
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => {}
            Err(error) => return end(connection, &error),
        }
    }
    let _ = connection.outbox.end(None);
}

pub(super) fn end(connection: &Connection, error: &Error) {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => connection.close(Close::MessageTooBig),
        Error::Utf8(_) => connection.close(Close::InvalidUtf8),
        // A client that just went away broke no frame.
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => connection.outbox.abort(),
        Error::Protocol(_) => connection.close(Close::ProtocolError),
        _ => connection.outbox.abort(),
    }
}

/// Ends the TCP connection so that the client still reads what was sent: unread input would make the
/// kernel reset it.
pub(super) async fn hang_up(tcp: Arc<TcpStream>) {
    let Some(mut tcp) = Arc::into_inner(tcp) else { return };
    if SockRef::from(&tcp).shutdown(std::net::Shutdown::Write).is_err() {
        return;
    }
    let mut scratch = [0; READ_BUFFER];
    let drained = async { while tcp.read(&mut scratch).await.is_ok_and(|read| read > 0) {} };
    let _ = timeout(LINGER, drained).await;
}
