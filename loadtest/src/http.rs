//! The little of HTTP/1.1 that both ends of a keep-alive connection need: one request, one answer.

use std::io::Write as _;
use std::str::FromStr;

use anyhow::{Context as _, bail, ensure};
use memchr::memmem;

/// Larger heads than any answer of the gateway.
const MAX_HEAD: usize = 16 << 10;

/// An answer that has arrived whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// The head, up to the empty line.
    pub head: &'a [u8],
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
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
        ensure!(bytes.len() < MAX_HEAD, "the answer's head does not end");
        return Ok(None);
    };
    let head = &bytes[..end];
    ensure!(head.starts_with(b"HTTP/1.1 "), "no HTTP/1.1 answer");
    let status = number(head.get(9..12).context("no status")?)?;
    let body = end + 4;
    let length = match header(head, b"content-length") {
        Some(length) => number(length)?,
        None if header(head, b"transfer-encoding").is_some() => bail!("chunked answers are not read here"),
        None => 0,
    };
    let whole = bytes.get(body..body + length);
    Ok(whole.map(|whole| Answer { status, head, body: whole, length: body + length }))
}

/// A request that has arrived whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The head, up to the empty line.
    pub head: &'a [u8],
    /// The body.
    pub body: &'a [u8],
    /// Bytes of head and body: what follows belongs to the next one.
    pub length: usize,
}

/// Reads the request at the start of `bytes`; `None` as long as it is not whole.
pub fn read_request(bytes: &[u8]) -> Option<Asked<'_>> {
    let end = memmem::find(bytes, b"\r\n\r\n")?;
    let head = &bytes[..end];
    let length = header(head, b"content-length").and_then(|length| str::from_utf8(length).ok()?.parse().ok());
    let length = end + 4 + length.unwrap_or(0);
    let body = bytes.get(end + 4..length)?;
    Some(Asked { head, body, length })
}

/// The value of a header; its name is asked for in lower case.
pub fn header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    head.split(|&byte| byte == b'\n').skip(1).find_map(|line| {
        let colon = line.iter().position(|&byte| byte == b':')?;
        line[..colon].eq_ignore_ascii_case(name).then(|| line[colon + 1..].trim_ascii())
    })
}

fn number<T: FromStr>(digits: &[u8]) -> anyhow::Result<T> {
    let text = str::from_utf8(digits).context("no number")?;
    text.parse().ok().with_context(|| format!("'{text}' is no number"))
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
        assert_eq!(header(answer.head, b"content-type"), Some(&b"a"[..]));
    }

    #[test]
    fn no_length_is_no_body() {
        let answer = read_answer(b"HTTP/1.1 101 Switching Protocols\r\n\r\nframe").unwrap().unwrap();
        assert_eq!((answer.status, answer.body), (101, &b""[..]));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for wrong in
            ["SSH-2.0\r\n\r\n", "HTTP/1.1 x\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]
        {
            assert!(read_answer(wrong.as_bytes()).is_err(), "{wrong}");
        }
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
