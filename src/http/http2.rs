use std::io;

use bytes::{BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy, sink};

/// What a client of HTTP/2 sends first.
const PREFACE: usize = 24;
/// Bytes that are read in search of its first request.
const MOST: u64 = 64 << 10;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
/// The gateway asks that HTTP/1.1 be used instead.
const HTTP_1_1_REQUIRED: u32 = 13;

const TEXT: &str = "this port speaks HTTP/1.1 without TLS, and no HTTP/2: use HTTP/1.1 here\n";

/// Answers a client that speaks HTTP/2 unasked in its own tongue, once: its first request gets 505 and is told what is
/// spoken here. `read` is what came of it already.
///
/// # Errors
///
/// Those of `stream`, and what the client sends is no HTTP/2.
pub(super) async fn refuse(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    read: Bytes,
) -> io::Result<()> {
    // Some wait for this before they ask for anything.
    let mut settings = BytesMut::new();
    put_frame(&mut settings, SETTINGS, 0, 0, b"");
    put_frame(&mut settings, SETTINGS, ACK, 0, b"");
    stream.write_all(&settings).await?;
    let rest = read.get(PREFACE..).unwrap_or_default();
    let request = first_request(&mut rest.chain(&mut *stream).take(MOST)).await?;
    stream.write_all(&answer(request)).await?;
    stream.shutdown().await
}

/// The number of the first stream with a request.
async fn first_request(frames: &mut (impl AsyncRead + Unpin)) -> io::Result<u32> {
    loop {
        let mut head = [0; 9];
        frames.read_exact(&mut head).await?;
        let [a, b, c, kind, _, stream @ ..] = head;
        if kind == HEADERS {
            return Ok(u32::from_be_bytes(stream) & (u32::MAX >> 1));
        }
        copy(&mut (&mut *frames).take(u64::from(u32::from_be_bytes([0, a, b, c]))), &mut sink()).await?;
    }
}

fn answer(request: u32) -> BytesMut {
    // `:status` and `content-type` by their places in the static table, values as they are (RFC 7541, 6.2.2).
    let head = b"\x08\x03505\x0f\x10\x0atext/plain";
    let mut end = BytesMut::new();
    end.put_u32(request);
    end.put_u32(HTTP_1_1_REQUIRED);
    end.put_slice(TEXT.as_bytes());
    let mut answer = BytesMut::new();
    put_frame(&mut answer, HEADERS, END_HEADERS, request, head);
    put_frame(&mut answer, DATA, END_STREAM, request, TEXT.as_bytes());
    put_frame(&mut answer, GOAWAY, 0, 0, &end);
    answer
}

/// A frame (RFC 9113, 4.1).
fn put_frame(to: &mut BytesMut, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    to.put_uint(payload.len() as u64, 3);
    to.put_u8(kind);
    to.put_u8(flags);
    to.put_u32(stream);
    to.put_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_request_is_found_behind_whatever_comes_before_it() {
        let mut sent = BytesMut::new();
        put_frame(&mut sent, SETTINGS, 0, 0, &[0; 18]);
        put_frame(&mut sent, 8, 0, 0, &[0, 1, 0, 0]);
        put_frame(&mut sent, HEADERS, END_HEADERS, 5, b"whatever");
        assert_eq!(first_request(&mut &sent[..]).await.unwrap(), 5);
        assert!(first_request(&mut &sent[..40]).await.is_err());
        assert!(first_request(&mut (&sent[..]).take(40)).await.is_err());
    }
}
