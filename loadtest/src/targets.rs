//! Endpoints for triggers to call: many on one thread, which takes everything and remembers what a check needs.
//!
//! A trigger's number is the path that it calls. Endpoints that are slow answer late, and only they: nothing here waits.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::bail;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};

use crate::clock;
use crate::http::{Asked, read_request};
use crate::latency::Latency;
use crate::message;
use crate::verify::Seen;

/// Whether it is over is looked at so often, also when nothing comes.
const TURN: Duration = Duration::from_millis(20);
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
/// Bytes read at once.
const BUFFER: usize = 256 << 10;

/// Which endpoints there are.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// One for each trigger.
    pub triggers: usize,
    /// Hosts among which they are shared out.
    pub hosts: usize,
    /// The first so many can be slow; they are on a host of their own.
    pub slow: usize,
}

/// Endpoints, running until they are asked what came.
#[derive(Debug)]
pub struct Targets {
    plan: Plan,
    addresses: Vec<SocketAddr>,
    shared: Arc<Shared>,
    thread: JoinHandle<anyhow::Result<Got>>,
}

/// What the thread tells, and is told.
#[derive(Debug, Default)]
struct Shared {
    requests: AtomicU64,
    events: AtomicU64,
    /// When the last request came.
    last: AtomicU64,
    /// How late the slow ones answer.
    delay: AtomicU64,
    over: AtomicBool,
    /// From when events are timed, part by part.
    phases: Mutex<Vec<u64>>,
}

/// What came.
#[derive(Debug, Default)]
pub struct Got {
    /// By trigger.
    pub seen: Vec<Seen>,
    /// By phase.
    pub phases: Vec<Times>,
}

/// Times of one phase, without those of endpoints that can be slow.
#[derive(Debug, Default)]
pub struct Times {
    /// From the intended post of an event to its arrival.
    pub arrival: Latency,
    /// The same of the last event of each batch, which did not wait for others.
    pub last: Latency,
}

impl Targets {
    /// Listens.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn start(plan: Plan) -> anyhow::Result<Self> {
        let poll = Poll::new()?;
        let hosts = plan.hosts.max(1) + usize::from(plan.slow > 0);
        let listeners =
            (0..hosts).map(|index| listen(poll.registry(), index)).collect::<io::Result<Vec<_>>>()?;
        let addresses = listeners.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;
        let shared = Arc::new(Shared::default());
        let got = Got { seen: vec![Seen::default(); plan.triggers], phases: Vec::new() };
        let endpoints = Endpoints {
            slow: plan.slow,
            listeners,
            connections: Vec::new(),
            late: BinaryHeap::new(),
            finder: message::Events::default(),
            starts: Vec::new(),
            got,
            shared: Arc::clone(&shared),
        };
        let thread = thread::spawn(move || endpoints.run(poll));
        Ok(Self { plan, addresses, shared, thread })
    }

    /// Where trigger `index` calls.
    pub fn url(&self, index: usize) -> String {
        let hosts = self.plan.hosts.max(1);
        let host = if index < self.plan.slow { hosts } else { index % hosts };
        format!("http://{}/{index}", self.addresses[host])
    }

    /// How late the slow ones answer from now on.
    pub fn slow_down(&self, delay: Duration) {
        self.shared.delay.store(clock::nanos(delay), Ordering::Relaxed);
    }

    /// Events that are posted from now on are timed apart from those before.
    pub fn phase(&self) {
        self.shared.phases.lock().unwrap_or_else(PoisonError::into_inner).push(clock::now());
    }

    /// Requests and events so far, and when the last one came.
    pub fn count(&self) -> (u64, u64, u64) {
        let Shared { requests, events, last, .. } = &*self.shared;
        (requests.load(Ordering::Relaxed), events.load(Ordering::Relaxed), last.load(Ordering::Relaxed))
    }

    /// Ends it, and tells what came.
    ///
    /// # Errors
    ///
    /// If it could not go on.
    pub fn finish(self) -> anyhow::Result<Got> {
        self.shared.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| bail!("the targets' thread panicked"))
    }
}

fn listen(registry: &Registry, index: usize) -> io::Result<TcpListener> {
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
    registry.register(&mut listener, Token(index), Interest::READABLE)?;
    Ok(listener)
}

struct Connection {
    stream: TcpStream,
    /// The start of a request that is not whole.
    carry: Vec<u8>,
}

/// The thread.
struct Endpoints {
    slow: usize,
    listeners: Vec<TcpListener>,
    /// A connection keeps its place for ever: runs are short.
    connections: Vec<Option<Connection>>,
    /// Answers that are due later, and to whom.
    late: BinaryHeap<Reverse<(u64, usize)>>,
    finder: message::Events,
    starts: Vec<u64>,
    got: Got,
    shared: Arc<Shared>,
}

impl Endpoints {
    fn run(mut self, mut poll: Poll) -> anyhow::Result<Got> {
        let mut events = Events::with_capacity(4096);
        let mut buffer = vec![0; BUFFER];
        while !self.shared.over.load(Ordering::Relaxed) {
            let next = self.late.peek().map(|Reverse((due, _))| due.saturating_sub(clock::now()));
            let wait = next.map_or(TURN, |wait| TURN.min(Duration::from_nanos(wait)));
            match poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            }
            self.starts.clone_from(&self.shared.phases.lock().unwrap_or_else(PoisonError::into_inner));
            self.got.phases.resize_with(self.starts.len(), Times::default);
            for event in &events {
                match event.token().0.checked_sub(self.listeners.len()) {
                    None => self.accept(poll.registry(), event.token().0)?,
                    Some(index) => self.receive(index, &mut buffer),
                }
            }
            self.answer_late();
        }
        Ok(self.got)
    }

    fn accept(&mut self, registry: &Registry, listener: usize) -> io::Result<()> {
        loop {
            let mut stream = match self.listeners[listener].accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let token = Token(self.listeners.len() + self.connections.len());
            registry.register(&mut stream, token, Interest::READABLE)?;
            self.connections.push(Some(Connection { stream, carry: Vec::new() }));
        }
    }

    fn receive(&mut self, index: usize, buffer: &mut [u8]) {
        loop {
            let Some(connection) = &mut self.connections[index] else { return };
            match connection.stream.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(read) if read > 0 => {
                    connection.carry.extend_from_slice(&buffer[..read]);
                    self.take(index);
                }
                _ => self.connections[index] = None,
            }
        }
    }

    /// Takes the requests that are whole, and answers them.
    fn take(&mut self, index: usize) {
        let Some(mut carry) = self.connections[index].as_mut().map(|c| std::mem::take(&mut c.carry)) else {
            return;
        };
        let mut taken = 0;
        while let Some(asked) = read_request(&carry[taken..]) {
            taken += asked.length;
            let trigger = number(&asked).unwrap_or(usize::MAX);
            self.see(trigger, &asked);
            let delay = self.shared.delay.load(Ordering::Relaxed);
            if trigger < self.slow && delay > 0 {
                self.late.push(Reverse((clock::now() + delay, index)));
            } else {
                self.answer(index);
            }
        }
        carry.drain(..taken);
        if let Some(connection) = &mut self.connections[index] {
            connection.carry = carry;
        }
    }

    fn see(&mut self, trigger: usize, asked: &Asked<'_>) {
        let now = clock::now();
        let Self { got: Got { seen, phases }, finder, starts, shared, slow, .. } = self;
        let Some(seen) = seen.get_mut(trigger) else { return };
        let (mut count, mut last) = (0, None);
        let mut timed = |sent: u64, of: fn(&mut Times) -> &mut Latency| {
            let phase = starts.partition_point(|start| *start <= sent).checked_sub(1);
            if let Some(times) = phase.filter(|_| trigger >= *slow).and_then(|phase| phases.get_mut(phase)) {
                of(times).record(now.saturating_sub(sent));
            }
        };
        finder.each(asked.body, |id, mark| {
            seen.see(id);
            count += 1;
            if let Some(mark) = mark {
                timed(mark.sent, |times| &mut times.arrival);
                last = Some(mark.sent);
            }
        });
        if let Some(sent) = last {
            timed(sent, |times| &mut times.last);
        }
        shared.requests.fetch_add(1, Ordering::Relaxed);
        shared.events.fetch_add(count, Ordering::Relaxed);
        shared.last.store(now, Ordering::Relaxed);
    }

    fn answer_late(&mut self) {
        while let Some(&Reverse((due, index))) = self.late.peek() {
            if due > clock::now() {
                return;
            }
            self.late.pop();
            self.answer(index);
        }
    }

    /// Short, to a socket with nothing in it. If it is gone, reading tells.
    fn answer(&mut self, index: usize) {
        if let Some(connection) = &mut self.connections[index] {
            let _ = connection.stream.write_all(ANSWER);
        }
    }
}

/// The trigger that a request is from.
fn number(asked: &Asked<'_>) -> Option<usize> {
    let path = asked.head.split(|&byte| byte == b' ').nth(1)?;
    str::from_utf8(path.strip_prefix(b"/")?).ok()?.parse().ok()
}
