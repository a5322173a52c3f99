//! Deliveries a second. Run by name, in a release build:
//! `cargo test --release --test it -- --ignored triggers::figures --nocapture`

use std::time::{Duration, Instant};

use serde_json::json;

use super::{LOOPBACK, send};
use crate::support::gateway::Gateway;
use crate::support::notification::{body, push};
use crate::support::target::Target;

const TRIGGERS: u16 = 200;
const EVENTS: u16 = 50;
/// All of them.
const DELIVERIES: u32 = TRIGGERS as u32 * EVENTS as u32;

#[test]
#[ignore = "a measurement"]
fn deliveries_a_second_to_fast_targets() {
    let limits = "rate = 100000\nper_host = 256\n";
    let (gateway, target) = (Gateway::with_settings(&format!("{LOOPBACK}{limits}")), Target::start());
    for n in 0..TRIGGERS {
        let wanted = json!({
            "filter": {"repository": format!("team/app{n}"), "type": "CreateImageTag"},
            "batch": {"size": 1, "cutoff": 0}, "target": {"http": {"url": target.url}},
        });
        assert_eq!(send(&gateway, "PUT", &format!("/v1/triggers/t{n}"), &wanted).status, 201);
    }
    let deliveries = usize::try_from(DELIVERIES).expect("it fits");
    let began = Instant::now();
    for event in 0..EVENTS {
        let pushes: Vec<_> = (0..TRIGGERS)
            .map(|n| push(&format!("{event}-{n}"), &format!("team/app{n}"), &format!("v{event}"), "image"))
            .collect();
        assert_eq!(gateway.notify(body(&pushes)).status, 200);
    }
    let sent = began.elapsed();
    while target.count() < deliveries {
        assert!(began.elapsed() < Duration::from_mins(2), "{}", target.count());
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = began.elapsed();
    let rate = f64::from(DELIVERIES) / took.as_secs_f64();
    println!(
        "{DELIVERIES} deliveries to {TRIGGERS} triggers' target in {took:?} ({rate:.0}/s); sent in {sent:?}"
    );
    assert_eq!(target.count(), deliveries);
}
