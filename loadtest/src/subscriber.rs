//! Many WebSocket connections on one thread, read as cheaply as it goes: one buffer for all, frames parsed in place.
//!
//! On loopback a client costs as much as the server, and a client that sleeps until something comes makes each write of
//! the server wake a processor. So it takes what is there and then sleeps a little, whatever comes meanwhile. What a
//! reader does with a batch is the sink's business.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Registry, Token};
use serde::{Deserialize, Serialize};

use crate::address::{Spread, Target};
use crate::clock::{self, SECOND};
use crate::dialect::{Hello, Meaning};
use crate::event_id::EventId;
use crate::frame::{self, Kind, read_frame};
use crate::handshake::upgraded;
use crate::http::read_answer;
use crate::message::{ENVELOPE, Notice};
use crate::options::Common;
use crate::order::{Order, Work};
use crate::sockets;

/// Holds the largest frame, a batch of 1 MiB, and what follows it.
const BUFFER: usize = 2 << 20;
/// A sink is asked so often whether it has enough, also when nothing comes.
const TURN: Duration = Duration::from_millis(20);
/// Handshakes under way at once: less than the server's backlog, so that none waits for the kernel's second try.
const HANDSHAKES: usize = 512;
/// All connections together may take so long to be subscribed.
const PATIENCE: u64 = 120 * SECOND;
/// A connection that was cut off waits so long before it comes back.
const PAUSE: u64 = SECOND / 10;

/// What is done with what arrives.
pub trait Sink {
    /// A batch: the whole envelope. `now` is when it had been read.
    fn batch(&mut self, connection: usize, envelope: &[u8], now: u64);
    /// Anything else.
    fn notice(&mut self, connection: usize, notice: Notice);
    /// The connection ended, and why.
    fn closed(&mut self, connection: usize, why: String);
    /// The connection is gone and comes back. `subscribed`: it was; `cut_off`: it was not told to go.
    fn away(&mut self, _connection: usize, _subscribed: bool, _cut_off: bool) {}
    /// From where a connection that comes back goes on.
    fn after(&self, _connection: usize) -> Option<EventId> {
        None
    }
    /// Asked at every turn, until there is none.
    fn order(&mut self) -> Option<Order> {
        None
    }
    /// The end of a turn; true ends the loop.
    fn turn(&mut self, now: u64) -> bool;
}

/// Which connections to open.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// Where.
    pub target: Target,
    /// From where.
    pub spread: Spread,
    /// The first connection's number among those of all workers.
    pub first: usize,
    /// How many.
    pub connections: usize,
    /// What they say first.
    pub hello: Hello,
    /// Microseconds between two looks at the sockets; 0: it sleeps until something comes.
    pub nap: u64,
    /// A connection that ends comes back to where it was.
    pub resumes: bool,
}

impl Plan {
    /// All connections of a run, which don't come back.
    pub fn new(common: &Common, connections: usize, hello: Hello, nap: u64) -> Self {
        let (target, spread) = (common.url.clone(), common.spread());
        Self { target, spread, first: 0, connections, hello, nap, resumes: false }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Upgrading,
    /// Upgraded, not subscribed.
    Open,
    Subscribed,
    /// It comes back.
    Away,
    Closed,
}

struct Connection {
    stream: TcpStream,
    state: State,
    /// The start of a frame that is not whole.
    carry: Vec<u8>,
    /// Whether it is told when there is something to read.
    is_heard: bool,
}

impl Connection {
    /// One that is registered, and has sent its request.
    fn new(stream: TcpStream) -> Self {
        Self { stream, state: State::Upgrading, carry: Vec::new(), is_heard: true }
    }

    fn ignore(&mut self, registry: &Registry) -> io::Result<()> {
        if std::mem::take(&mut self.is_heard) {
            registry.deregister(&mut self.stream)?;
        }
        Ok(())
    }
}

/// The loop and its connections.
struct Subscriber<'a, S> {
    poll: Poll,
    plan: &'a Plan,
    connections: Vec<Connection>,
    upgrading: usize,
    /// Connections that come back, and when.
    away: VecDeque<(u64, usize)>,
    /// Who is told to return next.
    next_return: usize,
    /// So many connections, the first ones, don't read.
    stopped: usize,
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
        plan,
        connections: Vec::with_capacity(plan.connections),
        upgrading: 0,
        away: VecDeque::new(),
        next_return: 0,
        stopped: 0,
        buffer: vec![0; BUFFER],
        work: Work::default(),
        sink,
    };
    let mut events = Events::with_capacity(8192);
    let begun = clock::now();
    loop {
        while let Some(order) = subscriber.sink.order() {
            subscriber.obey(order)?;
        }
        subscriber.open()?;
        let opening = subscriber.connections.len() < plan.connections || subscriber.upgrading > 0;
        if opening && !plan.resumes && clock::now() - begun > PATIENCE {
            let open = subscriber.connections.len() - subscriber.upgrading;
            bail!("{open} of {} connections are open after {} s", plan.connections, PATIENCE / SECOND);
        }
        let wait = if plan.nap == 0 { TURN } else { Duration::ZERO };
        sockets::wait(&mut subscriber.poll, &mut events, wait)?;
        for event in &events {
            subscriber.ready(event.token().0)?;
        }
        if subscriber.sink.turn(clock::now()) {
            subscriber.close();
            return Ok(subscriber.work);
        }
        // As many as are looked at in one turn: there may be more.
        if plan.nap > 0 && events.iter().count() < events.capacity() {
            std::thread::sleep(Duration::from_micros(plan.nap));
        }
    }
}

impl<S: Sink> Subscriber<'_, S> {
    /// Opens more connections, as many as may be under way: new ones, and those that come back.
    fn open(&mut self) -> anyhow::Result<()> {
        while self.connections.len() < self.plan.connections && self.upgrading < HANDSHAKES {
            let index = self.connections.len();
            let stream = self.connect(index, None)?;
            self.connections.push(Connection::new(stream));
            self.upgrading += 1;
        }
        while self.upgrading < HANDSHAKES
            && let Some(&(time, index)) = self.away.front()
            && time <= clock::now()
        {
            self.away.pop_front();
            let after = self.sink.after(index);
            match self.connect(index, after) {
                Ok(stream) => {
                    self.connections[index] = Connection::new(stream);
                    self.upgrading += 1;
                }
                // The server may be down for a while.
                Err(_) => self.away.push_back((clock::now() + PAUSE, index)),
            }
        }
        Ok(())
    }

    fn connect(&self, index: usize, after: Option<EventId>) -> anyhow::Result<TcpStream> {
        let Plan { target, spread, first, hello, .. } = self.plan;
        let number = first + index;
        let stream = target.connect(*spread, number);
        let stream = stream.with_context(|| format!("connection {number} to {}", target.host))?;
        let mut stream = TcpStream::from_std(stream);
        self.poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
        // A fresh socket takes a whole request.
        stream.write_all(&hello.request(&target.host, number, after)).context("the handshake")?;
        Ok(stream)
    }

    fn obey(&mut self, order: Order) -> anyhow::Result<()> {
        let registry = self.poll.registry();
        match order {
            Order::Stop(count) => {
                self.stopped = count.min(self.connections.len());
                for connection in self.connections.iter_mut().take(count) {
                    if connection.state == State::Subscribed {
                        connection.ignore(registry)?;
                    }
                }
            }
            Order::Resume => {
                for (index, connection) in self.connections.iter_mut().enumerate().take(self.stopped) {
                    if connection.state == State::Subscribed && !connection.is_heard {
                        registry.register(&mut connection.stream, Token(index), Interest::READABLE)?;
                        connection.is_heard = true;
                    }
                }
                self.stopped = 0;
            }
            Order::Return(count) => {
                for _ in 0..count.min(self.connections.len()) {
                    let index = self.next_return % self.connections.len();
                    self.next_return += 1;
                    if self.connections[index].state == State::Subscribed && index >= self.stopped {
                        self.leave(index, false)?;
                    }
                }
            }
            Order::Phase(_) | Order::Finish(_) | Order::GiveUp => {}
        }
        Ok(())
    }

    fn ready(&mut self, index: usize) -> anyhow::Result<()> {
        while !matches!(self.connections[index].state, State::Closed | State::Away) {
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
                let what = String::from_utf8_lossy(answer.body);
                let why = format!("the upgrade was answered with {}: {what}", answer.status);
                self.end(index, &why)?;
                return Ok(filled);
            }
            at = answer.length;
            self.upgraded(index);
        }
        loop {
            let frame =
                read_frame(&self.buffer[at..filled]).with_context(|| format!("connection {index}"))?;
            let Some(frame) = frame else { return Ok(at) };
            at += frame.length;
            let meaning = match frame.kind {
                Kind::Text if frame.payload.starts_with(ENVELOPE) => Meaning::Events,
                Kind::Text | Kind::Binary => self.plan.hello.hear(frame.payload),
                Kind::Ping => Meaning::Answer(frame::pong(frame.payload)),
                Kind::Pong => Meaning::Nothing,
                Kind::Close => {
                    let (code, reason) = frame.payload.split_at_checked(2).unwrap_or_default();
                    let code = code.iter().fold(0, |code, &byte| (code << 8) | u32::from(byte));
                    let why = format!("closed with {code}: {}", String::from_utf8_lossy(reason));
                    self.end(index, &why)?;
                    return Ok(filled);
                }
            };
            match meaning {
                Meaning::Events => self.sink.batch(index, frame.payload, now),
                Meaning::Ready => self.notice(index, Notice::Subscribed(None)),
                Meaning::Message => {
                    self.notice(index, Notice::read(frame.payload));
                }
                // Little else is ever written here, so there is room; else the next ping fares better.
                Meaning::Answer(answer) => _ = self.connections[index].stream.write(&answer),
                Meaning::Nothing => {}
            }
        }
    }

    fn upgraded(&mut self, index: usize) {
        self.upgrading -= 1;
        let greeting = self.plan.hello.greeting();
        let connection = &mut self.connections[index];
        connection.state = State::Open;
        match greeting {
            Some(greeting) => _ = connection.stream.write(&greeting),
            None if self.plan.hello.is_ready_at_once() => self.notice(index, Notice::Subscribed(None)),
            None => {}
        }
    }

    /// Hands on a notice, which may be that the connection is subscribed.
    fn notice(&mut self, index: usize, notice: Notice) {
        if matches!(notice, Notice::Subscribed(_)) {
            self.connections[index].state = State::Subscribed;
        }
        self.sink.notice(index, notice);
    }

    fn end(&mut self, index: usize, why: &str) -> anyhow::Result<()> {
        if self.plan.resumes {
            return self.leave(index, true);
        }
        let connection = &mut self.connections[index];
        if connection.state == State::Upgrading {
            bail!("connection {index} was not upgraded: {why}");
        }
        if matches!(connection.state, State::Open | State::Subscribed) {
            connection.state = State::Closed;
            connection.carry = Vec::new();
            connection.ignore(self.poll.registry())?;
            self.sink.closed(index, why.to_owned());
        }
        Ok(())
    }

    /// Hangs up without a word, as a client does that loses its network, and comes back: at once, or after a pause.
    fn leave(&mut self, index: usize, cut_off: bool) -> anyhow::Result<()> {
        let connection = &mut self.connections[index];
        connection.ignore(self.poll.registry())?;
        // A stream can't be taken out; what is sent after this is refused.
        let _ = connection.stream.shutdown(std::net::Shutdown::Both);
        connection.carry = Vec::new();
        let state = std::mem::replace(&mut connection.state, State::Away);
        self.upgrading -= usize::from(state == State::Upgrading);
        self.sink.away(index, state == State::Subscribed, cut_off);
        let now = clock::now();
        if cut_off {
            self.away.push_back((now + PAUSE, index));
        } else {
            self.away.push_front((now, index));
        }
        Ok(())
    }

    /// Says good-bye, so that the server does not take us for a lost peer.
    fn close(&mut self) {
        let close = frame::close();
        for connection in &mut self.connections {
            if matches!(connection.state, State::Open | State::Subscribed) {
                let _ = connection.stream.write(&close);
            }
        }
    }
}
