use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http_body_util::LengthLimitError;

use crate::http::App;
use crate::http::error::ApiError;
use crate::protocol::Code;

/// A request's body, of which no byte is read before [`Self::read`]: until then who asks may still be refused.
pub(crate) struct Body {
    unread: axum::body::Body,
    /// For all of it, from when it is asked for.
    time: Duration,
}

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    TooLarge,
    TooSlow,
    /// It ended before its end.
    CutOff,
}

impl Body {
    pub(crate) fn new(unread: axum::body::Body, time: Duration) -> Self {
        Self { unread, time }
    }

    /// All of it, at most `most` bytes.
    pub(crate) async fn read(self, most: usize) -> Result<Bytes, BodyError> {
        let read = tokio::time::timeout(self.time, to_bytes(self.unread, most)).await;
        read.map_err(|_| BodyError::TooSlow)?.map_err(|error| {
            let too_large = error.into_inner().is::<LengthLimitError>();
            if too_large { BodyError::TooLarge } else { BodyError::CutOff }
        })
    }
}

impl FromRequest<Arc<App>> for Body {
    type Rejection = Infallible;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Infallible> {
        Ok(Self::new(request.into_body(), app.limits.body_time))
    }
}

impl BodyError {
    pub(crate) fn code(self) -> Code {
        match self {
            Self::TooLarge => Code::BodyTooLarge,
            Self::TooSlow => Code::BodyTimeout,
            Self::CutOff => Code::BadRequest,
        }
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        Self::new(error.code(), "the body is too large, or too slow")
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    const TIME: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_body_ends_at_its_bound() {
        for (len, read) in [(7, Ok(7)), (8, Ok(8)), (9, Err(BodyError::TooLarge))] {
            let body = Body::new(vec![b'x'; len].into(), TIME);
            assert_eq!(body.read(8).await.map(|bytes| bytes.len()), read, "{len}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_comes_in_time() {
        let late = |milliseconds| {
            let piece = async move {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                Ok::<_, Infallible>("x")
            };
            Body::new(axum::body::Body::from_stream(stream::once(piece)), TIME)
        };
        for (after, read) in [(9_999, Ok(1)), (10_000, Ok(1)), (10_001, Err(BodyError::TooSlow))] {
            assert_eq!(late(after).read(8).await.map(|bytes| bytes.len()), read, "{after}");
        }
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_told_apart() {
        let broken = stream::once(async { Err::<Bytes, _>(std::io::Error::other("gone")) });
        let body = Body::new(axum::body::Body::from_stream(broken), TIME);
        assert_eq!(body.read(8).await, Err(BodyError::CutOff));
    }
}
