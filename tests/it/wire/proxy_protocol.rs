//! The PROXY protocol: who a client is, where a proxy passes on bytes.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::gateway::Gateway;
use crate::support::until;

const TRUST: &str = "[http]\ntrusted_proxies = ['127.0.0.1']\nproxy_protocol = true\n";
const STREAM: &str =
    "GET /v1/events?filter=true HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n";

/// HAProxy with these settings behind a `defaults` of its own, on a free port.
struct HaProxy {
    port: u16,
    process: Child,
    _directory: TempDir,
}

impl HaProxy {
    fn start(rest: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let settings = format!(
            "defaults\n timeout connect 2s\n timeout client 1m\n timeout server 1m\n timeout check 2s\n\
             listen tagcast\n bind 127.0.0.1:{port}\n{rest}\n"
        );
        let file = directory.path().join("haproxy.cfg");
        std::fs::write(&file, settings).expect("a file");
        let mut haproxy = Command::new("/usr/sbin/haproxy");
        haproxy.arg("-db").arg("-f").arg(file).stderr(Stdio::null()).stdout(Stdio::null());
        let process = haproxy.spawn().expect("`make test-tools` installs it");
        until("HAProxy listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { port, process, _directory: directory }
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn v2(client: [u8; 4], port: u16) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend(client);
    header.extend([127, 0, 0, 1]);
    header.extend(port.to_be_bytes());
    header.extend([0, 80]);
    header
}

/// Sends these bytes from an address of loopback: the connection, and the status of the answer; 0 where there is none.
fn send(gateway: &Gateway, from: [u8; 4], pieces: &[&[u8]]) -> (TcpStream, u16) {
    let to = gateway.address.parse::<std::net::SocketAddr>().expect("an address");
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None);
    let socket = socket.expect("a socket");
    rustix::net::bind(&socket, &std::net::SocketAddr::from((from, 0))).expect("an address");
    rustix::net::connect(&socket, &to).expect("it listens");
    let mut tcp = TcpStream::from(socket);
    tcp.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    tcp.set_nodelay(true).expect("a socket");
    for piece in pieces {
        let _ = tcp.write_all(piece);
    }
    let mut begin = [0; 12];
    let status = match tcp.read_exact(&mut begin) {
        Ok(()) => std::str::from_utf8(&begin[9..]).expect("a status").parse().expect("a status"),
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset), "{error}");
            0
        }
    };
    (tcp, status)
}

/// Of all who are connected, as one who comes by no trusted proxy sees them.
fn connected(gateway: &Gateway) -> Vec<String> {
    let (mut tcp, status) =
        send(gateway, [127, 0, 0, 2], &[b"GET /v1/connections HTTP/1.0\r\nHost: localhost\r\n\r\n"]);
    assert_eq!(status, 200);
    let mut rest = String::new();
    tcp.read_to_string(&mut rest).expect("text");
    let body: serde_json::Value =
        serde_json::from_str(rest.split_once("\r\n\r\n").expect("a body").1).expect("JSON");
    let list = body["connections"].as_array().expect("a list").clone();
    list.iter().map(|one| one["address"].as_str().expect("an address").to_owned()).collect()
}

#[test]
fn behind_haproxy_the_clients_own_address_counts() {
    let gateway = Gateway::with_settings(TRUST);
    let behind = |line: &str| {
        HaProxy::start(&format!(
            " mode tcp\n option httpchk GET /readyz\n server gateway {} {line} check inter 100ms",
            gateway.address
        ))
    };
    for line in [
        "send-proxy-v2 check-send-proxy",
        "send-proxy check-send-proxy",
        "send-proxy-v2-ssl-cn check-send-proxy",
    ] {
        let proxy = behind(line);
        let mut client = None;
        // Its first look at the gateway is one of its own.
        until("a client passes", || {
            let mut tcp = TcpStream::connect(("127.0.0.1", proxy.port)).expect("it listens");
            tcp.write_all(STREAM.as_bytes()).expect("it listens");
            let mut begin = [0; 12];
            let passed = tcp.read_exact(&mut begin).is_ok() && &begin == b"HTTP/1.1 200";
            client = passed.then_some(tcp);
            passed
        });
        let own = client.as_ref().expect("a client").local_addr().expect("an address").to_string();
        assert_eq!(connected(&gateway), [own], "{line}");
        drop(client);
        until("it is gone", || connected(&gateway).is_empty());
    }
}

#[test]
fn the_address_that_is_told_is_the_one_of_every_limit_and_list() {
    let gateway = Gateway::with_settings(&format!(
        "{TRUST}[connections]\nper_address = 2\nunproven_per_address = 3\n\
         [[sources]]\nname = 'distribution'\nkind = 'distribution'\nallow = ['203.0.113.0/24']\n"
    ));
    let proxy = [127, 0, 0, 1];
    let stream = |last: u8| send(&gateway, proxy, &[&v2([203, 0, 113, last], 4660), STREAM.as_bytes()]);
    let open = [stream(7), stream(7), stream(8)];
    assert!(open.iter().all(|(_, status)| *status == 200), "{open:?}");
    assert_eq!(stream(7).1, 429, "as many as an address may have");
    assert_eq!(connected(&gateway), ["203.0.113.7:4660", "203.0.113.7:4660", "203.0.113.8:4660"]);

    let post = b"POST /v1/sources/distribution/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 13\r\n\r\n{\"events\":[]}";
    assert_eq!(send(&gateway, proxy, &[&v2([203, 0, 113, 9], 1), post]).1, 200);
    assert_eq!(send(&gateway, proxy, &[&v2([198, 51, 100, 1], 1), post]).1, 403);
    // A header behind it is the client's own word.
    let forged = b"POST /v1/sources/distribution/events HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.9\r\n\
        Content-Length: 13\r\n\r\n{\"events\":[]}";
    assert_eq!(send(&gateway, proxy, &[&v2([198, 51, 100, 1], 1), forged]).1, 403);
    // Where the proxy speaks of itself, its word on others counts.
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    assert_eq!(send(&gateway, proxy, &[local, forged]).1, 200);
    assert_eq!(send(&gateway, proxy, &[local, post]).1, 403);
    assert_eq!(send(&gateway, proxy, &[b"PROXY TCP4 203.0.113.9 127.0.0.1 1 80\r\n", post]).1, 200);

    // Of those who show nothing, an address has its share.
    let silent: Vec<_> = (0..5)
        .map(|_| {
            let mut tcp = TcpStream::connect(&gateway.address).expect("it listens");
            tcp.write_all(&v2([203, 0, 113, 77], 1)).expect("it listens");
            tcp.set_read_timeout(Some(Duration::from_millis(1))).expect("a socket");
            tcp
        })
        .collect();
    let is_closed = |mut tcp: &TcpStream| {
        let kind = |error: std::io::Error| error.kind();
        !matches!(tcp.read(&mut [0; 1]).map_err(kind), Err(ErrorKind::WouldBlock | ErrorKind::TimedOut))
    };
    until("two make room", || silent.iter().filter(|tcp| is_closed(tcp)).count() == 2);
}

#[test]
fn a_header_is_taken_of_trusted_proxies_alone_and_they_send_one() {
    let gateway = Gateway::with_settings(&format!("{TRUST}header_time = '500ms'\n"));
    let ask = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let header = v2([203, 0, 113, 7], 1);
    // Whoever is no trusted proxy speaks for itself, and HTTP.
    let stranger = [127, 0, 0, 2];
    assert_eq!(send(&gateway, stranger, &[ask]).1, 200);
    assert_eq!(send(&gateway, stranger, &[&header, ask]).1, 400);
    assert_eq!(send(&gateway, stranger, &[b"PROXY TCP4 203.0.113.7 127.0.0.1 1 80\r\n", ask]).1, 400);

    let proxy = [127, 0, 0, 1];
    assert_eq!(send(&gateway, proxy, &[&header, ask]).1, 200);
    let (mut refused, status) = send(&gateway, proxy, &[ask]);
    let mut why = String::new();
    let _ = refused.read_to_string(&mut why);
    assert!(status == 400 && why.ends_with("version 1 or 2\"}}"), "{why}");
    let (head, body) = why.split_once("\r\n\r\n").expect("a body");
    assert!(head.contains(&format!("content-length: {}", body.len())), "{why}");
    let datagrams = b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c\xcb\0\x71\x07\x7f\0\0\x01\0\x01\0\x50";
    assert_eq!(send(&gateway, proxy, &[datagrams, ask]).1, 400);
    assert_eq!(send(&gateway, proxy, &[&header[..12], b"\x21\x11\x10\0"]).1, 400, "more than 4 KiB");
    let denied = "tagcast_turned_away_total{code=\"proxy_header\"}";
    let metrics = b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n";
    let (mut told, _) = send(&gateway, stranger, &[metrics]);
    let mut text = String::new();
    told.read_to_string(&mut text).expect("text");
    assert!(text.contains(&format!("{denied} 3")), "{text}");

    // The time for a head is for the header as well.
    let before = Instant::now();
    assert_eq!(send(&gateway, proxy, &[&header[..20]]).1, 0);
    assert_eq!(send(&gateway, proxy, &[&header, &ask[..10]]).1, 0);
    assert!(before.elapsed() >= Duration::from_millis(900) && before.elapsed() < Duration::from_secs(8));
    // However it is cut into pieces.
    let mut slow = TcpStream::connect(&gateway.address).expect("it listens");
    for byte in [&header[..], ask].concat() {
        slow.write_all(&[byte]).expect("it listens");
    }
    let mut begin = [0; 12];
    slow.read_exact(&mut begin).expect("an answer");
    assert_eq!(&begin, b"HTTP/1.1 200");
}

#[test]
fn without_the_setting_a_header_is_no_http() {
    let gateway = Gateway::with_settings("[http]\ntrusted_proxies = ['127.0.0.1']\n");
    let ask = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(send(&gateway, [127, 0, 0, 1], &[&v2([203, 0, 113, 7], 1), ask]).1, 400);
    assert_eq!(send(&gateway, [127, 0, 0, 1], &[ask]).1, 200);
}
