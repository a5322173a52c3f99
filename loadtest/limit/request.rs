//! Requests as the harness sends them: an upgrade, or a post with a length.

use loadtest::http::header;
use memchr::memmem;

/// A request that has arrived whole.
pub(crate) struct Request<'a> {
    /// Whether it asks for a WebSocket.
    pub(crate) upgrade: bool,
    /// The body.
    pub(crate) body: &'a [u8],
    /// Bytes of head and body.
    pub(crate) length: usize,
}

/// Reads the request at the start of `bytes`; `None` as long as it is not whole.
pub(crate) fn read_request(bytes: &[u8]) -> Option<Request<'_>> {
    let end = memmem::find(bytes, b"\r\n\r\n")?;
    let head = &bytes[..end];
    let length = header(head, b"content-length").and_then(|length| str::from_utf8(length).ok()?.parse().ok());
    let length = end + 4 + length.unwrap_or(0);
    let body = bytes.get(end + 4..length)?;
    Some(Request { upgrade: header(head, b"upgrade").is_some(), body, length })
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
        assert!(read_request(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n").unwrap().upgrade);
    }
}
