//! Resuming: from any place, with no seam to what is live.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::client::{Client, id};
use crate::support::gateway::Gateway;
use crate::support::notification::{body, new_image, push};
use crate::support::until;

fn ids(events: &[Value]) -> Vec<String> {
    events.iter().map(id).collect()
}

fn all(gateway: &Gateway, count: usize) -> Vec<Value> {
    gateway.connect("?filter=true&after=earliest&batch_size=5000").events(count)
}

#[test]
fn every_place_gives_exactly_what_follows_it() {
    let gateway = Gateway::start();
    for n in 0..10 {
        gateway.notify(new_image(n));
    }
    let everything = ids(&all(&gateway, 20));
    for (n, after) in everything.iter().enumerate() {
        let mut client = gateway.connect(&format!("?filter=true&batch_size=3&after={after}"));
        assert_eq!(client.subscribed(), *after);
        assert_eq!(ids(&client.events(19 - n)), everything[n + 1..]);
    }
    let mut now = gateway.connect("?filter=true");
    assert_eq!(now.subscribed(), everything[19]);
    assert!(now.everything_within(Duration::from_millis(300)).is_empty());
}

#[test]
fn a_time_is_a_place_too() {
    let gateway = Gateway::start();
    gateway.notify(new_image(1));
    let between = Timestamp::now().as_millisecond() + 1;
    until("the clock goes on", || Timestamp::now().as_millisecond() >= between);
    let between = Timestamp::from_millisecond(between).expect("a time");
    gateway.notify(new_image(2));
    let mut client = gateway.connect(&format!("?filter=true&after={between}"));
    assert_eq!(ids(&client.events(2)), ids(&all(&gateway, 4))[2..]);
}

#[test]
fn a_filter_holds_in_the_past_as_it_does_live() {
    let gateway = Gateway::start();
    for n in 0..5 {
        gateway.notify(new_image(n));
    }
    let mut client =
        gateway.connect("?filter=tag+in+%5B%22v1%22,%22v3%22,%22v6%22%5D&after=earliest&batch_cutoff=0");
    let past = client.events(4);
    for n in 5..8 {
        gateway.notify(new_image(n));
    }
    let tags: Vec<_> = past
        .iter()
        .chain(&client.events(2))
        .map(|e| e["details"]["tag"].as_str().expect("a tag").to_owned())
        .collect();
    assert_eq!(tags, ["v1", "v1", "v3", "v3", "v6", "v6"]);
}

/// Readers resume again and again, from wherever they are, while events pour in: each sees every event
/// once, in order.
#[test]
fn there_is_no_seam_between_replay_and_live() {
    const EVENTS: usize = 2_000;
    let gateway = Gateway::start();
    std::thread::scope(|scope| {
        let gateway = &gateway;
        scope.spawn(move || {
            for n in 0..EVENTS / 10 {
                let pushes: Vec<_> = (0..5)
                    .map(|m| push(&format!("{n}.{m}"), "team/app", &format!("v{n}.{m}"), &format!("{n}.{m}")))
                    .collect();
                gateway.notify(body(&pushes));
            }
        });
        for reader in 0..4 {
            scope.spawn(move || {
                let mut seen: Vec<String> = Vec::new();
                let mut after = "earliest".to_owned();
                while seen.len() < EVENTS {
                    let cutoff = ["0", "5ms", "20ms", "100ms"][reader];
                    let url = format!("?filter=true&batch_cutoff={cutoff}&batch_size=7&after={after}");
                    let mut client = gateway.connect(&url);
                    let stop_at = EVENTS.min(seen.len() + 150 + 50 * reader);
                    while seen.len() < stop_at {
                        seen.extend(ids(&client.batch()));
                    }
                    after = seen.last().expect("some").clone();
                }
                let mut sorted = seen.clone();
                sorted.sort();
                sorted.dedup();
                assert_eq!(seen, sorted, "once each, in order");
                assert_eq!(seen.len(), EVENTS);
            });
        }
    });
}

#[test]
fn a_kill_in_the_middle_loses_nothing_that_was_acknowledged() {
    let mut gateway = Gateway::start();
    let mut acknowledged: Vec<String> = Vec::new();
    let mut next = 0;
    for _ in 0..4 {
        let (address, from) = (gateway.address.clone(), next);
        let answers = Arc::new(AtomicUsize::new(0));
        let answered = Arc::clone(&answers);
        // Posts until the gateway is gone, and keeps what was acknowledged.
        let sender = std::thread::spawn(move || {
            let mut acknowledged = Vec::new();
            for n in from.. {
                let posted = std::panic::catch_unwind(|| {
                    crate::support::http::request(
                        &address,
                        "POST",
                        "/v1/sources/distribution/events",
                        &[],
                        new_image(n).as_bytes(),
                    )
                });
                match posted {
                    Ok(answer) if answer.status == 200 => {
                        let receipt = answer.json();
                        let made = receipt["events"].as_array().cloned().unwrap_or_default();
                        acknowledged.extend(made.iter().filter_map(|id| id.as_str().map(str::to_owned)));
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    _ => return (acknowledged, n + 1),
                }
            }
            unreachable!("the gateway is killed")
        });
        until("some are acknowledged", || answers.load(Ordering::Relaxed) >= 10);
        gateway.kill();
        let (more, n) = sender.join().expect("it ends");
        acknowledged.extend(more);
        next = n;
        gateway.start_again();
    }
    let mut client = gateway.connect("?filter=true&after=earliest&batch_size=5000");
    let mut events = Vec::new();
    while !events.contains(acknowledged.last().expect("some")) {
        events.extend(ids(&client.batch()));
    }
    assert!(acknowledged.iter().all(|id| events.contains(id)));
    let mut once = events.clone();
    once.dedup();
    assert_eq!(once, events);
}

#[test]
fn an_epoch_that_is_over_is_told_as_a_gap() {
    let mut gateway = Gateway::start();
    let old = gateway.notify(new_image(1)).json()["events"][1].as_str().expect("an id").to_owned();
    gateway.kill();
    std::fs::remove_dir_all(gateway.data_dir()).expect("the log is lost");
    gateway.start_again();
    gateway.notify(new_image(2));
    let mut client = gateway.connect(&format!("?filter=true&after={old}"));
    let position = client.subscribed();
    let gap = client.wait_for("gap")["gap"].take();
    assert_eq!(
        (&gap["reason"], &gap["from"], &gap["to"]),
        (&json!("epoch_changed"), &json!(old), &json!(position))
    );
    assert_eq!(client.events(2).len(), 2);
}

#[test]
fn what_retention_took_is_told_as_a_gap() {
    let gateway = Gateway::with_settings("[log]\nstore = \"memory\"\nmemory = \"64KiB\"\n");
    let first = gateway.notify(new_image(0)).json()["events"][0].as_str().expect("an id").to_owned();
    for n in 1..60 {
        gateway.notify(new_image(n));
    }
    let mut client = gateway.connect(&format!("?filter=true&batch_size=5000&after={first}"));
    assert_eq!(client.subscribed(), first);
    let gap = client.wait_for("gap")["gap"].take();
    assert_eq!(gap["reason"], "retention");
    let next = id(&client.batch()[0]);
    assert!(gap["from"].as_str() > Some(&first) && gap["to"].as_str() < Some(&next), "{gap} {next}");
}

#[test]
fn who_wants_all_or_nothing_is_told_the_gap_and_gets_nothing() {
    let mut gateway = Gateway::with_settings("[log]\nstore = \"memory\"\nmemory = \"64KiB\"\n");
    let first = gateway.notify(new_image(0)).json()["events"][0].as_str().expect("an id").to_owned();
    for n in 1..60 {
        gateway.notify(new_image(n));
    }
    let (status, body) =
        Client::refused(&gateway.websocket_url(&format!("?filter=true&on_gap=fail&after={first}")));
    let error = &body["error"];
    assert_eq!(
        (status, &error["code"], &error["details"]["reason"]),
        (400, &json!("gap"), &json!("retention"))
    );
    assert!(error["details"]["from"].as_str() > Some(&first) && error["details"]["to"].is_string());
    // Nothing is missing behind the newest; by message it is the same.
    let newest = gateway.get("/v1/server").json()["position"].as_str().expect("a position").to_owned();
    let mut client = gateway.connect("");
    client.send(&json!({"subscribe": {"id": "a", "on_gap": "fail", "after": first}}));
    assert_eq!(client.wait_for("error")["error"]["id"], "a");
    assert_eq!(client.subscribe(&json!({"id": "a", "on_gap": "fail", "after": newest})), newest);
    gateway.notify(new_image(60));
    assert_eq!(client.events(2).len(), 2);
    // A new life of the log.
    gateway.kill();
    gateway.start_again();
    let (_, body) =
        Client::refused(&gateway.websocket_url(&format!("?filter=true&on_gap=fail&after={newest}")));
    assert_eq!(body["error"]["details"]["reason"], "epoch_changed");
    let (_, body) = Client::refused(&gateway.websocket_url("?filter=true&on_gap=perhaps"));
    assert_eq!(body["error"]["code"], "bad_request");
}

/// Whoever waits for something rare learns how far it has got, and can resume from there.
#[test]
fn a_position_is_told_where_nothing_matches() {
    let settings =
        "[[sources]]\nname = \"distribution\"\nkind = \"distribution\"\nrate = 1000000\nburst = 1000000\n";
    let gateway = Gateway::with_settings(settings);
    let mut live = gateway.connect("?filter=tag+%3D%3D+%27never%27");
    let begin = live.subscribed();
    for n in 0..6 {
        let pushes: Vec<_> = (0..1_000)
            .map(|m| push(&format!("{n}.{m}"), "team/app", &format!("v{n}.{m}"), &format!("{n}.{m}")))
            .collect();
        assert_eq!(gateway.notify(body(&pushes)).json()["accepted"], 2_000);
    }
    let told = |client: &mut Client| {
        let position = client.wait_for("position")["position"]["event_id"].take();
        position.as_str().expect("an id").to_owned()
    };
    assert!(told(&mut live) > begin);
    let mut replayed = gateway.connect("?filter=tag+%3D%3D+%27never%27&after=earliest");
    let position = told(&mut replayed);
    assert!(position > begin);
    let mut resumed = gateway.connect(&format!("?filter=true&after={position}"));
    assert_eq!(resumed.subscribed(), position);
}
