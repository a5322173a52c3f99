use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::client_stream::ClientStream;
use super::doors::Wire;
use super::http2;
use crate::limits::seldom;

/// How long a client may take to hear that its connection has ended,
const TIME: Duration = Duration::from_secs(2);
/// and how much it may send meanwhile.
const MOST: u64 = 4 << 20;
/// The first byte of one that speaks TLS.
const TLS_HANDSHAKE: u8 = 0x16;

/// Ends a connection of which this was read and not taken.
pub(super) async fn part(mut stream: ClientStream<Wire>, read: Bytes, ended: hyper::Result<()>) {
    match ended {
        Err(error) if error.is_parse_version_h2() => {
            seldom!(info, "a client speaks HTTP/2 to a port that speaks HTTP/1.1");
            // How it ends concerns the client alone.
            let _ = http2::refuse(&mut stream, read).await;
        }
        Err(error) if error.is_parse() => {
            if read.first() == Some(&TLS_HANDSHAKE) {
                seldom!(info, "a client speaks TLS to a port that speaks plain HTTP");
            }
        }
        // It is gone, or took too long.
        Err(_) => return,
        Ok(()) => {}
    }
    linger(stream.into_inner()).await;
}

/// Waits until the client has closed too. One that is refused before it has sent its whole body goes on to send: to a
/// socket that is closed already, which throws away what the client has not read yet.
async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    if stream.shutdown().await.is_ok() {
        let rest = async { tokio::io::copy(&mut stream.take(MOST), &mut tokio::io::sink()).await };
        // How it ends concerns the client alone.
        let _ = timeout(TIME, rest).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_on_is_heard_for_a_while_and_to_a_bound() {
        let begin = Instant::now();
        let (client, server) = duplex(64);
        linger(server).await;
        assert_eq!(begin.elapsed(), TIME, "it is silent");
        drop(client);

        let (client, server) = duplex(64);
        drop(client);
        linger(server).await;
        assert_eq!(begin.elapsed(), TIME, "it is gone");

        for (bytes, all) in [(MOST - 1, true), (MOST, true), (MOST + 65, false)] {
            let (mut client, server) = duplex(64);
            let sends = tokio::spawn(async move {
                tokio::io::copy(&mut tokio::io::repeat(0).take(bytes), &mut client).await.is_ok()
            });
            linger(server).await;
            assert_eq!(sends.await.unwrap(), all, "{bytes}");
        }
    }
}
