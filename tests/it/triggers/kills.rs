//! kill -9 at any moment: no batch is skipped, and what comes again comes under its id with its bytes.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use super::{definition, gateway, make, until};
use crate::support::notification::new_image;
use crate::support::target::{Reply, Target};

fn rounds() -> usize {
    std::env::var("TAGCAST_KILLS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(6)
}

#[test]
fn nothing_is_skipped_and_a_batch_stays_what_it_is() {
    let mut gateway = gateway();
    let count = AtomicUsize::new(0);
    let target = Target::answering(move |_| match count.fetch_add(1, Ordering::Relaxed) % 7 {
        3 => Reply::Status(500),
        5 => Reply::Reset,
        _ => Reply::Status(200),
    });
    let mut wanted = definition(&target);
    wanted["batch"] = json!({"size": 3, "cutoff": "20ms"});
    make(&gateway, &wanted);
    let mut sent = 0;
    for round in 0..rounds() {
        for _ in 0..12 {
            assert_eq!(gateway.notify(new_image(sent)).status, 200);
            sent += 1;
        }
        std::thread::sleep(Duration::from_millis(rand::random_range(0..400)));
        gateway.kill();
        gateway.start_again();
        if round == rounds() / 2 {
            assert_eq!(gateway.terminate(), Some(0));
            gateway.start_again();
        }
    }
    let events = || -> BTreeMap<String, String> {
        let all = target.received();
        all.iter()
            .flat_map(|request| {
                request.ids().into_iter().map(|id| (id, request.header("webhook-id").to_owned()))
            })
            .collect()
    };
    // Many rounds leave much behind; while some of it still comes, the rest may.
    let mut came = 0;
    while came < sent {
        until("every event comes", || events().len() > came);
        came = events().len();
    }
    assert_eq!(events().len(), sent);

    let mut bodies: HashMap<String, Vec<u8>> = HashMap::new();
    let mut owners: HashMap<String, String> = HashMap::new();
    let mut last = String::new();
    for request in target.received() {
        let id = request.header("webhook-id").to_owned();
        let known = bodies.entry(id.clone()).or_insert_with(|| request.body.clone());
        assert_eq!(*known, request.body, "{id} changed its bytes");
        for event in request.ids() {
            let owner = owners.entry(event.clone()).or_insert_with(|| {
                assert!(event > last, "{event} came after {last}");
                last.clone_from(&event);
                id.clone()
            });
            assert_eq!(*owner, id, "{event} is in two batches");
        }
    }
}
