//! When a batch leaves, and what is in it.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::client::{brief, id};
use crate::support::gateway::Gateway;
use crate::support::notification::{body, new_image, push};

/// A body of `count` pushes of one image under new tags: so many events, and one more for the image.
fn tags(from: usize, count: usize) -> String {
    let pushes: Vec<_> = (from..from + count)
        .map(|n| push(&format!("t{n}"), "team/app", &format!("v{n}"), "one image"))
        .collect();
    body(&pushes)
}

#[test]
fn a_batch_closes_at_its_size() {
    let gateway = Gateway::start();
    let mut client =
        gateway.connect("?filter=type+%3D%3D+%27CreateImageTag%27&batch_size=4&batch_cutoff=300s");
    client.subscribed();
    gateway.notify(tags(0, 10));
    assert_eq!(client.batch().len(), 4);
    assert_eq!(client.batch().len(), 4);
    assert!(client.everything_within(Duration::from_millis(200)).is_empty(), "two wait for two more");
    gateway.notify(tags(10, 2));
    assert_eq!(client.batch().len(), 4);
}

#[test]
fn a_batch_closes_at_its_cutoff() {
    let gateway = Gateway::start();
    let mut client = gateway.connect("?filter=true&batch_cutoff=400ms");
    client.subscribed();
    let since = Instant::now();
    gateway.notify(tags(0, 3));
    assert_eq!(client.batch().len(), 4);
    assert!(since.elapsed() >= Duration::from_millis(400), "{:?}", since.elapsed());
}

#[test]
fn a_batch_closes_at_its_bytes() {
    let gateway = Gateway::start();
    let mut client = gateway.connect("?filter=true&batch_bytes=4KiB&batch_cutoff=50ms");
    client.subscribed();
    gateway.notify(tags(0, 40));
    let mut events = Vec::new();
    while events.len() < 41 {
        let envelope = client.wait_for("messages");
        assert!(envelope.to_string().len() <= 4_096, "{}", envelope.to_string().len());
        let batch = envelope["messages"].as_array().expect("a list").clone();
        assert!(batch.len() >= 2, "an event of about 800 bytes is not alone");
        events.extend(batch);
    }
    assert_eq!(events.len(), 41);
}

#[test]
fn cutoff_zero_sends_at_once_but_what_waits_together_goes_together() {
    let gateway = Gateway::start();
    let mut client = gateway.connect("?filter=true&batch_cutoff=0");
    client.subscribed();
    gateway.notify(tags(0, 9));
    assert_eq!(client.batch().len(), 10, "one body is one commit, and seen at once");
}

#[test]
fn subscriptions_of_one_connection_have_windows_of_their_own() {
    let gateway = Gateway::start();
    let mut client = gateway.connect("");
    client.subscribe(&json!({"id": "fast", "filter": "tag == 'v1'", "batch": {"cutoff": 0}}));
    client.subscribe(&json!({"id": "slow", "filter": {"tag": ["v1", "v2"]}, "batch": {"cutoff": "300ms"}}));
    client.subscribe(&json!({"id": "cloud", "filter": "tag == 'v2'", "format": "cloudevents"}));
    gateway.notify(body(&[push("1", "team/app", "v1", "a"), push("2", "team/app", "v2", "b")]));
    let mut batches = std::collections::HashMap::new();
    for _ in 0..3 {
        let envelope = client.wait_for("messages");
        let events = envelope["messages"].as_array().expect("a list").clone();
        batches.insert(envelope["id"].as_str().expect("a name").to_owned(), events);
    }
    assert_eq!(batches["fast"].len(), 2);
    assert_eq!(batches["slow"].len(), 4);
    assert_eq!(batches["cloud"][1]["subject"], "team/app:v2");
    assert_eq!(batches["cloud"][1]["specversion"], "1.0");

    client.send(&json!({"unsubscribe": {"id": "slow"}}));
    client.wait_for("unsubscribed");
    gateway.notify(body(&[push("3", "team/app", "v1", "c")]));
    let envelopes = client.everything_within(Duration::from_millis(600));
    assert_eq!(envelopes.len(), 1, "{envelopes:?}");
    assert_eq!(envelopes[0]["id"], "fast");
}

/// A connection that joins a group in the middle of its window gets what came after it, no more.
#[test]
fn who_comes_in_the_middle_of_a_window_gets_its_own_part() {
    let gateway = Gateway::start();
    let query = "?filter=true&batch_size=4&batch_cutoff=300s";
    let mut first = gateway.connect(query);
    first.subscribed();
    gateway.notify(new_image(1));
    let mut second = gateway.connect(query);
    second.subscribed();
    gateway.notify(new_image(2));
    let (all, part) = (first.events(4), second.events(2));
    assert_eq!(all[2..], part);
    gateway.notify(new_image(3));
    gateway.notify(new_image(4));
    assert_eq!(first.events(4), second.events(4), "and from then on they are one");
}

#[test]
fn readers_of_one_filter_written_differently_get_the_same() {
    let gateway = Gateway::start();
    let mut readers: Vec<_> = [
        "?filter=tag.startsWith(%22v%22)+%26%26+type+%3D%3D+%22CreateImageTag%22",
        "?filter=type+%3D%3D+%27CreateImageTag%27+%26%26+tag.matches(%27%5Ev%27)",
        "?filter=%7B%22tag%22:%7B%22glob%22:%22v*%22%7D,%22type%22:%22CreateImageTag%22%7D",
    ]
    .into_iter()
    .map(|query| gateway.connect(query))
    .collect();
    for reader in &mut readers {
        let hello = reader.wait_for("subscribed");
        assert_eq!(hello["subscribed"]["filter"], "type == \"CreateImageTag\" && tag.startsWith(\"v\")");
    }
    assert!(
        (gateway.metric("tagcast_groups") - 1.0).abs() < f64::EPSILON,
        "one group, one window, one frame"
    );
    gateway.notify(tags(0, 3));
    let events: Vec<Vec<_>> = readers.iter_mut().map(|reader| reader.events(3)).collect();
    assert_eq!(events[0].iter().map(brief).count(), 3);
    assert!(events.iter().all(|e| e.iter().map(id).eq(events[0].iter().map(id))));
}
