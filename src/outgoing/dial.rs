//! Connecting to whichever of a host's addresses answers first, as RFC 8305 says: one attempt begins after the other,
//! in both families by turns, and none waits for those before it to end. So a dead address costs a quarter of a second.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

/// For a connection, however many addresses there are; so at most twenty are being tried.
pub(super) const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Between the beginnings of two attempts, unless the former fails earlier.
const DELAY: Duration = Duration::from_millis(250);
/// Attempts of all that connect, beside the first of each: a name with many dead addresses takes no more descriptors.
static MORE: Semaphore = Semaphore::const_new(64);

/// Connects to one of these addresses, all of which may be connected to, before `deadline`.
///
/// # Errors
///
/// That of the attempt which failed last; [`io::ErrorKind::TimedOut`].
pub(super) async fn dial(addresses: &[SocketAddr], deadline: Instant) -> io::Result<TcpStream> {
    let deadline = deadline.min(Instant::now() + CONNECT_TIME);
    let late = || io::Error::new(io::ErrorKind::TimedOut, "no answer in time");
    let tcp = timeout_at(deadline, race(addresses)).await.unwrap_or_else(|_| Err(late()))?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

async fn race(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut rest = by_turns(addresses).into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        let place = if attempts.is_empty() { Some(None) } else { MORE.try_acquire().ok().map(Some) };
        attempts.extend(place.and_then(|place| {
            let address = rest.next()?;
            Some(async move {
                let connected = TcpStream::connect(address).await;
                drop(place);
                connected
            })
        }));
        let ended = match rest.len() {
            0 => attempts.next().await,
            _ => timeout(DELAY, attempts.next()).await.unwrap_or(None),
        };
        match ended {
            Some(Ok(tcp)) => return Ok(tcp),
            Some(Err(error)) => failed = error,
            None if attempts.is_empty() && rest.len() == 0 => return Err(failed),
            None => {}
        }
    }
}

/// The resolver's order within each family, and the families by turns, the resolver's first one first.
fn by_turns(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let family = |v6: bool| addresses.iter().copied().filter(move |address| address.is_ipv6() == v6);
    let (mut one, mut other) = (family(first_is_v6), family(!first_is_v6));
    let mut ordered = Vec::with_capacity(addresses.len());
    while ordered.len() < addresses.len() {
        ordered.extend(one.next());
        ordered.extend(other.next());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    fn soon() -> Instant {
        Instant::now() + CONNECT_TIME
    }

    /// Addresses that take no connection and refuse none: nobody accepts, and the queue is full.
    async fn dead(count: usize) -> (Vec<SocketAddr>, Vec<(TcpListener, Vec<TcpStream>)>) {
        let (mut addresses, mut kept) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let listener = socket.listen(0).unwrap();
            let address = listener.local_addr().unwrap();
            let mut waiting = Vec::new();
            while let Ok(tcp) = timeout(Duration::from_millis(50), TcpStream::connect(address)).await {
                waiting.push(tcp.unwrap());
            }
            addresses.push(address);
            kept.push((listener, waiting));
        }
        (addresses, kept)
    }

    #[tokio::test]
    async fn dead_addresses_cost_a_quarter_of_a_second_each_and_refusals_nothing() {
        let (mut addresses, _kept) = dead(2).await;
        addresses.insert(1, "127.0.0.1:1".parse().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.push(listener.local_addr().unwrap());
        let began = Instant::now();
        let tcp = dial(&addresses, soon()).await.unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), addresses[3]);
        let took = began.elapsed();
        assert!(took >= DELAY * 2 && took < CONNECT_TIME / 2, "{took:?}");
    }

    #[tokio::test]
    async fn the_deadline_is_one_for_all_and_the_last_error_is_told() {
        let (addresses, _kept) = dead(2).await;
        let late = dial(&addresses, Instant::now() + DELAY * 2).await.unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        let refused = dial(&["127.0.0.1:1".parse().unwrap()], soon()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(dial(&[], soon()).await.unwrap_err().kind(), io::ErrorKind::AddrNotAvailable);
    }

    #[test]
    fn families_take_turns() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| format!("{text}:1").parse().unwrap()).collect()
        };
        for (given, tried) in [
            (&["[::1]", "[::2]", "[::3]", "1.1.1.1"][..], &["[::1]", "1.1.1.1", "[::2]", "[::3]"][..]),
            (&["1.1.1.1", "1.1.1.2", "[::1]"], &["1.1.1.1", "[::1]", "1.1.1.2"]),
            (&["1.1.1.1", "1.1.1.2"], &["1.1.1.1", "1.1.1.2"]),
            (&[], &[]),
        ] {
            assert_eq!(by_turns(&addresses(given)), addresses(tried));
        }
    }
}
