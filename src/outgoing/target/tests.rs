use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::Full;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::trigger::Ports;

fn loopback() -> Policy {
    Policy { ports: Ports::Any, allow: vec!["127.0.0.0/8".parse().unwrap()], own: Vec::new() }
}

async fn ask(targets: &Arc<Targets>, url: &str) -> Result<Reply, Failure> {
    let url = TargetUrl::parse(url, &targets.policy).unwrap();
    let request = Request::post(&url.path).header("host", &url.authority).body(Full::default()).unwrap();
    targets.line().send(&url, request, Duration::from_secs(3)).await
}

/// A server that answers every request of each connection with these bytes, and counts the connections.
async fn server(answer: &'static [u8]) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut scratch = [0; 4_096];
                while tcp.read(&mut scratch).await.is_ok_and(|read| read > 0) {
                    let _ = tcp.write_all(answer).await;
                }
            });
        }
    });
    (port, count)
}

const NO_CONTENT: &[u8] = b"HTTP/1.1 204 x\r\n\r\n";

#[tokio::test]
async fn a_name_that_changes_its_address_is_checked_each_time() {
    let (port, count) = server(NO_CONTENT).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let answers: [&str; 3] = ["127.0.0.1", "169.254.169.254", "10.0.0.1"];
    let resolve: Box<Resolve> = Box::new(move |_, port| {
        let nth = counted.fetch_add(1, Ordering::SeqCst).min(2);
        Box::pin(async move { Ok(vec![SocketAddr::new(answers[nth].parse().unwrap(), port)]) })
    });
    let targets = Targets::with_resolver(loopback(), resolve);
    let url = format!("http://rebinding.example.com:{port}/");
    assert_eq!(ask(&targets, &url).await.unwrap().status, 204);
    for _ in 0..2 {
        assert!(matches!(ask(&targets, &url).await, Err(Failure::Blocked(_))));
    }
    assert_eq!((count.load(Ordering::SeqCst), asked.load(Ordering::SeqCst)), (1, 3));
}

#[tokio::test]
async fn one_address_that_may_not_be_refuses_the_target() {
    let (port, count) = server(NO_CONTENT).await;
    let resolve: Box<Resolve> = Box::new(|_, port| {
        let both = ["127.0.0.1", "192.168.0.1"].map(|ip| SocketAddr::new(ip.parse().unwrap(), port));
        Box::pin(async move { Ok(both.to_vec()) })
    });
    let targets = Targets::with_resolver(loopback(), resolve);
    let refused = ask(&targets, &format!("http://both.example.com:{port}/")).await;
    assert!(matches!(refused, Err(Failure::Blocked(_))));
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn answers_have_bounds_and_redirects_are_answers() {
    let targets = Targets::new(loopback());
    let (port, count) =
        server(b"HTTP/1.1 302 x\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(ask(&targets, &format!("http://127.0.0.1:{port}/")).await.unwrap().status, 302);
    assert_eq!(count.load(Ordering::SeqCst), 1);

    let flood: &'static [u8] =
        [b"HTTP/1.1 200 x\r\nX: ".as_slice(), &vec![b'a'; 40_000], b"\r\n\r\n"].concat().leak();
    let (port, _) = server(flood).await;
    assert!(matches!(ask(&targets, &format!("http://127.0.0.1:{port}/")).await, Err(Failure::Broken(_))));

    let long: &'static [u8] =
        [b"HTTP/1.1 200 x\r\nContent-Length: 999999\r\n\r\n".as_slice(), &vec![b'a'; 40_000]].concat().leak();
    let (port, _) = server(long).await;
    let reply = ask(&targets, &format!("http://127.0.0.1:{port}/")).await.unwrap();
    assert_eq!((reply.status, reply.body.len()), (200, KEPT));
}

#[tokio::test]
async fn nobody_there_and_no_tls_there() {
    let targets = Targets::new(loopback());
    assert!(matches!(ask(&targets, "http://127.0.0.1:1/").await, Err(Failure::Connect(_))));
    let (port, _) = server(NO_CONTENT).await;
    assert!(matches!(
        ask(&targets, &format!("https://127.0.0.1:{port}/")).await,
        Err(Failure::Certificate(_))
    ));
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    assert!(matches!(ask(&targets, &url).await, Err(Failure::Late)));
}

/// A target at this port, of a name that takes so long to be found.
fn named(port: u16, takes: Duration) -> (Arc<Targets>, String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let resolve: Box<Resolve> = Box::new(move |_, port| {
        counted.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))])
        })
    });
    (Targets::with_resolver(loopback(), resolve), format!("http://named.example.com:{port}/"), asked)
}

async fn send_by(line: &mut Line, url: &str, time: Duration) -> Result<Reply, Failure> {
    let url = TargetUrl::parse(url, &loopback()).unwrap();
    let request = Request::post(&url.path).header("host", &url.authority).body(Full::default()).unwrap();
    line.send(&url, request, time).await
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_slow_to_be_found_takes_no_time_from_the_connection() {
    let (port, _) = server(NO_CONTENT).await;
    for (takes, whole, found) in [(11, 20, true), (13, 20, false), (3, 1, false)] {
        let (targets, url, _) = named(port, Duration::from_secs(takes));
        let reply = send_by(&mut targets.line(), &url, Duration::from_secs(whole)).await;
        match reply {
            Ok(reply) => assert!(found && reply.status == 204, "{takes}"),
            Err(failure) => assert!(!found && matches!(failure, Failure::Name(_)), "{takes}: {failure}"),
        }
    }
}

#[tokio::test]
async fn a_connection_in_steady_use_ends_with_its_age_and_its_name_is_looked_up_again() {
    let (port, connections) = server(NO_CONTENT).await;
    let (targets, url, asked) = named(port, Duration::ZERO);
    let mut line = targets.line();
    for (steps, made) in [(1, 1), (14, 1), (1, 2), (1, 2)] {
        for _ in 0..steps {
            assert_eq!(send_by(&mut line, &url, Duration::from_secs(3)).await.unwrap().status, 204);
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(20)).await;
            tokio::time::resume();
        }
        assert_eq!((connections.load(Ordering::SeqCst), asked.load(Ordering::SeqCst)), (made, made));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_without_an_end_costs_two_seconds() {
    let endless: &[u8] = b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    for answer in [endless, b"HTTP/1.1 503 x\r\nContent-Length: 9\r\n\r\nhello"] {
        let (port, _) = server(answer).await;
        let began = Instant::now();
        let reply = ask(&Targets::new(loopback()), &format!("http://127.0.0.1:{port}/")).await.unwrap();
        assert_eq!(reply.body, b"hello");
        let took = began.elapsed();
        assert!(took >= BODY_END && took < BODY_END * 2, "{took:?}");
    }
}

#[tokio::test]
async fn headers_are_bounded_by_their_bytes_alone() {
    for (count, fits) in [(100, true), (101, true), (3_000, true), (3_400, false)] {
        let lines = "a:b\r\n".repeat(count);
        let answer = format!("HTTP/1.1 200 x\r\nContent-Length: 0\r\n{lines}\r\n").into_bytes().leak();
        let (port, _) = server(answer).await;
        let reply = ask(&Targets::new(loopback()), &format!("http://127.0.0.1:{port}/")).await;
        assert_eq!(reply.is_ok_and(|reply| reply.status == 200), fits, "{count}");
    }
}

#[test]
fn the_machines_own_addresses_are_known() {
    assert!(is_own("127.0.0.1".parse().unwrap()));
    assert!(!is_own("192.0.2.1".parse().unwrap()));
}
