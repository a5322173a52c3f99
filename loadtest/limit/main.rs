//! The physical limit: what a post becomes is written to every socket with plain writes, and nothing else is done.
//!
//! No filter, no window, no disk, no ping, and no position to come back to. Events of one post share batches of the size
//! that the last reader asked for, else each is a message of its own. What TCP costs is left, so a gateway's figures can
//! be compared with it. Everything that waits for a socket lies side by side, so one `write` does what `writev` would.

mod frames;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::Parser;
use frames::Frames;
use loadtest::frame::text_header;
use loadtest::handshake::ACCEPT;
use loadtest::inbound::{Connection, Inbound};
use loadtest::sockets;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};

const LISTENER: Token = Token(usize::MAX);

/// A bare sender, driven by `loadtest fanout`.
#[derive(Parser)]
struct Options {
    /// Where to listen; the address is printed.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A write for each message, instead of one for all that wait.
    #[arg(long)]
    per_message: bool,
    /// Leave out every so-manyeth event, so that it can be seen that a run tells it. 0: none.
    #[arg(long, default_value_t = 0)]
    lose: u64,
    /// It ends by itself after so long.
    #[arg(long, default_value_t = 900)]
    seconds: u64,
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    let mut poll = Poll::new()?;
    let mut listener = listen(options.listen)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("{}", listener.local_addr()?);
    let mut sender = Sender::new(options.per_message, options.lose);
    let mut events = Events::with_capacity(4096);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(options.seconds) {
        sockets::wait(&mut poll, &mut events, Duration::from_secs(1))?;
        for event in &events {
            match event.token() {
                LISTENER => sender.inbound.accept(&listener, poll.registry())?,
                Token(index) => sender.ready(index, event.is_writable()),
            }
        }
        sender.send_all();
    }
    Ok(())
}

/// With room for all handshakes at once: else the kernel drops some, and they come again after a second.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(4096)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// What is known of a connection.
#[derive(Default)]
struct Reader {
    /// It reads, and has everything up to here.
    sent: Option<u64>,
    /// Its socket is full.
    full: bool,
}

/// All connections, and what has not gone to all of them.
struct Sender {
    per_message: bool,
    inbound: Inbound<Reader>,
    frames: Frames,
    waiting: Vec<u8>,
    /// The offset of the first waiting byte.
    base: u64,
    /// Where waiting frames end.
    ends: Vec<u64>,
}

impl Sender {
    fn new(per_message: bool, lose: u64) -> Self {
        Self {
            per_message,
            inbound: Inbound::new(0, Interest::READABLE | Interest::WRITABLE),
            frames: Frames::new(lose),
            waiting: Vec::new(),
            base: 0,
            ends: Vec::new(),
        }
    }

    fn ready(&mut self, index: usize, writable: bool) {
        let Self { inbound, frames, waiting, base, ends, .. } = self;
        if let Some(connection) = inbound.get(index) {
            connection.state.full &= !writable;
        }
        inbound.receive(index, |stream, reader, request| {
            let mut answer = Vec::new();
            if request.upgrades {
                reader.sent = Some(*base + waiting.len() as u64);
                frames.size = batch_size(request.path).unwrap_or(1);
                answer.extend_from_slice(
                    format!(
                        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
                    )
                    .as_bytes(),
                );
                let subscribed = format!(
                    "{{\"subscribed\":{{\"filter\":\"true\",\"position\":\"{}\"}}}}",
                    frames.position()
                );
                text_header(subscribed.len(), &mut answer);
                answer.extend_from_slice(subscribed.as_bytes());
            } else if reader.sent.is_none() {
                let body = frames.write(request.body, *base, waiting, ends);
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                answer.extend_from_slice(head.as_bytes());
                answer.extend_from_slice(body.as_bytes());
            }
            // Short, to a socket with nothing in it.
            let _ = stream.write_all(&answer);
            !request.upgrades
        });
    }

    /// One pass over all sockets: everything that waits, in one write for each or one a message.
    fn send_all(&mut self) {
        let end = self.base + self.waiting.len() as u64;
        let mut least = end;
        for Connection { stream, state: Reader { sent, full }, .. } in self.inbound.all() {
            let Some(sent) = sent else { continue };
            while *sent < end && !*full {
                let until =
                    if self.per_message { self.ends[self.ends.partition_point(|e| e <= sent)] } else { end };
                let place = |offset: u64| usize::try_from(offset - self.base).unwrap_or(0);
                match stream.write(&self.waiting[place(*sent)..place(until)]) {
                    Ok(written) => *sent += written as u64,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => *full = true,
                    Err(_) => break,
                }
            }
            least = least.min(*sent);
        }
        if least == end {
            self.waiting.clear();
            self.ends.clear();
            self.base = end;
        }
    }
}

/// Events in a batch, if a path asks for a number.
fn batch_size(path: &str) -> Option<usize> {
    let (_, query) = path.split_once('?')?;
    query.split('&').find_map(|parameter| parameter.strip_prefix("batch_size=")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_how_many_events_a_batch_has() {
        assert_eq!(batch_size("/v1/ws?filter=a&batch_size=70&x=1"), Some(70));
        assert_eq!((batch_size("/v1/ws?x=1"), batch_size("/v1/ws")), (None, None));
    }
}
