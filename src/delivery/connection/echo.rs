use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::frames::Frames;
use super::serve::{end, hang_up, reading, say_goodbye};
use super::socket::Socket;
use super::{Connection, Peer, Ticket};
use crate::protocol::{Framing, text_frame};
use crate::transport::{PeerAddress, Stream};

/// Sends back every message, through the socket, the outbox and the end that every client has. It exists for
/// the conformance suite, in builds with the feature `echo`.
pub(crate) async fn echo(
    stream: Stream,
    early: Vec<u8>,
    deflate: bool,
    address: PeerAddress,
    ticket: Ticket,
) {
    let limits = Arc::clone(ticket.limits());
    let peer = Peer {
        address,
        principal: None,
        framing: Framing::WebSocket,
        deflate,
        feed: None,
        heartbeat: None,
        cut: None,
    };
    let connection = ticket.open(Some(stream), peer);
    let (socket, early) = Socket::new(&connection, early, deflate.then_some(limits.message));
    let frames =
        WebSocketStream::from_partially_read(socket, early, Role::Server, Some(reading(&limits))).await;
    let outbox = &connection.outbox;
    tokio::select! {
        () = poll_fn(|cx| outbox.poll_drain(cx)) => {}
        () = talk(frames, &connection) => say_goodbye(outbox).await,
    }
    outbox.abort();
    connection.leave();
    hang_up(outbox).await;
}

async fn talk(mut frames: WebSocketStream<Socket>, connection: &Connection) {
    while let Some(message) = frames.next().await {
        connection.hear();
        let frame: Bytes = match message {
            Ok(Message::Text(text)) => text_frame(text.into()),
            Ok(Message::Binary(bytes)) => {
                let mut frame = Vec::new();
                // A vector takes whatever is written to it.
                let _ = Frame::message(bytes, OpCode::Data(Data::Binary), true).format(&mut frame);
                frame.into()
            }
            Ok(_) => continue,
            Err(error) => return end(connection, &error),
        };
        connection.outbox.room().await;
        connection.outbox.push(connection.shared(&Frames::from(frame)).bytes().clone());
    }
    let _ = connection.outbox.end(None);
}
