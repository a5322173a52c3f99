//! Triggers and sources that lead in a circle: an event comes back once, and goes no further.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};

use crate::support::gateway::Gateway;
use crate::support::notification::new_image;
use crate::support::until;

/// Another address of a gateway, as a proxy before it has one; where it leads is told later.
struct Relay {
    address: String,
    listener: Option<TcpListener>,
}

impl Relay {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        Self { address, listener: Some(listener) }
    }

    fn lead_to(&mut self, gateway: &Gateway) {
        let (listener, to) = (self.listener.take().expect("it leads nowhere yet"), gateway.address.clone());
        std::thread::spawn(move || {
            for from in listener.incoming().map_while(Result::ok) {
                let Ok(to) = TcpStream::connect(&to) else { continue };
                copy(&from, &to);
                copy(&to, &from);
            }
        });
    }
}

fn copy(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
    std::thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}

/// Two sources, and a trigger that posts everything to `back` at this address.
fn settings(address: &str, format: &str, kind: &str) -> String {
    format!(
        "[targets]\nports = 'any'\nallow_networks = ['127.0.0.0/8']\n\
         [[sources]]\nname = 'distribution'\nkind = 'distribution'\n[[sources]]\nname = 'back'\nkind = '{kind}'\n\
         [[triggers]]\nname = 'round'\nfilter = true\nbatch = {{ cutoff = '0s' }}\n\
         [triggers.target.http]\nurl = 'http://{address}/v1/sources/back/events'\nformat = '{format}'\n"
    )
}

fn events(gateway: &Gateway) -> u64 {
    gateway.count("tagcast_log_newest_offset")
}

fn loops(gateway: &Gateway) -> u64 {
    gateway.count("tagcast_ignored_total{source=\"back\",reason=\"loop\"}")
}

#[test]
fn a_trigger_of_its_own_source_ends_at_once() {
    for (format, kind) in [("tagcast", "yandex"), ("cloudevents", "cloudevents"), ("alibaba", "alibaba")] {
        let mut relay = Relay::new();
        let gateway = Gateway::with_settings(&settings(&relay.address, format, kind));
        relay.lead_to(&gateway);
        assert_eq!(gateway.notify(new_image(1)).json()["accepted"], 2);
        let told = if format == "alibaba" { 1 } else { 2 };
        until("it came back", || loops(&gateway) == told);
        assert_eq!(events(&gateway), 2, "{format}");
        // It is answered, so that nobody sends it again.
        let delivered = "tagcast_trigger_attempts_total{cloud=\"default\",code=\"delivered\"}";
        until("it is delivered", || gateway.count(delivered) > 0);
    }
}

#[test]
fn two_gateways_may_feed_each_other() {
    let mut relays = [Relay::new(), Relay::new()];
    let [a, b] = [1, 0]
        .map(|other: usize| Gateway::with_settings(&settings(&relays[other].address, "tagcast", "yandex")));
    relays[0].lead_to(&a);
    relays[1].lead_to(&b);
    a.notify(new_image(1));
    until("it came over and back", || events(&b) == 2 && loops(&a) == 2);
    b.notify(new_image(2));
    until("the other way too", || events(&a) == 4 && loops(&b) == 2);
    assert_eq!((events(&a), events(&b)), (4, 4));
    let page = b.get("/v1/events?after=earliest&limit=2").json();
    let first = &page["messages"][0]["details"];
    assert_eq!(first["via"].as_array().map(Vec::len), Some(1), "{page}");
    assert!(a.get("/v1/events?after=earliest&limit=2").json()["messages"][0]["details"]["via"].is_null());
}

#[test]
fn a_way_has_at_most_eight_gateways() {
    let gateway = Gateway::start();
    let post = |number: usize, hops: usize| {
        let way: Vec<_> = (0..hops).map(|hop| format!("{hop:08x}")).collect();
        let headers = [("Content-Type", "application/json"), ("Tagcast-Via", &*way.join(", "))];
        let path = "/v1/sources/distribution/events";
        let body = new_image(number);
        crate::support::http::request(&gateway.address, "POST", path, &headers, body.as_bytes()).json()
    };
    for (number, (hops, taken)) in [(7, 2), (8, 2), (9, 0), (40, 0)].into_iter().enumerate() {
        assert_eq!(post(number, hops)["accepted"], taken, "{hops}");
    }
    assert_eq!(gateway.count("tagcast_ignored_total{source=\"distribution\",reason=\"too_many_hops\"}"), 2);
}
