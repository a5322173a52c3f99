use std::convert::Infallible;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::body::HttpBody as _;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http_body_util::BodyExt as _;

use super::Peer;
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::memory::{NoRoom, Reservation};
use crate::protocol::Code;

/// A request's body, of which no byte is read before [`Self::read`]: until then who asks may still be refused.
pub(crate) struct Body {
    unread: axum::body::Body,
    /// For all of it, from when it is asked for.
    time: Duration,
    reservation: Reservation,
}

/// A body that came. It counts among those that come and are worked on for as long as it is there.
#[derive(Debug)]
pub(crate) struct ReadBody {
    bytes: Bytes,
    _reservation: Reservation,
}

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    TooLarge,
    TooSlow,
    /// It ended before its end.
    CutOff,
    /// As many bytes as there may be are on their way already.
    Overloaded,
}

impl Body {
    /// `reservation`: what it is counted with, by the bytes that came.
    pub(crate) fn new(unread: axum::body::Body, time: Duration, reservation: Reservation) -> Self {
        Self { unread, time, reservation }
    }

    /// All of it, at most `most` bytes.
    pub(crate) async fn read(self, most: usize) -> Result<ReadBody, BodyError> {
        let Self { unread, time, reservation } = self;
        tokio::time::timeout(time, gather(unread, most, reservation)).await.map_err(|_| BodyError::TooSlow)?
    }
}

async fn gather(
    mut unread: axum::body::Body,
    most: usize,
    mut reservation: Reservation,
) -> Result<ReadBody, BodyError> {
    if unread.size_hint().lower() > most as u64 {
        return Err(BodyError::TooLarge);
    }
    let mut all = Vec::new();
    while let Some(piece) = unread.frame().await {
        let Ok(piece) = piece.map_err(|_| BodyError::CutOff)?.into_data() else { continue };
        let length = all.len() + piece.len();
        if length > most {
            return Err(BodyError::TooLarge);
        }
        if all.is_empty() && unread.is_end_stream() {
            reservation.grow(length)?;
            return Ok(ReadBody { bytes: piece, _reservation: reservation });
        }
        if length > all.capacity() {
            // What it is to grow to, and not what is announced: who sends nothing takes nothing from others.
            let capacity = length.max(2 * all.capacity()).min(most);
            reservation.grow(capacity - all.capacity())?;
            all.reserve_exact(capacity - all.len());
        }
        all.extend_from_slice(&piece);
    }
    Ok(ReadBody { bytes: all.into(), _reservation: reservation })
}

impl Deref for ReadBody {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.bytes
    }
}

impl From<NoRoom> for BodyError {
    fn from(NoRoom: NoRoom) -> Self {
        Self::Overloaded
    }
}

impl FromRequest<Arc<App>> for Body {
    type Rejection = Infallible;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Infallible> {
        // Handlers ask who it is before they take the body. Where nobody is asked, the address counts.
        let peer = request.extensions().get::<Peer>().filter(|_| app.tokens.is_empty());
        let reservation = app.memory.bodies.reserve(peer.map(Peer::client));
        Ok(Self::new(request.into_body(), app.limits.body_time, reservation))
    }
}

impl BodyError {
    pub(crate) fn code(self) -> Code {
        match self {
            Self::TooLarge | Self::CutOff => Code::BodyTooLarge,
            Self::TooSlow => Code::BodyTimeout,
            Self::Overloaded => Code::Overloaded,
        }
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::TooLarge => "the body is too large",
            Self::TooSlow => "the body is too slow",
            Self::CutOff => "the body ended too early",
            Self::Overloaded => "as many bytes of bodies as there may be are on their way already",
        }
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        let refusal = Self::new(error.code(), error.text());
        if error == BodyError::Overloaded { refusal.retry_after(Duration::from_secs(1)) } else { refusal }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    use crate::http::memory::{MemoryBudget, MemoryLimits};
    use crate::metrics::Gauge;

    const TIME: Duration = Duration::from_secs(10);

    /// One that may take so many bytes of memory.
    fn body_within(unread: axum::body::Body, bytes: i64) -> (Body, Arc<MemoryBudget>) {
        let limits = MemoryLimits { most: bytes, counted: bytes, share: bytes };
        let budget = MemoryBudget::new(limits, Gauge::default());
        (Body::new(unread, TIME, budget.reserve(None)), budget)
    }

    fn body(unread: impl Into<axum::body::Body>) -> Body {
        body_within(unread.into(), 100).0
    }

    /// One that comes in pieces of so many bytes.
    fn pieces(lengths: &[usize]) -> axum::body::Body {
        let pieces: Vec<_> = lengths.iter().map(|length| Ok::<_, Infallible>(vec![b'x'; *length])).collect();
        axum::body::Body::from_stream(stream::iter(pieces))
    }

    #[tokio::test]
    async fn a_body_ends_at_its_bound() {
        for (len, read) in [(7, Ok(7)), (8, Ok(8)), (9, Err(BodyError::TooLarge))] {
            let whole = body(vec![b'x'; len]);
            assert_eq!(whole.read(8).await.map(|bytes| bytes.len()), read, "{len}");
            let in_pieces = body(pieces(&[3, len - 3]));
            assert_eq!(in_pieces.read(8).await.map(|bytes| bytes.len()), read, "{len}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_comes_in_time() {
        let late = |milliseconds| {
            let piece = async move {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                Ok::<_, Infallible>("x")
            };
            body(axum::body::Body::from_stream(stream::once(piece)))
        };
        for (after, read) in [(9_999, Ok(1)), (10_000, Ok(1)), (10_001, Err(BodyError::TooSlow))] {
            assert_eq!(late(after).read(8).await.map(|bytes| bytes.len()), read, "{after}");
        }
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_told_apart() {
        let broken = stream::once(async { Err::<Bytes, _>(std::io::Error::other("gone")) });
        let read = body(axum::body::Body::from_stream(broken)).read(8).await;
        assert_eq!(read.map(|bytes| bytes.len()), Err(BodyError::CutOff));
    }

    #[tokio::test]
    async fn what_came_counts_while_it_is_there() {
        for (lengths, memory, fits) in [
            (&[8][..], 7, false),
            (&[8], 8, true),
            (&[3, 3, 3], 11, false),
            (&[3, 3, 3], 12, true),
            (&[1; 20], 19, false),
            (&[1; 20], 32, true),
        ] {
            let (body, budget) = body_within(pieces(lengths), memory);
            let read = body.read(1_000).await;
            assert_eq!(read.is_ok(), fits, "{lengths:?}");
            assert_eq!(budget.held() > 0, fits, "{lengths:?}");
            drop(read);
            assert_eq!(budget.held(), 0);
        }
    }
}
