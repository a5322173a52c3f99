use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::App;
use super::client_stream::ClientStream;
use super::doors::Wire;
use crate::limits::seldom;
use crate::metrics::CodeLabel;
use crate::transport::{PeerAddress, ProxyHeader, ProxyHeaderError};

/// What a program reads that comes without a header. It shows nothing that could be a secret.
const REFUSAL: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/json\r\n\
content-length: 140\r\n\r\n{\"error\":{\"code\":\"bad_request\",\"message\":\"http.proxy_protocol: a connection of a \
trusted proxy begins with a PROXY header, version 1 or 2\"}}";

/// Hears of a trusted proxy whom the connection is from, and counts it as theirs. `None`: it is of no use.
pub(super) async fn introduced(
    wire: &mut ClientStream<Wire>,
    proxy: PeerAddress,
    app: &Arc<App>,
) -> Option<PeerAddress> {
    match header(wire).await {
        Ok(Some(told)) => {
            let client = PeerAddress::Tcp(told);
            wire.get_mut().introduce(client).await;
            Some(client)
        }
        Ok(None) => Some(proxy),
        Err(error) => {
            if let Some(error) = error.get_ref().and_then(|error| error.downcast_ref::<ProxyHeaderError>()) {
                let code = "proxy_header";
                app.metrics.turned_away.get_or_create(&CodeLabel { code }).inc();
                seldom!(warn, %proxy, %error, "a trusted proxy said nothing of whom it speaks for");
                // Whoever does not listen is closed all the same.
                let _ = wire.write_all(REFUSAL).await;
                let _ = wire.shutdown().await;
            }
            None
        }
    }
}

/// The address in the header; the connection's bounds of a head hold for it too.
async fn header(wire: &mut ClientStream<Wire>) -> io::Result<Option<SocketAddr>> {
    let mut bytes = Vec::new();
    loop {
        match ProxyHeader::read(&bytes).map_err(io::Error::other)? {
            ProxyHeader::Whole(told) => return Ok(told),
            ProxyHeader::More(more) => {
                let there = bytes.len();
                bytes.resize(there + more, 0);
                wire.read_exact(&mut bytes[there..]).await?;
            }
        }
    }
}
