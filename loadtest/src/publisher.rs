//! Posts notifications over keep-alive connections, on one thread. What is posted and when is the job's business.

use std::io::{self, Read as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::address::{Spread, Target};
use crate::clock::{self, SECOND};
use crate::http::{Answer, PostForm, read_answer};
use crate::sockets;
use crate::timer::Timer;

/// A job that has nothing to do is asked again so often, also when nobody wakes it.
const TURN: Duration = Duration::from_millis(100);
/// A server that answers nothing for so long has failed the run.
const PATIENCE: u64 = 60 * SECOND;
/// A server that is down is tried again so often.
const AGAIN: u64 = SECOND / 20;
/// Answers are short: status, counts, and 23 bytes for an event.
const BUFFER: usize = 256 << 10;
const WAKER: Token = Token(usize::MAX);
const TIMER: Token = Token(usize::MAX - 1);

/// What to do next, as a job says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Post what stands in the body; the number comes back with its answer.
    Post(u64),
    /// Nothing before this time.
    At(u64),
    /// Nothing until an answer comes or somebody wakes the loop.
    Parked,
    /// Nothing more; the loop ends when all answers are there.
    Done,
}

/// What is posted, when, and what becomes of the answers.
pub trait Job {
    /// Called whenever a connection is free. A body to post is written to `body`.
    fn next(&mut self, now: u64, body: &mut Vec<u8>) -> Next;
    /// Lines of the head that belong to the body just written, each with its end.
    fn headers(&self) -> Option<&str> {
        None
    }
    /// The answer to one post.
    fn answered(&mut self, post: u64, answer: &Answer<'_>, now: u64);
    /// The connection ended before the answer came: nobody knows whether it was taken.
    fn lost(&mut self, post: u64, now: u64);
}

/// How to reach the server.
#[derive(Clone, Debug)]
pub struct Way {
    /// Where.
    pub target: Target,
    /// From where.
    pub spread: Spread,
    /// Paths of the sources; each connection posts to one of them, in turn.
    pub paths: Vec<String>,
    /// Of the bodies.
    pub content_type: String,
    /// Lines of every request's head, each with its end.
    pub headers: String,
    /// How many connections.
    pub connections: usize,
    /// Each connection is closed and opened anew after so many posts; 0: never.
    pub restart_after: u64,
    /// Whether a server that can't be reached is waited for.
    pub persistent: bool,
}

struct Connection {
    stream: TcpStream,
    /// The request; empty once it is sent.
    out: Vec<u8>,
    sent: usize,
    /// The answer as far as it has come.
    carry: Vec<u8>,
    post: Option<u64>,
    posts: u64,
}

/// The length of an answer, if a whole one has come.
type Received = io::Result<Option<usize>>;

/// The loop and its connections.
pub struct Publisher {
    poll: Poll,
    timer: Timer,
    way: Way,
    /// One for each path.
    forms: Vec<PostForm>,
    connections: Vec<Connection>,
    free: Vec<usize>,
    /// Connections that wait for the server to be there again.
    down: Vec<usize>,
    tried: u64,
    buffer: Vec<u8>,
    body: Vec<u8>,
}

impl Publisher {
    /// Opens the connections.
    ///
    /// # Errors
    ///
    /// If the server can't be reached.
    pub fn connect(way: Way) -> anyhow::Result<Self> {
        let poll = Poll::new()?;
        let timer = Timer::new(poll.registry(), TIMER)?;
        let form = |path: &String| PostForm::new(&way.target.host, path, &way.content_type, &way.headers);
        let forms = way.paths.iter().map(form).collect();
        let connections =
            (0..way.connections).map(|index| open(&poll, &way, index)).collect::<Result<Vec<_>, _>>();
        let connections = connections.with_context(|| format!("can't connect to {}", way.target.host))?;
        let free = (0..way.connections).rev().collect();
        let (buffer, body) = (vec![0; BUFFER], Vec::new());
        Ok(Self { poll, timer, way, forms, connections, free, down: Vec::new(), tried: 0, buffer, body })
    }

    /// Wakes the loop from other threads.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn waker(&self) -> io::Result<Waker> {
        Waker::new(self.poll.registry(), WAKER)
    }

    /// Runs until the job is done and every post has its answer.
    ///
    /// # Errors
    ///
    /// If the server answers no more, or something that is no HTTP.
    pub fn run(&mut self, job: &mut impl Job) -> anyhow::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut answered = clock::now();
        loop {
            self.reopen();
            let done = self.feed(job)?;
            let idle = self.free.len() + self.down.len() == self.connections.len();
            if done && idle {
                return Ok(());
            }
            sockets::wait(&mut self.poll, &mut events, TURN)?;
            for event in &events {
                let Token(index) = event.token();
                if index < self.connections.len() {
                    let received = self.connections[index].turn(&mut self.buffer);
                    self.settle(index, &received, job)?;
                    answered = clock::now();
                }
            }
            if idle {
                answered = clock::now();
            } else if clock::now().saturating_sub(answered) > PATIENCE {
                bail!("no answer for {} s", PATIENCE / SECOND);
            }
        }
    }

    fn reopen(&mut self) {
        let now = clock::now();
        if self.down.is_empty() || now.saturating_sub(self.tried) < AGAIN {
            return;
        }
        self.tried = now;
        for index in std::mem::take(&mut self.down) {
            if self.open_again(index).is_err() {
                self.down.push(index);
            }
        }
    }

    fn open_again(&mut self, index: usize) -> io::Result<()> {
        self.connections[index] = open(&self.poll, &self.way, index)?;
        self.free.push(index);
        Ok(())
    }

    /// Gives free connections something to post; true when the job has nothing more.
    fn feed(&mut self, job: &mut impl Job) -> anyhow::Result<bool> {
        while let Some(&index) = self.free.last() {
            match job.next(clock::now(), &mut self.body) {
                Next::Post(post) => {
                    self.free.pop();
                    let restart = self.way.restart_after;
                    if restart > 0 && self.connections[index].posts >= restart {
                        self.connections[index] = open(&self.poll, &self.way, index)?;
                    }
                    let connection = &mut self.connections[index];
                    let form = &self.forms[index % self.forms.len()];
                    form.write(job.headers().unwrap_or_default(), &self.body, &mut connection.out);
                    connection.sent = 0;
                    connection.post = Some(post);
                    connection.posts += 1;
                    let sent = connection.send().map(|()| None);
                    self.settle(index, &sent, job)?;
                }
                Next::At(time) => {
                    self.timer.set(time)?;
                    return Ok(false);
                }
                Next::Parked => return Ok(false),
                Next::Done => return Ok(true),
            }
        }
        Ok(false)
    }

    /// Hands on an answer of this many bytes, or what became of the connection.
    fn settle(&mut self, index: usize, received: &Received, job: &mut impl Job) -> anyhow::Result<()> {
        let connection = &mut self.connections[index];
        match received {
            Ok(None) => {}
            Ok(Some(length)) => {
                let Connection { carry, post, .. } = connection;
                let answer = read_answer(&carry[..*length])?.context("an answer is whole, or not")?;
                if let Some(post) = post.take() {
                    job.answered(post, &answer, clock::now());
                    self.free.push(index);
                }
                carry.clear();
            }
            Err(_) => {
                let post = connection.post.take();
                self.free.retain(|&free| free != index);
                self.down.retain(|&down| down != index);
                match self.open_again(index) {
                    Ok(()) => {}
                    Err(_) if self.way.persistent => self.down.push(index),
                    Err(error) => return Err(error).context("can't connect again"),
                }
                if let Some(post) = post {
                    job.lost(post, clock::now());
                }
            }
        }
        Ok(())
    }
}

fn open(poll: &Poll, way: &Way, index: usize) -> io::Result<Connection> {
    let mut stream = TcpStream::from_std(way.target.connect(way.spread, index)?);
    poll.registry().register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
    Ok(Connection { stream, out: Vec::new(), sent: 0, carry: Vec::new(), post: None, posts: 0 })
}

impl Connection {
    /// Sends what is left to send, and reads what has come.
    fn turn(&mut self, buffer: &mut [u8]) -> Received {
        self.send()?;
        self.receive(buffer)
    }

    fn send(&mut self) -> io::Result<()> {
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        Ok(())
    }

    /// Reads what is there; the length of an answer once it is whole.
    fn receive(&mut self, buffer: &mut [u8]) -> Received {
        while self.carry.len() < BUFFER {
            match self.stream.read(buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    self.carry.extend_from_slice(&buffer[..read]);
                    if let Ok(Some(answer)) = read_answer(&self.carry) {
                        // One request at a time: nothing stands behind its answer.
                        return Ok(Some(answer.length));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("the answer is too large"))
    }
}
