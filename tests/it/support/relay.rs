//! What lies between a client and the gateway: a TCP relay that cuts connections, or answers them itself for a while.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Runs until the test's process ends.
pub(crate) struct Relay {
    /// Host and port.
    pub(crate) address: String,
    wire: Arc<Wire>,
}

#[derive(Default)]
struct Wire {
    taken: AtomicUsize,
    /// After how many bytes of answers each connection is cut; those behind the last live on.
    cuts: Vec<usize>,
    /// What the first connections are answered, head and body; the others get through.
    answers: Vec<(String, String)>,
}

impl Relay {
    /// One in front of `target`, host and port, that cuts its first connections, each after so many bytes of answers.
    pub(crate) fn cutting(target: &str, cuts: &[usize]) -> Self {
        Self::run(target, Wire { cuts: cuts.to_vec(), ..Wire::default() })
    }

    /// One that answers its first connections itself, each with a status, more headers, and a body that comes a little
    /// later than the head, as over a network.
    pub(crate) fn answering(target: &str, answers: &[(u16, &str, &str)]) -> Self {
        let answer = |(status, headers, body): &(u16, &str, &str)| {
            let head = format!("HTTP/1.1 {status} x\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
            (head, (*body).to_owned())
        };
        Self::run(target, Wire { answers: answers.iter().map(answer).collect(), ..Wire::default() })
    }

    fn run(target: &str, wire: Wire) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let wire = Arc::new(wire);
        let (shared, target) = (Arc::clone(&wire), target.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                shared.join(client, &target);
            }
        });
        Self { address, wire }
    }

    /// How many connections came.
    pub(crate) fn taken(&self) -> usize {
        self.wire.taken.load(Ordering::Relaxed)
    }
}

impl Wire {
    fn join(&self, client: TcpStream, target: &str) {
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        if let Some(answer) = self.answers.get(number).cloned() {
            thread::spawn(move || tell(client, &answer));
            return;
        }
        // Nobody there: the client sees its connection end.
        let Ok(server) = TcpStream::connect(target) else { return };
        let copy = |end: &TcpStream| end.try_clone().expect("a descriptor");
        let left = self.cuts.get(number).copied().unwrap_or(usize::MAX);
        let (from, to) = (copy(&client), copy(&server));
        thread::spawn(move || pass(&from, &to, usize::MAX));
        thread::spawn(move || pass(&server, &client, left));
    }
}

/// Answers a request, whatever it asks for.
fn tell(mut client: TcpStream, (head, body): &(String, String)) {
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        let Ok(1) = client.read(&mut byte) else { return };
        asked.extend(byte);
    }
    if client.write_all(head.as_bytes()).is_ok() {
        thread::sleep(Duration::from_millis(30));
        let _ = client.write_all(body.as_bytes());
    }
}

/// Passes on what comes, up to so many bytes, and then ends both.
fn pass(mut from: &TcpStream, mut to: &TcpStream, mut left: usize) {
    let mut buffer = [0; 4 << 10];
    while left > 0 {
        let most = buffer.len().min(left);
        let Ok(read @ 1..) = from.read(&mut buffer[..most]) else { break };
        left -= read;
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    for end in [from, to] {
        let _ = end.shutdown(Shutdown::Both);
    }
}
