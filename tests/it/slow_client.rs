//! A client that does not read costs nobody else, and loses nothing.

use crate::support::client::id;
use crate::support::gateway::Gateway;
use crate::support::notification::{body, push};
use crate::support::until;

const SETTINGS: &str = "\
[[sources]]
name = \"distribution\"
kind = \"distribution\"
rate = 1000000
burst = 1000000
[connections]
outbox = \"64KiB\"
";

fn post(gateway: &Gateway, bodies: std::ops::Range<usize>) {
    for n in bodies {
        let pushes: Vec<_> = (0..500)
            .map(|m| push(&format!("{n}.{m}"), "team/app", &format!("v{n}.{m}"), &format!("{n}.{m}")))
            .collect();
        let answer = gateway.notify(body(&pushes));
        assert_eq!(answer.json()["accepted"], 1_000, "{} {}", answer.status, answer.body);
    }
}

#[test]
fn it_falls_behind_alone_and_catches_up_from_the_log() {
    let gateway = Gateway::with_settings(SETTINGS);
    let query = "?filter=true&batch_cutoff=0&batch_size=50";
    let mut slow = gateway.connect(query);
    slow.subscribed();
    slow.take_little(512 << 10);
    let mut quick = gateway.connect(query);
    quick.subscribed();
    // About 16 MB for each: far more than outbox and socket hold.
    let mut seen = Vec::new();
    for n in 0..20 {
        post(&gateway, n..n + 1);
        while seen.len() < (n + 1) * 1_000 {
            seen.extend(quick.batch().iter().map(id));
        }
    }
    assert!(gateway.metric("tagcast_subscriptions_fell_behind_total") >= 1.0);
    let late: Vec<_> = slow.events(20_000).iter().map(id).collect();
    assert_eq!(late, seen, "all of it, once, in order");
    post(&gateway, 20..21);
    assert_eq!(slow.events(1_000).len(), 1_000, "and it is live again");
}

#[test]
fn one_that_takes_nothing_is_cut_off_and_may_resume() {
    let gateway = Gateway::with_settings(&format!("{SETTINGS}write_stall = \"1s\"\n"));
    let mut stuck = gateway.connect("?filter=true&batch_cutoff=0");
    let begin = stuck.subscribed();
    stuck.take_little(4 << 10);
    post(&gateway, 0..20);
    until("it is cut off", || gateway.metric("tagcast_connections{transport=\"websocket\"}") < 0.5);
    assert!(gateway.metric("tagcast_connections_closed_total{code=\"slow_consumer\"}") >= 1.0);
    let mut again = gateway.connect(&format!("?filter=true&batch_size=5000&after={begin}"));
    assert_eq!(again.events(20_000).len(), 20_000);
}
