//! Requests as the harness sends them: an upgrade, or a post with a length.

use loadtest::http::{self, header};
use memchr::memmem;

/// A request that has arrived whole.
pub(crate) struct Request<'a> {
    /// Whether it asks for a WebSocket.
    pub(crate) upgrade: bool,
    /// Events in a batch, if it asks for a number.
    pub(crate) size: Option<usize>,
    /// The body.
    pub(crate) body: &'a [u8],
    /// Bytes of head and body.
    pub(crate) length: usize,
}

/// Reads the request at the start of `bytes`; `None` as long as it is not whole.
pub(crate) fn read_request(bytes: &[u8]) -> Option<Request<'_>> {
    let http::Asked { head, body, length } = http::read_request(bytes)?;
    Some(Request { upgrade: header(head, b"upgrade").is_some(), size: size(head), body, length })
}

fn size(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"batch_size=";
    let line = head.split(|&byte| byte == b'\r').next()?;
    let digits = &line[memmem::find(line, NAME)? + NAME.len()..];
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_harness_sends() {
        let post = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}GET";
        assert!(read_request(&post[..38]).is_none());
        let request = read_request(post).unwrap();
        assert_eq!((request.upgrade, request.body, request.length), (false, &b"{}"[..], post.len() - 3));
        let upgrade = b"GET /v1/ws?filter=a&batch_size=70&x=1 HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
        let request = read_request(upgrade).unwrap();
        assert_eq!((request.upgrade, request.size), (true, Some(70)));
    }
}
