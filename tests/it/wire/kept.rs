//! Connections that are kept from one request to the next.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::gateway::{Gateway, Launch};
use crate::support::stream::{QUICK_SOURCE, Stream};
use crate::support::until;

const HEADS: &str = "[http]\nheader_time = '300ms'\nidle_time = '1200ms'\n";

/// A client that keeps its connection.
struct Kept(TcpStream);

impl Kept {
    fn connect(gateway: &Gateway) -> Self {
        let tcp = TcpStream::connect(&gateway.address).expect("it listens");
        tcp.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
        Self(tcp)
    }

    fn send(&mut self, bytes: &str) {
        // Where it is closed already, the next read tells.
        let _ = self.0.write_all(bytes.as_bytes());
    }

    /// The head of the next answer, which has a short body.
    fn answer(&mut self) -> String {
        let mut answer = Vec::new();
        let mut piece = [0; 1 << 10];
        while !answer.ends_with(b"ok\n") && !answer.ends_with(b"}") {
            let read = self.0.read(&mut piece).expect("an answer");
            assert!(read > 0, "closed: {}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&piece[..read]);
        }
        String::from_utf8_lossy(&answer).to_ascii_lowercase()
    }

    /// In how many milliseconds the gateway closes it, without a word.
    fn closes_in(&mut self) -> u128 {
        let began = Instant::now();
        assert_eq!(self.0.read(&mut [0; 1]).expect("an end"), 0);
        began.elapsed().as_millis()
    }
}

const ASK: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn pause(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

#[test]
fn a_connection_that_rests_is_kept_and_a_head_that_takes_its_time_is_not() {
    let gateway = Gateway::with_settings(HEADS);
    let mut silent = Kept::connect(&gateway);
    let mut slow = Kept::connect(&gateway);
    slow.send("GET /healthz HTTP/1.1\r\n");
    assert!((250..900).contains(&silent.closes_in()), "who asks nothing");
    assert!(slow.closes_in() < 300, "who asks half of something");

    let mut kept = Kept::connect(&gateway);
    for rest in [0, 700, 700] {
        pause(rest);
        kept.send(ASK);
        assert!(kept.answer().starts_with("http/1.1 200"));
    }
    let mut dripping = kept.0.try_clone().map(Kept).expect("a socket");
    pause(700);
    kept.send(&ASK[..1]);
    let drips = std::thread::spawn(move || {
        for n in 1..ASK.len() {
            pause(100);
            dripping.send(&ASK[n..=n]);
        }
    });
    assert!((250..900).contains(&kept.closes_in()), "a byte now and then is no head");
    drips.join().expect("it ends");

    let mut unused = Kept::connect(&gateway);
    unused.send(ASK);
    unused.answer();
    assert!((1_100..2_000).contains(&unused.closes_in()));
    let late = |code: &str| gateway.count(&format!("tagcast_http_head_timeouts_total{{code=\"{code}\"}}"));
    assert_eq!((late("header_time"), late("idle_time")), (3, 1));
}

/// Who was answered may rest for long, and so may strangers: until others come.
#[test]
fn strangers_that_rest_keep_nobody_out() {
    const TOKEN: &str = "0123456789abcdef0123456789abcdef";
    const SECRET: &str = "Bearer a-long-secret-of-a-source";
    let settings = format!(
        "[[readers]]\nname = 'one'\ntoken = '{TOKEN}'\nadmin = true\n[[sources]]\nname = 'distribution'\n\
         kind = 'distribution'\ncredentials = [{{ header = 'Authorization', value = '{SECRET}' }}]\n"
    );
    let launch = Launch { first: "ulimit -n 256", ..Launch::default() };
    let gateway = Gateway::launched(&settings, None, &[], launch);
    let mut registry = Kept::connect(&gateway);
    let post = format!(
        "POST /v1/sources/distribution/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: {SECRET}\r\n\
         Content-Length: 13\r\n\r\n{{\"events\":[]}}"
    );
    registry.send(&post);
    assert!(registry.answer().starts_with("http/1.1 200"));
    let resting: Vec<_> = (0..300)
        .map(|_| {
            let mut stranger = Kept::connect(&gateway);
            stranger.send(ASK);
            assert!(stranger.answer().starts_with("http/1.1 200"));
            stranger
        })
        .collect();
    // It keeps its connection, and comes in on another.
    let again = Kept::connect(&gateway);
    for mut connection in [registry, again] {
        connection.send(&post);
        assert!(connection.answer().starts_with("http/1.1 200"));
    }
    let cut = "tagcast_connections_cut_for_room_total{code=\"unproven\"}";
    assert!(gateway.count_as(TOKEN, cut) >= 200, "{}", resting.len());
}

#[test]
fn an_answer_before_the_end_of_a_body_says_that_it_is_the_last() {
    let gateway = Gateway::start();
    for (length, sent, is_last) in [(3 << 20, 0, true), (3 << 20, 1_000, true), (13, 13, false)] {
        let mut kept = Kept::connect(&gateway);
        kept.send(&format!(
            "POST /v1/sources/distribution/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
        ));
        kept.send(&"{\"events\":[]}".repeat(100)[..sent]);
        let answer = kept.answer();
        assert_eq!(answer.contains("connection: close"), is_last, "{length} {sent}: {answer}");
        kept.send(ASK);
        assert_eq!(kept.0.read(&mut [0; 1 << 10]).expect("an end") == 0, is_last, "{length} {sent}");
    }
}

#[test]
fn a_gateway_that_stops_says_so_on_each_kept_connection() {
    let gateway = Gateway::with_settings(QUICK_SOURCE);
    let mut kept = Kept::connect(&gateway);
    kept.send(ASK);
    assert!(!kept.answer().contains("connection: close"));
    // Beside a client that takes nothing the gateway takes its time.
    let _stuck = Stream::stuck(&gateway);
    gateway.signal("TERM");
    until("it says that it stops", || {
        kept.send(ASK);
        kept.answer().contains("connection: close")
    });
    assert!(kept.closes_in() < 1_000);
}
