//! Endpoints for triggers to call: many on one thread, which takes everything and remembers what a check needs.
//!
//! A trigger's number is the path that it calls. Endpoints that are slow answer late, and only they: nothing here waits.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::bail;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use parking_lot::Mutex;

use crate::clock;
use crate::inbound::Inbound;
use crate::latency::Latency;
use crate::message;
use crate::verify::Tally;

/// Whether it is over is looked at so often, also when nothing comes.
const TURN: Duration = Duration::from_millis(20);
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

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
    shared: Arc<Board>,
    thread: JoinHandle<anyhow::Result<Findings>>,
}

/// What the thread tells, and is told.
#[derive(Debug, Default)]
struct Board {
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
pub struct Findings {
    /// By trigger.
    pub tallies: Vec<Tally>,
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
        let shared = Arc::new(Board::default());
        let findings = Findings { tallies: vec![Tally::default(); plan.triggers], phases: Vec::new() };
        let board = Arc::clone(&shared);
        let (finder, starts) = (message::Events::default(), Vec::new());
        let endpoints = Endpoints {
            inbound: Inbound::new(listeners.len(), Interest::READABLE),
            listeners,
            late: BinaryHeap::new(),
            book: Book { slow: plan.slow, finder, starts, findings, board },
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
        self.shared.phases.lock().push(clock::now());
    }

    /// Requests and events so far, and when the last one came.
    pub fn count(&self) -> (u64, u64, u64) {
        let Board { requests, events, last, .. } = &*self.shared;
        (requests.load(Ordering::Relaxed), events.load(Ordering::Relaxed), last.load(Ordering::Relaxed))
    }

    /// Ends it, and tells what came.
    ///
    /// # Errors
    ///
    /// If it could not go on.
    pub fn finish(self) -> anyhow::Result<Findings> {
        self.shared.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| bail!("the targets' thread panicked"))
    }
}

fn listen(registry: &Registry, index: usize) -> io::Result<TcpListener> {
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
    registry.register(&mut listener, Token(index), Interest::READABLE)?;
    Ok(listener)
}

/// The thread.
struct Endpoints {
    listeners: Vec<TcpListener>,
    inbound: Inbound<()>,
    /// Answers that are due later, and to whom.
    late: BinaryHeap<Reverse<(u64, usize)>>,
    book: Book,
}

/// What is noted down.
struct Book {
    slow: usize,
    finder: message::Events,
    starts: Vec<u64>,
    findings: Findings,
    board: Arc<Board>,
}

impl Endpoints {
    fn run(mut self, mut poll: Poll) -> anyhow::Result<Findings> {
        let mut events = Events::with_capacity(4096);
        let board = Arc::clone(&self.book.board);
        while !board.over.load(Ordering::Relaxed) {
            let next = self.late.peek().map(|Reverse((due, _))| due.saturating_sub(clock::now()));
            let wait = next.map_or(TURN, |wait| TURN.min(Duration::from_nanos(wait)));
            match poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            }
            self.book.starts.clone_from(&board.phases.lock());
            self.book.findings.phases.resize_with(self.book.starts.len(), Times::default);
            for event in &events {
                let Token(token) = event.token();
                match token.checked_sub(self.listeners.len()) {
                    None => self.inbound.accept(&self.listeners[token], poll.registry())?,
                    Some(index) => self.receive(index),
                }
            }
            self.answer_late();
        }
        Ok(self.book.findings)
    }

    /// Takes the requests that are whole, and answers them.
    fn receive(&mut self, index: usize) {
        let Self { inbound, late, book, .. } = self;
        inbound.receive(index, |stream, (), request| {
            let trigger = request.path.strip_prefix('/').and_then(|number| number.parse().ok());
            let trigger = trigger.unwrap_or(usize::MAX);
            book.see(trigger, request.body);
            let delay = book.board.delay.load(Ordering::Relaxed);
            if trigger < book.slow && delay > 0 {
                late.push(Reverse((clock::now() + delay, index)));
            } else {
                answer(stream);
            }
            true
        });
    }

    fn answer_late(&mut self) {
        while let Some(&Reverse((due, index))) = self.late.peek() {
            if due > clock::now() {
                return;
            }
            self.late.pop();
            if let Some(connection) = self.inbound.get(index) {
                answer(&mut connection.stream);
            }
        }
    }
}

/// Short, to a socket with nothing in it. If it is gone, reading tells.
fn answer(stream: &mut TcpStream) {
    let _ = stream.write_all(ANSWER);
}

impl Book {
    fn see(&mut self, trigger: usize, body: &[u8]) {
        let now = clock::now();
        let Self { findings: Findings { tallies, phases }, finder, starts, board, slow } = self;
        let Some(tally) = tallies.get_mut(trigger) else { return };
        let (mut count, mut last) = (0, None);
        let mut timed = |sent: u64, of: fn(&mut Times) -> &mut Latency| {
            let phase = starts.partition_point(|start| *start <= sent).checked_sub(1);
            if let Some(times) = phase.filter(|_| trigger >= *slow).and_then(|phase| phases.get_mut(phase)) {
                of(times).record(now.saturating_sub(sent));
            }
        };
        finder.each(body, |id, mark| {
            tally.see(id);
            count += 1;
            if let Some(mark) = mark {
                timed(mark.sent, |times| &mut times.arrival);
                last = Some(mark.sent);
            }
        });
        if let Some(sent) = last {
            timed(sent, |times| &mut times.last);
        }
        board.requests.fetch_add(1, Ordering::Relaxed);
        board.events.fetch_add(count, Ordering::Relaxed);
        board.last.store(now, Ordering::Relaxed);
    }
}
