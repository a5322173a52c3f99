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

/// A server that answers each connection with these bytes, and counts them.
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
                let _ = tcp.read(&mut scratch).await;
                let _ = tcp.write_all(answer).await;
                let _ = tcp.read(&mut scratch).await;
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
        Box::pin(async move { Some(vec![SocketAddr::new(answers[nth].parse().unwrap(), port)]) })
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
        Box::pin(async move { Some(both.to_vec()) })
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

#[test]
fn the_machines_own_addresses_are_known() {
    assert!(is_own("127.0.0.1".parse().unwrap()));
    assert!(!is_own("192.0.2.1".parse().unwrap()));
}
