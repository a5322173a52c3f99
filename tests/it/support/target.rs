//! An HTTP endpoint that records what it is sent, and can be told to fail in every way.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::until;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) at: Instant,
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The ids of the events in an envelope.
    pub(crate) fn ids(&self) -> Vec<String> {
        let body = self.json();
        let messages = body["messages"].as_array().into_iter().flatten();
        messages.map(|m| m["event_metadata"]["event_id"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// How a request is answered.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// With this status.
    Status(u16),
    /// With more headers, each with its line's end, and a body.
    Full(u16, &'static str, &'static str),
    /// With bytes that are no answer within bounds.
    Bytes(Vec<u8>),
    /// With bytes that begin an answer which has no end.
    Unending(&'static [u8]),
    /// Never.
    Hang,
    /// A byte now and then.
    Trickle,
    /// The connection is cut off.
    Reset,
}

type Answer = Box<dyn FnMut(&Received) -> Reply + Send>;

/// Runs until the test ends.
pub(crate) struct Target {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Received>>>,
    answer: Arc<Mutex<Answer>>,
    connections: Arc<AtomicUsize>,
}

impl Target {
    /// One that takes everything.
    pub(crate) fn start() -> Self {
        Self::answering(|_| Reply::Status(200))
    }

    /// One that answers as it is told.
    pub(crate) fn answering(answer: impl FnMut(&Received) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let target = Self {
            url,
            received: Arc::default(),
            answer: Arc::new(Mutex::new(Box::new(answer))),
            connections: Arc::default(),
        };
        let (received, answer) = (Arc::clone(&target.received), Arc::clone(&target.answer));
        let connections = Arc::clone(&target.connections);
        std::thread::spawn(move || {
            for tcp in listener.incoming().map_while(Result::ok) {
                connections.fetch_add(1, Ordering::SeqCst);
                let (received, answer) = (Arc::clone(&received), Arc::clone(&answer));
                std::thread::spawn(move || serve(tcp, &received, &answer));
            }
        });
        target
    }

    /// From now on it answers so.
    pub(crate) fn answer(&self, answer: impl FnMut(&Received) -> Reply + Send + 'static) {
        *self.answer.lock().unwrap() = Box::new(answer);
    }

    /// What came so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Events in all envelopes so far.
    pub(crate) fn events(&self) -> usize {
        self.received().iter().map(|request| request.ids().len()).sum()
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits for so many requests.
    pub(crate) fn wait(&self, count: usize) -> Vec<Received> {
        until(&format!("{count} requests come"), || self.received.lock().unwrap().len() >= count);
        self.received()
    }
}

fn serve(mut tcp: TcpStream, received: &Mutex<Vec<Received>>, answer: &Mutex<Answer>) {
    let mut reader = BufReader::new(tcp.try_clone().expect("a socket"));
    while let Some(request) = read(&mut reader) {
        let reply = (answer.lock().unwrap())(&request);
        received.lock().unwrap().push(request);
        let sent = match reply {
            Reply::Status(status) => {
                tcp.write_all(format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n").as_bytes())
            }
            Reply::Full(status, headers, body) => {
                let length = body.len();
                let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n{headers}\r\n");
                tcp.write_all(format!("{head}{body}").as_bytes())
            }
            Reply::Bytes(bytes) => {
                let _ = tcp.write_all(&bytes);
                return;
            }
            Reply::Unending(bytes) => {
                let _ = tcp.write_all(bytes);
                let _ = tcp.read(&mut [0]);
                return;
            }
            Reply::Hang => {
                let _ = tcp.read(&mut [0]);
                return;
            }
            Reply::Trickle => {
                for byte in b"HTTP/1.1 200 x\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {
                    if tcp.write_all(&[*byte]).is_err() {
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(100));
                }
                return;
            }
            Reply::Reset => {
                let _ = socket2::SockRef::from(&tcp).set_linger(Some(Duration::ZERO));
                return;
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let mut words = lines.first()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let header = |line: &String| line.split_once(": ").map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()));
    let headers: Vec<_> = lines[1..].iter().filter_map(header).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.and_then(|(_, length)| length.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Received { at: Instant::now(), method, path, headers, body })
}
