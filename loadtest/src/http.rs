//! The little of HTTP/1.1 that both ends of a keep-alive connection need: one request, one answer, read in place.

use std::io::{Read, Write};

use anyhow::{Context as _, bail, ensure};
use httparse::{EMPTY_HEADER, Header, Status};

/// Larger heads than any answer of the gateway.
const MAX_HEAD: usize = 16 << 10;
/// More lines than any head has here.
const MAX_LINES: usize = 32;

/// An answer that has arrived whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// The server's part of a WebSocket handshake; empty in any other answer.
    pub accept: &'a [u8],
    /// The body.
    pub body: &'a [u8],
    /// Bytes of head and body: what follows belongs to somebody else.
    pub length: usize,
}

/// Reads the answer at the start of `bytes`; `None` as long as it is not whole.
///
/// # Errors
///
/// If this is no answer, or one without a length.
pub fn read_answer(bytes: &[u8]) -> anyhow::Result<Option<Answer<'_>>> {
    let mut lines = [EMPTY_HEADER; MAX_LINES];
    let mut head = httparse::Response::new(&mut lines);
    let Status::Complete(start) = head.parse(bytes).context("no HTTP answer")? else {
        ensure!(bytes.len() < MAX_HEAD, "the answer's head does not end");
        return Ok(None);
    };
    ensure!(head.version == Some(1), "no HTTP/1.1 answer");
    let length = match header(head.headers, "content-length") {
        Some(length) => number(length).context("the answer's length is no number")?,
        None if header(head.headers, "transfer-encoding").is_some() => {
            bail!("chunked answers are not read here")
        }
        None => 0,
    };
    let status = head.code.context("no status")?;
    let accept = header(head.headers, "sec-websocket-accept").unwrap_or_default();
    let length = start.saturating_add(length);
    Ok(bytes.get(start..length).map(|body| Answer { status, accept, body, length }))
}

/// A request that has arrived whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Path and query.
    pub path: &'a str,
    /// Whether it asks for a WebSocket.
    pub upgrades: bool,
    /// The body.
    pub body: &'a [u8],
    /// Bytes of head and body: what follows belongs to the next one.
    pub length: usize,
}

/// Reads the request at the start of `bytes`; `None` as long as it is not whole.
pub fn read_request(bytes: &[u8]) -> Option<Request<'_>> {
    let mut lines = [EMPTY_HEADER; MAX_LINES];
    let mut head = httparse::Request::new(&mut lines);
    let Ok(Status::Complete(start)) = head.parse(bytes) else { return None };
    let length = start.saturating_add(header(head.headers, "content-length").and_then(number).unwrap_or(0));
    let upgrades = header(head.headers, "upgrade").is_some();
    Some(Request { path: head.path?, upgrades, body: bytes.get(start..length)?, length })
}

fn header<'a>(lines: &[Header<'a>], name: &str) -> Option<&'a [u8]> {
    lines.iter().find(|line| line.name.eq_ignore_ascii_case(name)).map(|line| line.value)
}

fn number(digits: &[u8]) -> Option<usize> {
    str::from_utf8(digits).ok()?.parse().ok()
}

/// Sends a request over a stream that blocks, and hands on the answer.
///
/// # Errors
///
/// If none comes, or `read` refuses it.
pub fn exchange<T>(
    stream: &mut (impl Read + Write),
    request: &[u8],
    read: impl FnOnce(Answer<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    stream.write_all(request)?;
    let (mut received, mut buffer) = (Vec::new(), [0; 16 << 10]);
    loop {
        let count = stream.read(&mut buffer).context("no answer")?;
        ensure!(count > 0, "the server hung up");
        received.extend_from_slice(&buffer[..count]);
        if let Some(answer) = read_answer(&received)? {
            return read(answer);
        }
    }
}

/// Requests that differ in their bodies, and a few lines of their heads.
#[derive(Clone, Debug)]
pub struct PostForm {
    head: String,
}

impl PostForm {
    /// `POST path`, with a body of `content_type`, and lines of the head that each end in CR LF.
    pub fn new(host: &str, path: &str, content_type: &str, headers: &str) -> Self {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: tagcast-loadtest\r\n\
             Content-Type: {content_type}\r\n{headers}"
        );
        Self { head }
    }

    /// Writes head, with these lines of its own, and body to `out`, which is cleared first.
    pub fn write(&self, headers: &str, body: &[u8], out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(self.head.as_bytes());
        // A Vec takes everything.
        let _ = write!(out, "{headers}Content-Length: {}\r\n\r\n", body.len());
        out.extend_from_slice(body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: 3\r\n\r\nabcHTTP";

    #[test]
    fn an_answer_is_read_once_it_is_whole() {
        let whole = ANSWER.len() - 4;
        for cut in 0..whole {
            assert_eq!(read_answer(&ANSWER[..cut]).unwrap(), None, "{cut}");
        }
        let answer = read_answer(ANSWER).unwrap().unwrap();
        assert_eq!((answer.status, answer.body, answer.length), (200, &b"abc"[..], whole));
    }

    #[test]
    fn no_length_is_no_body() {
        let answer = read_answer(b"HTTP/1.1 101 Switching Protocols\r\n\r\nframe").unwrap().unwrap();
        assert_eq!((answer.status, answer.body), (101, &b""[..]));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for wrong in [
            "SSH-2.0\r\n\r\n",
            "HTTP/1.1 x\r\n\r\n",
            "HTTP/1.0 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            assert!(read_answer(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn requests_are_read_one_by_one() {
        let post = b"POST /7 HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}GET";
        assert_eq!(read_request(&post[..40]), None);
        let request = read_request(post).unwrap();
        assert_eq!((request.path, request.upgrades, request.body), ("/7", false, &b"{}"[..]));
        assert_eq!(request.length, post.len() - 3);
        assert!(read_request(b"GET /v1/ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n").unwrap().upgrades);
    }

    #[test]
    fn a_post_tells_its_length() {
        let mut out = b"old".to_vec();
        PostForm::new("h", "/p", "t", "A: b\r\n").write("C: d\r\n", b"{}", &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.starts_with("POST /p HTTP/1.1\r\nHost: h\r\n")
                && text.ends_with("A: b\r\nC: d\r\nContent-Length: 2\r\n\r\n{}")
        );
    }
}
