//! nginx, HAProxy and Caddy in front of the gateway, with the settings of `docs/operations.md`.
//!
//! `TAGCAST_PROXY_PAUSES=5,60,75,90,120` has connections rest for as many seconds.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::crowd::{Count, Crowd};
use crate::support::distance::Distance;
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, raw_request, request};
use crate::support::notification::new_image;
use crate::support::proxy::{Kind, Proxy, authority};
use crate::support::third_party::{By, Subscriber};
use crate::support::until;

const SETTINGS: &str = "
[http]
hosts = ['tagcast.example.com']
trusted_proxies = ['127.0.0.0/8']
";
/// What lies between a proxy and the gateway.
const AWAY: Duration = Duration::from_millis(10);
const INGEST: &str = "/v1/sources/distribution/events";

/// A gateway, and a proxy of each kind before it.
fn behind_each() -> (Gateway, [(Kind, Proxy); 3]) {
    let gateway = Gateway::with_settings(SETTINGS);
    let far = Distance::to(&gateway.address, AWAY);
    let proxies = Kind::ALL.map(|kind| (kind, Proxy::start(kind, &far.address)));
    (gateway, proxies)
}

/// A registry's connection to a proxy, which it keeps.
struct Sender {
    address: String,
    tcp: TcpStream,
    answers: Vec<u16>,
}

impl Sender {
    async fn connect(address: &str) -> Self {
        let tcp = TcpStream::connect(address).await.expect("the proxy listens");
        Self { address: address.to_owned(), tcp, answers: Vec::new() }
    }

    async fn post(&mut self, body: &str) {
        let head =
            format!("POST {INGEST} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
        // The proxy has bounds of its own.
        if matches!(self.tcp.try_read(&mut [0]), Ok(0)) {
            self.tcp = TcpStream::connect(&self.address).await.expect("the proxy listens");
        }
        self.tcp.write_all((head + body).as_bytes()).await.expect("it is open");
        let mut answer = String::new();
        let mut piece = [0; 4 << 10];
        while !is_whole(&answer) {
            let read = self.tcp.read(&mut piece).await.unwrap_or(0);
            if read == 0 {
                break;
            }
            answer.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        self.answers.push(answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0));
    }
}

/// Whether an answer has all that its head says.
fn is_whole(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let head = head.to_ascii_lowercase();
    match head.split_once("content-length:").map(|(_, rest)| rest.lines().next().unwrap_or_default().trim()) {
        Some(length) => length.parse().is_ok_and(|length: usize| body.len() >= length),
        None => body.ends_with("0\r\n\r\n"),
    }
}

/// Posts of a hundred connections to a proxy, each twice, so many seconds apart, give or take a tenth of a second: their
/// statuses.
async fn posts(address: String, first: usize, pause: u64) -> Vec<u16> {
    let mut senders = tokio::task::JoinSet::new();
    for n in 0..100_u64 {
        let address = address.clone();
        senders.spawn(async move {
            let mut sender = Sender::connect(&address).await;
            let number = first + 2 * usize::try_from(n).expect("a small number");
            sender.post(&new_image(number)).await;
            tokio::time::sleep(Duration::from_millis(pause * 1_000 - 100 + 2 * n)).await;
            sender.post(&new_image(number + 1)).await;
            sender.answers
        });
    }
    senders.join_all().await.concat()
}

#[test]
fn a_pause_between_posts_costs_none_of_them() {
    let pauses = std::env::var("TAGCAST_PROXY_PAUSES").unwrap_or_else(|_| "5".into());
    let pauses: Vec<u64> = pauses.split(',').map(|pause| pause.parse().expect("seconds")).collect();
    let (gateway, proxies) = behind_each();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut count = 0;
    for pause in pauses {
        let all = proxies.each_ref().map(|(kind, proxy)| {
            count += 200;
            (kind, runtime.spawn(posts(proxy.address.clone(), count, pause)))
        });
        for (kind, posts) in all {
            let answers = runtime.block_on(posts).expect("they end");
            let failed: Vec<_> = answers.iter().filter(|status| **status != 200).collect();
            assert!(answers.len() == 200 && failed.is_empty(), "{kind:?}, {pause} s: {failed:?}");
        }
    }
    // Each made an image and its tag.
    assert_eq!(gateway.count("tagcast_source_events_total{source=\"distribution\"}"), 2 * count as u64);
}

/// A program whose output is read as it comes.
struct Output {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Output {
    fn of(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().expect("it is there");
        let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        Self { process, lines }
    }

    /// Of curl, which reads a stream through a proxy, over TLS.
    fn of_stream(proxy: &Proxy, accept: &str) -> Self {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--no-buffer", "--max-time", "20", "--cacert", &authority()]);
        curl.args(["--header", &format!("Accept: {accept}")]);
        Self::of(curl.arg(format!("{}/v1/events?filter=true&batch_size=1", proxy.https)))
    }

    /// Reads on to the line in which this stands.
    fn find(&mut self, text: &str) {
        assert!(self.lines.by_ref().map_while(Result::ok).any(|line| line.contains(text)), "{text}");
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn what_happens_passes_each_proxy_at_once() {
    let (gateway, proxies) = behind_each();
    let accepts = ["text/event-stream", "application/x-ndjson"];
    let open = |(kind, proxy)| accepts.map(|accept| (kind, accept, Output::of_stream(proxy, accept)));
    let streams = proxies.each_ref().map(|(kind, proxy)| open((*kind, proxy)));
    for transport in ["sse", "ndjson"] {
        let count = format!("tagcast_connections{{transport=\"{transport}\"}}");
        until("all are open", || gateway.count(&count) == 3);
    }
    let began = Instant::now();
    gateway.notify(new_image(0));
    for (kind, accept, mut stream) in streams.into_iter().flatten() {
        stream.find("\"v0\"");
        assert!(began.elapsed() < Duration::from_secs(2), "{kind:?}, {accept}: {:?}", began.elapsed());
    }
}

#[test]
fn clients_of_others_come_in_through_each_proxy() {
    let (gateway, proxies) = behind_each();
    let trust = [("SSL_CERT_FILE", authority()), ("NODE_EXTRA_CA_CERTS", authority())];
    let subscribers: Vec<_> = proxies
        .iter()
        .flat_map(|(_, proxy)| {
            let wss = proxy.https.replace("https", "wss");
            let socket =
                |by| Subscriber::trusting(by, "subscribe", &format!("{wss}/v1/ws?filter=true"), 2, &trust);
            let events = format!("{}/v1/events?filter=true", proxy.https);
            let sse = |by| Subscriber::trusting(by, "sse", &events, 2, &trust);
            [socket(By::Python), sse(By::Node)]
        })
        .collect();
    // The gateway is told the client's own address; its counters the proxies keep to themselves.
    let shown = gateway.get("/v1/connections").json();
    let shown = shown["connections"].as_array().expect("a list");
    assert_eq!(shown.len(), 6);
    assert!(shown.iter().all(|one| one["address"] == "127.0.0.1"), "{shown:?}");
    for (kind, proxy) in &proxies {
        let asked = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
        assert_eq!(raw_request(&proxy.address, asked, b"").status, 403, "{kind:?}");
    }
    gateway.notify(new_image(0));
    for subscriber in subscribers {
        let messages = subscriber.messages();
        let text = Value::from(messages).to_string();
        assert!(text.contains("CreateImageTag"), "{text}");
    }
}

/// One post on a connection of its own.
fn post(address: &str, body: &str) -> Answer {
    let head = format!(
        "POST {INGEST} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    raw_request(address, &head, body.as_bytes())
}

#[test]
fn bodies_as_large_as_the_gateway_takes_pass_each_proxy() {
    let (_gateway, proxies) = behind_each();
    let events: Vec<_> = (0..1_900).map(|_| json!({"action": "pull", "id": "x".repeat(1_000)})).collect();
    let body = json!({"events": events}).to_string();
    assert!(body.len() > 19 << 16);
    for (kind, proxy) in &proxies {
        let answer = post(&proxy.address, &body);
        assert_eq!(answer.status, 200, "{kind:?}: {}", answer.body);
    }
}

#[test]
fn a_gateway_that_is_started_again_is_found_again_behind_each_proxy() {
    let (mut gateway, proxies) = behind_each();
    let watching = proxies.each_ref().map(|(_, proxy)| {
        let mut watch = Command::new(env!("CARGO_BIN_EXE_tagcast"));
        let url = proxy.address.replace("127.0.0.1", "http://localhost");
        Output::of(watch.args(["watch", "--url", &url, "--after", "earliest"]).stderr(Stdio::null()))
    });
    gateway.notify(new_image(0));
    until("they are there", || gateway.metric("tagcast_connections{transport=\"websocket\"}") >= 3.0);
    gateway.terminate();
    for (kind, proxy) in &proxies {
        let status = post(&proxy.address, "").status;
        assert!(matches!(status, 502 | 503), "{kind:?}: {status}");
    }
    gateway.start_again();
    gateway.notify(new_image(1));
    for (mut watch, (_, proxy)) in watching.into_iter().zip(&proxies) {
        for text in ["\"v0\"", "\"v1\""] {
            watch.find(text);
        }
        until("posts come in again", || post(&proxy.address, "{\"events\":[]}").status == 200);
    }
}

#[test]
fn an_event_source_waits_for_the_gateway_behind_each_proxy() {
    let (mut gateway, proxies) = behind_each();
    let count = Count { event_sources: 4, polyfills: 1, websockets: 0 };
    let mut crowds = proxies.each_ref().map(|(_, proxy)| {
        let url = proxy.address.replace("127.0.0.1", "http://localhost");
        Crowd::start(&url, "198.51.100.7", count)
    });
    until("all are there", || crowds.iter_mut().all(Crowd::is_back));
    gateway.notify(new_image(0));
    gateway.terminate();
    let accept = ("Accept", "text/event-stream");
    for (kind, proxy) in &proxies {
        let (address, path) = (proxy.address.replace("127.0.0.1", "localhost"), "/v1/events");
        let stream = request(&address, "GET", path, &[accept], b"");
        assert!(stream.status == 200 && stream.head.contains("text/event-stream"), "{kind:?}: {stream:?}");
        let page = request(&address, "GET", path, &[], b"");
        assert!(matches!(page.status, 502 | 503), "{kind:?}: {page:?}");
    }
    gateway.start_again();
    gateway.notify(new_image(1));
    until("each has what happened", || crowds.iter_mut().all(|crowd| crowd.has(4)));
    for crowd in &mut crowds {
        let report = crowd.report();
        assert_eq!((&report["closed"], &report["wrong"]), (&json!(0), &json!(0)), "{report}");
    }
}

#[test]
fn a_refusal_that_comes_before_the_end_of_a_body_passes_each_proxy() {
    const SECRET: &str = "
        [[sources]]
        name = 'distribution'
        kind = 'distribution'
        credentials = [{ header = 'Authorization', value = 'Bearer a-long-secret-of-a-source' }]
    ";
    let gateway = Gateway::with_settings(&format!("{SETTINGS}wrong_credentials_burst = 1000\n{SECRET}"));
    let far = Distance::to(&gateway.address, AWAY);
    let body = "x".repeat(1 << 20);
    for kind in Kind::ALL {
        let proxy = Proxy::start(kind, &far.address);
        let statuses = [(); 10].map(|()| post(&proxy.address, &body).status);
        assert_eq!(statuses, [401; 10], "{kind:?}");
    }
    let statuses = [(); 10].map(|()| post(&far.address, &body).status);
    assert_eq!(statuses, [401; 10], "none");
}

#[test]
fn a_proxy_that_is_set_up_in_another_way_is_told_what_is_missing() {
    let gateway = Gateway::with_settings(SETTINGS);
    let snippet = Kind::Nginx.snippet();
    for (left_out, remedy) in [
        ("proxy_http_version 1.1;", "proxy_http_version 1.1"),
        ("proxy_set_header Upgrade $http_upgrade;", "proxy_set_header Upgrade $http_upgrade"),
        ("proxy_set_header Connection $connection_upgrade;", "proxy_set_header Connection"),
    ] {
        assert!(snippet.contains(left_out));
        let proxy = Proxy::with(Kind::Nginx, &snippet.replace(left_out, ""), &gateway.address);
        let asked = "GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let answer = raw_request(&proxy.address, asked, b"");
        assert_eq!((answer.status, answer.code().as_str()), (426, "upgrade_required"), "{left_out}");
        assert!(answer.body.contains(remedy), "{left_out}: {}", answer.body);
    }
}
