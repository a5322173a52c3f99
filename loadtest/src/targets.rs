//! Endpoints for triggers to call: many on one thread, which takes everything and remembers what a check needs.
//!
//! A trigger's number is the path that it calls. Endpoints that are slow answer late, and only they: nothing here waits.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::bail;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use parking_lot::Mutex;

use crate::clock;
use crate::inbound::Inbound;
use crate::message;
use crate::order::Times;
use crate::sockets::wait;
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
    findings: Arc<Mutex<Findings>>,
    thread: JoinHandle<anyhow::Result<()>>,
}

/// What came, and what the thread is told meanwhile.
#[derive(Debug, Default)]
pub struct Findings {
    /// By trigger.
    pub tallies: Vec<Tally>,
    /// By phase, without times of endpoints that can be slow. `beyond` is of the last event of each batch, which did
    /// not wait for others.
    pub phases: Vec<Times>,
    /// Requests.
    pub requests: u64,
    /// Events in them.
    pub events: u64,
    /// When the last request came.
    pub last: u64,
    /// How late the slow ones answer.
    delay: u64,
    over: bool,
}

impl Targets {
    /// Listens.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn start(plan: Plan) -> anyhow::Result<Self> {
        let poll = Poll::new()?;
        let mut listeners = Vec::new();
        for index in 0..plan.hosts.max(1) + usize::from(plan.slow > 0) {
            let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
            poll.registry().register(&mut listener, Token(index), Interest::READABLE)?;
            listeners.push(listener);
        }
        let addresses = listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
        let tallies = vec![Tally::default(); plan.triggers];
        let findings = Arc::new(Mutex::new(Findings { tallies, ..Findings::default() }));
        let shared = Arc::clone(&findings);
        let thread = thread::spawn(move || run(plan.slow, &listeners, poll, &shared));
        Ok(Self { plan, addresses, findings, thread })
    }

    /// Where trigger `index` calls.
    pub fn url(&self, index: usize) -> String {
        let hosts = self.plan.hosts.max(1);
        let host = if index < self.plan.slow { hosts } else { index % hosts };
        format!("http://{}/{index}", self.addresses[host])
    }

    /// How late the slow ones answer from now on.
    pub fn slow_down(&self, delay: Duration) {
        self.findings.lock().delay = clock::nanos(delay);
    }

    /// Events that are posted from now on are timed apart from those before.
    pub fn phase(&self) {
        self.findings.lock().phases.push(Times::since(clock::now()));
    }

    /// Requests and events so far, and when the last one came.
    pub fn count(&self) -> (u64, u64, u64) {
        let findings = self.findings.lock();
        (findings.requests, findings.events, findings.last)
    }

    /// Ends it, and tells what came.
    ///
    /// # Errors
    ///
    /// If it could not go on.
    pub fn finish(self) -> anyhow::Result<Findings> {
        self.findings.lock().over = true;
        self.thread.join().unwrap_or_else(|_| bail!("the targets' thread panicked"))?;
        Ok(std::mem::take(&mut *self.findings.lock()))
    }
}

/// The thread: takes the requests that are whole, and answers them.
fn run(
    slow: usize,
    listeners: &[TcpListener],
    mut poll: Poll,
    findings: &Mutex<Findings>,
) -> anyhow::Result<()> {
    let mut events = Events::with_capacity(4096);
    let mut inbound = Inbound::<()>::new(listeners.len(), Interest::READABLE);
    // Answers that are due later, and to whom.
    let mut late = BinaryHeap::new();
    let finder = message::Events::default();
    loop {
        let next =
            late.peek().map(|Reverse((due, _)): &Reverse<(u64, usize)>| due.saturating_sub(clock::now()));
        wait(&mut poll, &mut events, next.map_or(TURN, |next| TURN.min(Duration::from_nanos(next))))?;
        let mut findings = findings.lock();
        if findings.over {
            return Ok(());
        }
        for event in &events {
            let Token(token) = event.token();
            let Some(index) = token.checked_sub(listeners.len()) else {
                inbound.accept(&listeners[token], poll.registry())?;
                continue;
            };
            inbound.receive(index, |stream, (), request| {
                let trigger = request.path.strip_prefix('/').and_then(|number| number.parse().ok());
                let trigger = trigger.unwrap_or(usize::MAX);
                findings.see(trigger, trigger >= slow, &finder, request.body);
                if trigger < slow && findings.delay > 0 {
                    late.push(Reverse((clock::now() + findings.delay, index)));
                } else {
                    answer(stream);
                }
                true
            });
        }
        while let Some(&Reverse((due, index))) = late.peek()
            && due <= clock::now()
        {
            late.pop();
            if let Some(connection) = inbound.get(index) {
                answer(&mut connection.stream);
            }
        }
    }
}

/// Short, to a socket with nothing in it. If it is gone, reading tells.
fn answer(stream: &mut TcpStream) {
    let _ = stream.write_all(ANSWER);
}

impl Findings {
    fn see(&mut self, trigger: usize, is_timed: bool, finder: &message::Events, body: &[u8]) {
        let now = clock::now();
        let Some(tally) = self.tallies.get_mut(trigger) else { return };
        let (before, mut last) = (tally.count, None);
        finder.each(body, |id, mark| {
            tally.see(id);
            let Some(mark) = mark.filter(|_| is_timed) else { return };
            last = Some(mark.sent);
            if let Some(times) = Times::of(&mut self.phases, mark.sent) {
                times.arrival.record(now.saturating_sub(mark.sent));
            }
        });
        if let Some(sent) = last
            && let Some(times) = Times::of(&mut self.phases, sent)
        {
            times.beyond.record(now.saturating_sub(sent));
        }
        self.requests += 1;
        self.events += tally.count - before;
        self.last = now;
    }
}
