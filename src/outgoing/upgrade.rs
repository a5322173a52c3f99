use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Body;
use hyper::client::conn::http1;
use hyper::upgrade::Parts;
use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};

use super::connector::{SecureStream, secure, tls_config};
use super::{Answer, causes};
use crate::transport::Stream;

/// Bytes of a refusal that are read, and the time for them: what it says stands at its beginning.
const REFUSAL: usize = 64 << 10;
const REFUSAL_TIME: Duration = Duration::from_secs(2);

/// Why a request for another protocol has no answer. Holds no secret and no query.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpgradeError {
    /// TLS fails, or the certificate does not verify.
    #[error("TLS: {0}")]
    Tls(Box<dyn std::error::Error + Send + Sync>),
    /// The connection broke, or the answer is no HTTP.
    #[error("{}", causes(.0))]
    Http(#[from] hyper::Error),
    /// The URI has no path that could be asked for.
    #[error("not a URL that may be asked")]
    Url,
    /// The connection is none that was handed in.
    #[error("another connection came back")]
    Foreign,
}

/// A connection on which another protocol is spoken now.
pub(crate) struct Upgraded {
    /// The connection.
    pub stream: TokioIo<SecureStream>,
    /// What was read from it already.
    pub early: Vec<u8>,
    /// The answer's headers.
    pub headers: HeaderMap,
}

/// What came of it.
pub(crate) enum Upgrade {
    /// The other protocol is spoken from here on.
    Done(Box<Upgraded>),
    /// It is not; with as much of the answer as says why.
    Refused(Answer),
}

/// Asks over a connection that was just made for another protocol, by the `Upgrade` that the request names. Over `https`
/// and `wss` TLS is spoken.
///
/// # Errors
///
/// [`UpgradeError`]; a refusal is none.
pub(crate) async fn upgrade(stream: Stream, request: Request<()>) -> Result<Upgrade, UpgradeError> {
    let (mut head, ()) = request.into_parts();
    let stream: SecureStream = if matches!(head.uri.scheme_str(), Some("https" | "wss")) {
        let host = head.uri.authority().ok_or(UpgradeError::Url)?;
        let uri = Uri::builder().scheme("https").authority(host.as_str()).path_and_query("/");
        let uri = uri.build().map_err(|_| UpgradeError::Url)?;
        secure(stream, uri, tls_config()).await.map_err(UpgradeError::Tls)?
    } else {
        MaybeHttpsStream::Http(TokioIo::new(stream))
    };
    let path = head.uri.path_and_query().ok_or(UpgradeError::Url)?.clone();
    head.uri = path.into();
    let (mut sender, connection) = http1::handshake(stream).await?;
    tokio::spawn(connection.with_upgrades());
    let mut response = sender.send_request(Request::from_parts(head, Empty::<Bytes>::new())).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let (head, body) = response.into_parts();
        return Ok(Upgrade::Refused(Answer {
            status: head.status,
            headers: head.headers,
            body: beginning(body).await,
        }));
    }
    let upgraded = hyper::upgrade::on(&mut response).await?.downcast::<SecureStream>();
    let Parts { io, read_buf, .. } = upgraded.map_err(|_| UpgradeError::Foreign)?;
    let headers = std::mem::take(response.headers_mut());
    Ok(Upgrade::Done(Box::new(Upgraded { stream: TokioIo::new(io), early: read_buf.to_vec(), headers })))
}

/// As much of a body as comes within the bounds.
async fn beginning(mut body: impl Body<Data = Bytes> + Unpin) -> Bytes {
    let (deadline, mut found) = (Instant::now() + REFUSAL_TIME, Vec::new());
    while found.len() < REFUSAL
        && let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await
    {
        found.extend_from_slice(frame.data_ref().map_or(&[][..], |data| &data[..]));
    }
    found.into()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream::{self, Stream, StreamExt as _};
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    fn pieces(sizes: &[usize]) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + use<> {
        stream::iter(sizes.to_vec()).map(|size| Ok(Frame::data(vec![b'x'; size].into())))
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_read_within_its_bounds() {
        for (sizes, read) in [
            (&[][..], 0),
            (&[10, 20], 30),
            (&[REFUSAL - 1, 1, 1], REFUSAL),
            (&[REFUSAL, 1], REFUSAL),
            (&[REFUSAL + 1, 1], REFUSAL + 1),
        ] {
            assert_eq!(beginning(StreamBody::new(pieces(sizes))).await.len(), read, "{sizes:?}");
        }
        let begun = Instant::now();
        let unending = pieces(&[10]).chain(stream::pending());
        assert_eq!(beginning(StreamBody::new(unending)).await.len(), 10);
        assert_eq!(begun.elapsed(), REFUSAL_TIME);
    }
}
