//! The least of an HTTP client: what a test sends is what is on the wire.

use std::fmt::Write as _;
use std::io;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The code of an error.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// One request on a connection of its own.
pub(crate) fn request(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    try_request(address, method, path, headers, body).expect("the gateway listens")
}

/// The same where nobody may be there, or the answer may be cut off: its status is 0 then.
pub(crate) fn try_request(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Answer> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    let _ = write!(head, "Content-Length: {}\r\n", body.len());
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    exchange(address, head.as_bytes(), body)
}

/// A request whose head a test writes itself, all of it.
pub(crate) fn raw_request(address: &str, head: &str, body: &[u8]) -> Answer {
    exchange(address, format!("{head}\r\n").as_bytes(), body).expect("the gateway listens")
}

fn exchange(address: &str, head: &[u8], body: &[u8]) -> io::Result<Answer> {
    exchange_on(TcpStream::connect(address)?, head, body)
}

/// The same on a connection that is there.
pub(crate) fn exchange_on(mut tcp: TcpStream, head: &[u8], body: &[u8]) -> io::Result<Answer> {
    tcp.set_read_timeout(Some(Duration::from_secs(20)))?;
    tcp.write_all(head)?;
    // The gateway may refuse a body before it has all of it.
    let _ = tcp.write_all(body);
    let mut answer = Vec::new();
    let mut piece = [0; 16 << 10];
    // A connection that is kept does not end with the answer.
    while !is_whole(&answer, head.starts_with(b"HEAD ")) {
        match tcp.read(&mut piece) {
            Ok(read @ 1..) => answer.extend_from_slice(&piece[..read]),
            _ => break,
        }
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Ok(Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() })
}

/// Whether an answer has all that its head says.
fn is_whole(answer: &[u8], is_head_alone: bool) -> bool {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(end) = end else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    is_head_alone || length.is_some_and(|length| answer.len() - end - 4 >= length)
}
