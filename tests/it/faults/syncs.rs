use std::time::{Duration, Instant};

use crate::support::client::{Client, id};
use crate::support::fault::{Fault, Faults};
use crate::support::gateway::Gateway;
use crate::support::http::try_request;
use crate::support::notification::new_image;
use crate::support::recorder::whole_log;
use crate::support::until;

fn gateway(faults: &Faults) -> Gateway {
    let environment = faults.environment();
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Gateway::within("", Some(&faults.data()), &environment)
}

#[test]
fn a_failed_sync_acknowledges_nothing_serves_readers_a_little_longer_and_ends_with_74() {
    let faults = Faults::new();
    let mut gateway = gateway(&faults);
    let before = gateway.notify(new_image(1)).json()["events"][1].as_str().expect("an id").to_owned();
    let mut live = gateway.connect("?filter=true&batch_cutoff=0");
    live.subscribed();
    faults.set(Fault::FailingSync, 1);
    let refused = gateway.notify(new_image(2));
    assert_eq!((refused.status, refused.code().as_str()), (503, "storage_failed"), "{}", refused.body);
    // It would succeed now, but a sync that failed is never tried again.
    faults.set(Fault::FailingSync, 0);
    assert_eq!(gateway.notify(new_image(3)).status, 503);
    let mut reader = gateway.connect("?filter=true&after=earliest&batch_size=5000");
    assert_eq!(reader.batch().iter().map(id).next_back(), Some(before.clone()), "what is durable is served");
    assert_eq!(gateway.exit_code(Duration::from_secs(10)), Some(74));
    assert!(live.everything_within(Duration::from_secs(1)).iter().all(|m| m.get("messages").is_none()));
    gateway.start_again();
    // What had no answer may be there or not; its repeat is recognised either way.
    gateway.notify(new_image(2));
    let mut all = gateway.connect("?filter=true&after=earliest&batch_size=5000&batch_cutoff=300ms");
    let seen: Vec<_> = all.batch().iter().map(id).collect();
    assert_eq!((seen.len(), &seen[1]), (4, &before));
}

/// Whichever sync it is that fails, once: of a commit, a new segment, the book of segments, a table, the mark.
#[test]
fn no_single_failed_sync_leads_to_a_false_answer() {
    let ended = std::thread::scope(|scope| {
        let runs: Vec<_> = (1..=24).map(|nth| scope.spawn(move || after_failing(nth))).collect();
        runs.into_iter().map(|run| run.join().expect("it holds")).filter(|ended| *ended).count()
    });
    println!("{ended} of 24 ended the process");
    assert!(ended >= 12, "most syncs matter: {ended}");
}

/// The `nth` sync from now fails; whether the process ended over it.
fn after_failing(nth: i64) -> bool {
    let faults = Faults::new();
    let environment = faults.environment();
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut gateway = Gateway::within(
        "[log]\nsegment = \"2KiB\"\nmax_size = \"16MiB\"\n",
        Some(&faults.data()),
        &environment,
    );
    faults.set(Fault::OneSync, faults.syncs() + nth);
    let mut acknowledged = Vec::new();
    let mut ended = false;
    for n in 0..30 {
        let body = new_image(n);
        match try_request(&gateway.address, "POST", "/v1/sources/distribution/events", &[], body.as_bytes()) {
            Ok(answer) if answer.status == 200 => {
                let receipt = answer.json();
                let made = receipt["events"].as_array().expect("events").iter();
                acknowledged.extend(made.map(|id| id.as_str().expect("an id").to_owned()));
            }
            Ok(answer) => {
                assert_eq!(answer.code(), "storage_failed", "{}", answer.body);
                assert_eq!(gateway.exit_code(Duration::from_secs(20)), Some(74));
                ended = true;
                break;
            }
            Err(error) => panic!("sync {nth}: {error}"),
        }
    }
    if !ended {
        gateway.kill();
    }
    gateway.start_again();
    let log: Vec<_> = whole_log(&gateway).iter().map(id).collect();
    assert!(log.starts_with(&acknowledged), "sync {nth}: {acknowledged:?} {log:?}");
    ended
}

/// What a sync of the slow disk takes, many times as long as senders wait for an answer.
const SYNC: Duration = Duration::from_secs(4);

#[test]
fn a_slow_disk_is_told_in_time_and_sheds_what_matters_least_first() {
    let faults = Faults::new();
    let environment = faults.environment();
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let settings = "[ingest]\nack_deadline = \"500ms\"\nqueue_events = 20\n";
    let gateway = Gateway::within(settings, Some(&faults.data()), &environment);
    let mut early = gateway.connect("");
    faults.set(Fault::SlowSync, SYNC.as_millis().try_into().expect("few"));
    // One is being written; the others wait, and their senders are told in time.
    let mut n = 0;
    let mut wait = |count: usize| {
        std::thread::scope(|scope| {
            for sender in n..n + count {
                let gateway = &gateway;
                scope.spawn(move || {
                    let begun = Instant::now();
                    let answer = gateway.notify(new_image(sender));
                    assert!(begun.elapsed() < SYNC, "it does not wait for the disk: {:?}", begun.elapsed());
                    assert_eq!(
                        (answer.status, answer.code().as_str()),
                        (503, "ack_timeout"),
                        "{}",
                        answer.body
                    );
                });
            }
        });
        n += count;
    };
    let connects = || Client::connected(&gateway.websocket_url("?filter=true"));
    wait(9);
    assert!(connects(), "45 percent");
    wait(1);
    assert!(!connects(), "half: nobody without a token comes in");
    wait(8);
    early.send(&serde_json::json!({"subscribe": {"id": "past", "after": "earliest"}}));
    assert_eq!(early.wait_for("error")["error"]["code"], "overloaded");
    assert!(!early.subscribe(&serde_json::json!({"id": "now"})).is_empty(), "who is here may follow the end");
    wait(2);
    let refused = gateway.notify(new_image(n));
    assert_eq!((refused.status, refused.code().as_str()), (503, "overloaded"), "notifications come last");
    faults.set(Fault::SlowSync, 0);
    // All of it was written in the end, and is known.
    until("service is back", || gateway.notify(new_image(0)).json()["duplicates"] == 1);
    assert!(connects());
    assert_eq!(gateway.notify(new_image(n - 1)).json()["duplicates"], 1);
}

#[test]
fn a_disk_that_can_not_sync_is_found_out_before_anyone_is_told_that_we_are_ready() {
    let faults = Faults::new();
    let mut first = gateway(&faults);
    assert_eq!(first.terminate(), Some(0));
    faults.set(Fault::FailingSync, 1);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_tagcast"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(faults.data())
        .envs(faults.environment())
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(74), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
}
