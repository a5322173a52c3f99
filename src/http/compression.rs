use std::io::{self, Write as _};

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::http::HeaderMap;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue, VARY,
};
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::extract::Accepted;

/// An answer of fewer bytes is sent as it is.
const LEAST: usize = 1 << 10;
/// What is larger would hold up others on the runtime's thread for more than a fraction of a millisecond.
const MOST_AT_ONCE: usize = 32 << 10;
/// So many of those are compressed at the same time; for more there is no CPU to spare, and they are sent as they are.
static TURNS: Semaphore = Semaphore::const_new(2);
/// Between what is fast and what is small.
const LEVEL: Compression = Compression::new(4);
const GZIP: HeaderValue = HeaderValue::from_static("gzip");
const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");

/// A text that never changes, compressed once.
#[derive(Debug)]
pub(super) struct Prepared {
    plain: Bytes,
    gzip: Option<Bytes>,
}

impl Prepared {
    pub(super) fn new(plain: Bytes) -> Self {
        Self { gzip: gzip(&plain), plain }
    }

    /// As it is asked for.
    pub(super) fn answer(&self, content_type: &'static str, asked: &HeaderMap) -> Response {
        let gzip = self.gzip.as_ref().filter(|_| is_asked(asked));
        let mut response = Response::new(Body::from(gzip.unwrap_or(&self.plain).clone()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.headers_mut().insert(VARY, ACCEPT_ENCODING);
        if gzip.is_some() {
            response.headers_mut().insert(CONTENT_ENCODING, GZIP);
        }
        response
    }
}

/// Whether gzip is taken, and wanted no less than no compression.
pub(super) fn is_asked(headers: &HeaderMap) -> bool {
    let codings = Accepted::codings(headers);
    let gzip = codings.quality("gzip");
    gzip > 0.0 && gzip >= codings.quality("identity")
}

/// The same answer, compressed where that is asked for and of use. It is there as a whole, and so is what this returns:
/// streams pass as they are.
pub(super) async fn compress(response: Response, is_asked: bool) -> Response {
    let (mut head, body) = response.into_parts();
    if !can_be_compressed(&head.headers, body.size_hint().exact()) {
        return Response::from_parts(head, body);
    }
    if !head.headers.get_all(VARY).iter().any(|value| value == ACCEPT_ENCODING) {
        head.headers.append(VARY, ACCEPT_ENCODING);
    }
    if !is_asked {
        return Response::from_parts(head, body);
    }
    let Ok(plain) = to_bytes(body, usize::MAX).await else {
        // What is there as a whole does not break off.
        return Response::from_parts(head, Body::empty());
    };
    let Some(small) = in_turn(plain.clone()).await else {
        return Response::from_parts(head, Body::from(plain));
    };
    head.headers.insert(CONTENT_ENCODING, GZIP);
    head.headers.remove(CONTENT_LENGTH);
    weaken(&mut head.headers);
    Response::from_parts(head, Body::from(small))
}

fn can_be_compressed(headers: &HeaderMap, length: Option<u64>) -> bool {
    let says = |name, what: &str| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
            .is_some_and(|value| value.contains(what))
    };
    length.is_some_and(|length| length >= LEAST as u64)
        && !headers.contains_key(CONTENT_ENCODING)
        && !says(CACHE_CONTROL, "no-transform")
        && ["json", "text", "xml", "yaml"].iter().any(|kind| says(CONTENT_TYPE, kind))
}

/// A tag that names the bytes of the plain answer names the meaning of this one only.
fn weaken(headers: &mut HeaderMap) {
    let tag = headers.get(ETAG).and_then(|tag| tag.to_str().ok()).filter(|tag| !tag.starts_with("W/"));
    if let Some(weak) = tag.and_then(|tag| HeaderValue::try_from(format!("W/{tag}")).ok()) {
        headers.insert(ETAG, weak);
    }
}

/// Compresses it, where that may take long beside the runtime. `None`: it is of no use, or there is too much to do.
async fn in_turn(plain: Bytes) -> Option<Bytes> {
    if plain.len() <= MOST_AT_ONCE {
        return gzip(&plain);
    }
    let turn = TURNS.try_acquire().ok()?;
    let compressed = spawn_blocking(move || {
        let _turn = turn;
        gzip(&plain)
    });
    compressed.await.ok().flatten()
}

/// `None`: it gets no smaller.
fn gzip(plain: &[u8]) -> Option<Bytes> {
    let compressed = || -> io::Result<Vec<u8>> {
        let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), LEVEL);
        encoder.write_all(plain)?;
        encoder.finish()
    };
    compressed().ok().filter(|small| small.len() < plain.len()).map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use axum::http::header::ACCEPT_ENCODING;

    use super::*;

    #[test]
    fn compression_is_asked_for_by_weight() {
        for (asked, expected) in [
            (None, false),
            (Some(""), false),
            (Some("gzip"), true),
            (Some("GZIP"), true),
            (Some("br, gzip;q=0.5"), true),
            (Some("gzip;q=0"), false),
            (Some("gzip;q=0.0, *"), false),
            (Some("*"), true),
            (Some("*;q=0"), false),
            (Some("identity"), false),
            (Some("identity, gzip;q=0.5"), false),
            (Some("identity;q=0.5, gzip;q=0.5"), true),
            (Some("br"), false),
            (Some("gzipped"), false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(asked) = asked {
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(asked));
            }
            assert_eq!(is_asked(&headers), expected, "{asked:?}");
        }
    }

    fn answer(length: usize, headers: &[(&'static str, &'static str)]) -> Response {
        let mut response = Response::new(Body::from("a".repeat(length)));
        for (name, value) in headers {
            response.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        response
    }

    #[tokio::test]
    async fn what_is_large_enough_and_text_is_compressed_once() {
        let json = ("content-type", "application/json");
        for (length, headers, compressed) in [
            (LEAST - 1, &[json][..], false),
            (LEAST, &[json], true),
            (MOST_AT_ONCE + 1, &[json], true),
            (LEAST, &[("content-type", "text/plain; charset=utf-8")], true),
            (LEAST, &[("content-type", "application/octet-stream")], false),
            (LEAST, &[], false),
            (LEAST, &[json, ("content-encoding", "br")], false),
            (LEAST, &[json, ("cache-control", "no-store, no-transform")], false),
        ] {
            let response = compress(answer(length, headers), true).await;
            let shown = response.headers().get(CONTENT_ENCODING).is_some_and(|coding| coding == "gzip");
            assert_eq!(shown, compressed, "{length} {headers:?}");
            assert_eq!(response.headers().contains_key(VARY), compressed, "{length} {headers:?}");
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            assert_eq!(body.len() < length, compressed, "{length} {headers:?}");
        }
        let stream = Body::from_stream(futures_util::stream::pending::<Result<Bytes, axum::Error>>());
        let mut stream = Response::new(stream);
        stream.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        assert!(compress(stream, true).await.headers().get(CONTENT_ENCODING).is_none());
    }

    #[tokio::test]
    async fn a_tag_of_the_plain_answer_gets_weak_and_vary_keeps_what_it_says() {
        let headers = [("content-type", "application/json"), ("etag", "\"x\""), ("vary", "accept")];
        let plain = compress(answer(LEAST, &headers), false).await;
        assert_eq!(plain.headers()[ETAG], "\"x\"");
        let small = compress(answer(LEAST, &headers), true).await;
        assert_eq!(small.headers()[ETAG], "W/\"x\"");
        let again = compress(compress(answer(LEAST, &headers), false).await, false).await;
        for response in [plain, small, again] {
            let vary: Vec<_> = response.headers().get_all(VARY).iter().collect();
            assert_eq!(vary, ["accept", "accept-encoding"]);
        }
    }

    /// None of them waits for those before it.
    #[tokio::test]
    async fn where_many_are_compressed_the_next_is_sent_as_it_is() {
        let _taken = TURNS.try_acquire_many(2).unwrap();
        let large = answer(MOST_AT_ONCE + 1, &[("content-type", "application/json")]);
        let response = compress(large, true).await;
        assert!(response.headers().get(CONTENT_ENCODING).is_none());
        assert_eq!(to_bytes(response.into_body(), usize::MAX).await.unwrap().len(), MOST_AT_ONCE + 1);
    }
}
