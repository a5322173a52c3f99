//! Clients of server-sent events come back as their libraries do it, and miss nothing.

use serde_json::{Value, json};

use crate::support::client::id;
use crate::support::gateway::Gateway;
use crate::support::http::request;
use crate::support::notification::new_image;
use crate::support::relay::Relay;
use crate::support::stream::Stream;
use crate::support::third_party::{By, Subscriber};
use crate::support::until;

const SSE: (&str, &str) = ("Accept", "text/event-stream");

fn ids(events: &[Value]) -> Vec<String> {
    events.iter().map(id).collect()
}

/// Where a stream with this URL and these headers starts.
fn start(gateway: &Gateway, path: &str, headers: &[(&str, &str)]) -> String {
    let stream = Stream::open(&gateway.address, path, &[&[SSE], headers].concat());
    let line = stream.head.lines().find_map(|line| line.strip_prefix("tagcast-position: "));
    line.expect("it tells where it starts").to_owned()
}

#[test]
fn connections_that_are_cut_in_an_event_lose_and_double_nothing() {
    let gateway = Gateway::start();
    // Each in the middle of something: an event has about 900 bytes.
    let cuts = [2_500, 4_321];
    let all = [
        (By::Node, "eventsource"),
        (By::Node, "event-source-polyfill"),
        (By::Python, "httpx-sse"),
        (By::Python, "sseclient-py"),
    ];
    let clients = all.map(|(by, library)| {
        let relay = Relay::cutting(&gateway.address, &cuts);
        let url = format!("http://{}/v1/events?filter=true&batch_cutoff=0&batch_size=2", relay.address);
        (library, Subscriber::sse_with(by, library, &url, 40), relay)
    });
    for n in 0..20 {
        gateway.notify(new_image(n));
    }
    let expected = ids(&gateway.connect("?filter=true&after=earliest").events(40));
    for (library, client, relay) in clients {
        let told = client.messages();
        let batches = told.iter().filter(|sent| sent["event"] == "message");
        let events = batches.flat_map(|sent| sent["data"]["messages"].as_array().expect("a list").clone());
        assert_eq!(ids(&events.collect::<Vec<_>>()), expected, "{library}: each once, in order");
        assert!(relay.taken() > cuts.len(), "{library}: it was cut off, and came back");
    }
}

#[test]
fn where_a_client_was_may_stand_in_the_url_and_the_header_comes_first() {
    let gateway = Gateway::start();
    for n in 0..3 {
        gateway.notify(new_image(n));
    }
    let all = ids(&gateway.connect("?filter=true&after=earliest").events(6));
    let path = |query: &str| format!("/v1/events?filter=true{query}");
    for name in ["lastEventId", "lastEventID", "Last-Event-ID", "last-event-id", "last_event_id"] {
        let began = start(&gateway, &path(&format!("&after=earliest&{name}={}", all[3])), &[]);
        assert_eq!(began, all[3], "{name}");
    }
    // Some libraries append it anew each time.
    let several = path(&format!("&Last-Event-ID={}&lastEventId={}&lastEventId={}", all[4], all[1], all[2]));
    assert_eq!(start(&gateway, &several, &[]), all[2]);
    assert_eq!(start(&gateway, &several, &[("Last-Event-ID", &all[3])]), all[3]);
    let began = start(&gateway, &path(&format!("&after={}&lastEventId=", all[1])), &[("Last-Event-ID", "")]);
    assert_eq!(began, all[1], "an empty one is as good as none");

    let mut websocket = gateway.connect(&format!("?after=earliest&lastEventId={}", all[3]));
    assert_eq!(websocket.subscribed(), all[3]);
    let refused = request(&gateway.address, "GET", &path("&lastEventId=soon"), &[SSE], b"");
    assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_after"));
    let page = gateway.get(&path(&format!("&Last-Event-ID={}", all[3])));
    assert_eq!(
        (page.status, page.code().as_str()),
        (400, "bad_request"),
        "a page has no client that was cut off"
    );
}

#[test]
fn feeds_take_it_too_and_say_which_feed_there_is_not() {
    let gateway =
        Gateway::with_settings("[[feeds]]\nname = \"tags\"\nfilter = \"type == 'CreateImageTag'\"\n");
    for n in 0..3 {
        gateway.notify(new_image(n));
    }
    let all = ids(&gateway.connect("?filter=true&after=earliest").events(6));
    for path in ["/v1/feeds/tags/events?lastEventId=", "/v1/feeds/tags/events?after=earliest&Last-Event-ID="]
    {
        assert_eq!(start(&gateway, &format!("{path}{}", all[3]), &[]), all[3]);
    }
    let none = gateway.get("/v1/feeds/tasg/events").json();
    assert_eq!(none["error"]["message"], "there is no feed 'tasg'");
}

/// A log that keeps little, so that a subscription may fail on its way.
const SHORT: &str = "\
[[sources]]
name = \"distribution\"
kind = \"distribution\"
rate = 1000000
burst = 1000000
[log]
store = \"memory\"
memory = \"64KiB\"
[connections]
outbox = \"64KiB\"
";

#[test]
fn an_error_on_the_way_is_no_event_of_the_event_source_itself() {
    let gateway = Gateway::with_settings(SHORT);
    let path = "/v1/events?on_gap=fail&batch_cutoff=0&batch_size=50";
    let open = |path: &str| Stream::with_buffer(&gateway.address, path, &[SSE], Some(64 << 10));
    let (mut new, mut old) = (open(path), open(&format!("{path}&error=event")));
    let listed = gateway.get("/v1/connections?transport=sse").json();
    assert_eq!(listed["total"], 2, "either is a client of server-sent events");
    let mut n = 0;
    until("both have fallen behind for good", || {
        for _ in 0..20 {
            gateway.notify(new_image(n));
            n += 1;
        }
        gateway.metric("tagcast_subscriptions_fell_behind_total") >= 2.0 && n > 1_000
    });
    for (stream, name) in [(&mut new, "refused"), (&mut old, "error")] {
        let told = loop {
            let sent = stream.sent().expect("an error before the end");
            if sent.event != "message" && sent.event != "subscribed" {
                break sent;
            }
        };
        assert_eq!((told.event.as_str(), &told.data["error"]["code"]), (name, &json!("gap")));
    }
    for (query, accept) in [("error=event", "application/x-ndjson"), ("error=sometimes", SSE.1)] {
        let path = format!("/v1/events?{query}");
        let refused = request(&gateway.address, "GET", &path, &[("Accept", accept)], b"");
        assert_eq!((refused.status, refused.code().as_str()), (400, "bad_request"), "{query} {accept}");
    }
}
