//! Many WebSocket connections on one thread, read as cheaply as it goes: one buffer for all, frames parsed in place.
//!
//! On loopback a client costs as much as the server. What a reader does with a batch is the sink's business.

use std::io::{self, Read as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::address::{Spread, Target};
use crate::clock::{self, SECOND};
use crate::frame::{self, Kind, read_frame};
use crate::handshake::upgraded;
use crate::http::read_answer;
use crate::message::{ENVELOPE, Told, told};

/// Holds the largest frame, a batch of 1 MiB, and what follows it.
const BUFFER: usize = 2 << 20;
/// A sink is asked so often whether it has enough, also when nothing comes.
const TURN: Duration = Duration::from_millis(20);
/// Handshakes under way at once: less than the server's backlog, so that none waits for the kernel's second try.
const HANDSHAKES: usize = 512;
/// All connections together may take so long to be subscribed.
const PATIENCE: u64 = 60 * SECOND;

/// What is done with what arrives.
pub trait Sink {
    /// A batch: the whole envelope. `now` is when it had been read.
    fn batch(&mut self, connection: usize, envelope: &[u8], now: u64);
    /// Anything else.
    fn told(&mut self, connection: usize, told: Told);
    /// The connection ended, and why.
    fn closed(&mut self, connection: usize, why: String);
    /// Asked after every turn; true ends the loop.
    fn enough(&mut self, now: u64) -> bool;
}

/// Which connections to open.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where.
    pub target: Target,
    /// From where.
    pub spread: Spread,
    /// How many.
    pub connections: usize,
    /// What they send first, in turn.
    pub requests: Vec<Vec<u8>>,
}

/// What reading took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Work {
    /// Calls of `read` that brought something.
    pub reads: u64,
    /// Frames.
    pub frames: u64,
    /// Bytes.
    pub bytes: u64,
}

impl std::ops::AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.reads += other.reads;
        self.frames += other.frames;
        self.bytes += other.bytes;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Upgrading,
    Open,
    Closed,
}

struct Connection {
    stream: TcpStream,
    state: State,
    /// The start of a frame that is not whole.
    carry: Vec<u8>,
}

/// The loop and its connections.
struct Subscriber<'a, S> {
    poll: Poll,
    connections: Vec<Connection>,
    upgrading: usize,
    buffer: Vec<u8>,
    work: Work,
    sink: &'a mut S,
}

/// Opens the connections and reads until the sink has enough.
///
/// # Errors
///
/// If a connection can't be opened, or is refused.
pub fn run(plan: &Plan, sink: &mut impl Sink) -> anyhow::Result<Work> {
    let mut subscriber = Subscriber {
        poll: Poll::new()?,
        connections: Vec::with_capacity(plan.connections),
        upgrading: 0,
        buffer: vec![0; BUFFER],
        work: Work::default(),
        sink,
    };
    let mut events = Events::with_capacity(4096);
    let begun = clock::now();
    loop {
        subscriber.open(plan)?;
        let opening = subscriber.connections.len() < plan.connections;
        if (opening || subscriber.upgrading > 0) && clock::now() - begun > PATIENCE {
            bail!(
                "{} of {} connections are open after {} s",
                subscriber.connections.len() - subscriber.upgrading,
                plan.connections,
                PATIENCE / SECOND
            );
        }
        match subscriber.poll.poll(&mut events, Some(TURN)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in &events {
            subscriber.ready(event.token().0)?;
        }
        if subscriber.sink.enough(clock::now()) {
            subscriber.close();
            return Ok(subscriber.work);
        }
    }
}

impl<S: Sink> Subscriber<'_, S> {
    /// Opens more connections, as many as may be under way.
    fn open(&mut self, plan: &Plan) -> anyhow::Result<()> {
        while self.connections.len() < plan.connections && self.upgrading < HANDSHAKES {
            let index = self.connections.len();
            let stream = plan.target.connect(plan.spread, index);
            let stream = stream.with_context(|| format!("connection {index} to {}", plan.target.host))?;
            let mut stream = TcpStream::from_std(stream);
            self.poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
            // A fresh socket takes a whole request.
            let request = plan.requests.get(index % plan.requests.len().max(1));
            stream.write_all(request.context("no request")?).context("the handshake")?;
            self.connections.push(Connection { stream, state: State::Upgrading, carry: Vec::new() });
            self.upgrading += 1;
        }
        Ok(())
    }

    fn ready(&mut self, index: usize) -> anyhow::Result<()> {
        while self.connections[index].state != State::Closed {
            let connection = &mut self.connections[index];
            let carried = connection.carry.len();
            self.buffer[..carried].copy_from_slice(&connection.carry);
            let room = self.buffer.len() - carried;
            let read = match connection.stream.read(&mut self.buffer[carried..]) {
                Ok(0) => return self.end(index, "the server hung up"),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return self.end(index, &error.to_string()),
            };
            self.work.reads += 1;
            self.work.bytes += read as u64;
            let filled = carried + read;
            let taken = self.take(index, filled)?;
            let connection = &mut self.connections[index];
            if taken < filled || carried > 0 {
                connection.carry.clear();
                connection.carry.extend_from_slice(&self.buffer[taken..filled]);
            }
            // Less than asked for: the socket is empty, and says so when there is more.
            if read < room {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Takes every whole frame out of the buffer; how many bytes they were.
    fn take(&mut self, index: usize, filled: usize) -> anyhow::Result<usize> {
        let now = clock::now();
        let mut at = 0;
        if self.connections[index].state == State::Upgrading {
            let Some(answer) = read_answer(&self.buffer[..filled])? else { return Ok(0) };
            if !upgraded(&answer) {
                bail!(
                    "the upgrade was answered with {}: {}",
                    answer.status,
                    String::from_utf8_lossy(answer.body)
                );
            }
            at = answer.length;
            self.connections[index].state = State::Open;
            self.upgrading -= 1;
        }
        loop {
            let frame = match read_frame(&self.buffer[at..filled]) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(at),
                Err(unexpected) => bail!("connection {index}: a frame with {:#04x}", unexpected.0),
            };
            at += frame.length;
            self.work.frames += 1;
            match frame.kind {
                Kind::Text if frame.payload.starts_with(ENVELOPE) => {
                    self.sink.batch(index, frame.payload, now);
                }
                Kind::Text => self.sink.told(index, told(frame.payload)),
                Kind::Ping => {
                    let pong = frame::pong(frame.payload);
                    // Nothing else is ever written here, so there is room; else the next ping fares better.
                    let _ = self.connections[index].stream.write(&pong);
                }
                Kind::Pong => {}
                Kind::Close => {
                    let (code, reason) = frame.payload.split_at_checked(2).unwrap_or_default();
                    let code = code.iter().fold(0, |code, &byte| (code << 8) | u32::from(byte));
                    let why = format!("closed with {code}: {}", String::from_utf8_lossy(reason));
                    self.end(index, &why)?;
                    return Ok(filled);
                }
            }
        }
    }

    fn end(&mut self, index: usize, why: &str) -> anyhow::Result<()> {
        let connection = &mut self.connections[index];
        if connection.state == State::Upgrading {
            bail!("connection {index} was not upgraded: {why}");
        }
        if connection.state == State::Open {
            connection.state = State::Closed;
            connection.carry = Vec::new();
            self.poll.registry().deregister(&mut connection.stream)?;
            self.sink.closed(index, why.to_owned());
        }
        Ok(())
    }

    /// Says good-bye, so that the server does not take us for a lost peer.
    fn close(&mut self) {
        let close = frame::close();
        for connection in self.connections.iter_mut().filter(|connection| connection.state == State::Open) {
            let _ = connection.stream.write(&close);
        }
    }
}
