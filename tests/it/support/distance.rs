//! A network between a proxy and the gateway: what goes through it, and its end, arrives some time later.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Runs until the test's process ends.
pub(crate) struct Distance {
    /// Host and port.
    pub(crate) address: String,
}

impl Distance {
    /// One in front of `target`, host and port, that is `delay` away.
    pub(crate) fn to(target: &str, delay: Duration) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address").to_string();
        let target = target.parse().expect("an address");
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(relay(listener, target, delay));
        });
        Self { address }
    }
}

async fn relay(listener: std::net::TcpListener, target: SocketAddr, delay: Duration) {
    let listener = TcpListener::from_std(listener).expect("a socket");
    while let Ok((near, _)) = listener.accept().await {
        tokio::spawn(async move {
            // Nobody there: who connected sees the connection end.
            let Ok(far) = TcpStream::connect(target).await else { return };
            for socket in [&near, &far] {
                socket.set_nodelay(true).expect("a socket");
            }
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::spawn(carry(near_in, far_out, delay));
            carry(far_in, near_out, delay).await;
        });
    }
}

/// Takes what comes, when it comes, and hands it over later, its end as well.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let (sender, mut on_its_way) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            if sender.send((Instant::now() + delay, buffer[..read].to_vec())).is_err() {
                return;
            }
        }
        let _ = sender.send((Instant::now() + delay, Vec::new()));
    });
    while let Some((at, bytes)) = on_its_way.recv().await {
        sleep_until(at).await;
        if bytes.is_empty() || to.write_all(&bytes).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
    // What nobody takes any more arrives nowhere; but this end is not closed before the other has closed its own.
    while on_its_way.recv().await.is_some() {}
}
