use std::time::Duration;

use crate::support::client::id;
use crate::support::fault::SmallDisk;
use crate::support::gateway::Gateway;
use crate::support::notification::new_image;
use crate::support::until;

const SETTINGS: &str = "\
[space]
warn = \"72MiB\"
warn_percent = 100
refuse = \"48MiB\"
refuse_percent = 100
resume = \"64MiB\"
resume_percent = 100
reserve = \"8MiB\"
[quarantine]
max_size = \"1MiB\"
";

/// Waits until the next notification is answered so.
fn until_answered(gateway: &Gateway, status: u16, n: &mut usize) {
    until(&format!("answers are {status}"), || {
        *n += 1;
        gateway.notify(new_image(*n)).status == status
    });
}

/// The page of the sources and `/metrics` tell the same of what a full disk refused.
fn refused_in_both_books(gateway: &Gateway) {
    let sources = gateway.get("/v1/sources").json();
    let sources = sources["sources"].as_array().expect("a list");
    let source = sources.iter().find(|source| source["name"] == "distribution").expect("the source");
    assert_eq!(
        (&source["health"], &source["last_refusal"]["code"]),
        (&"failing".into(), &"storage_low".into())
    );
    let refused = source["counts"]["refused"].as_u64().expect("a count");
    let metrics = [
        "tagcast_source_refused_total{source=\"distribution\"}",
        "tagcast_refused_total{code=\"storage_low\"}",
    ];
    assert!(refused > 0);
    assert_eq!(metrics.map(|metric| gateway.count(metric)), [refused; 2]);
}

#[test]
fn a_full_disk_refuses_and_one_with_room_takes_again_without_a_restart() {
    let disk = SmallDisk::mount(256);
    let mut gateway = Gateway::within(SETTINGS, Some(&disk.path().join("data")), &[]);
    let pid = gateway.pid();
    let mut n = 0;
    let mut acknowledged = Vec::new();
    let mut reader = gateway.connect("?filter=true&batch_cutoff=0");
    let begin = reader.subscribed();
    for round in 0..3 {
        n += 1;
        let answer = gateway.notify(new_image(n));
        assert_eq!(answer.status, 200, "round {round}: {}", answer.body);
        acknowledged.push(answer.json()["events"][1].as_str().expect("an id").to_owned());
        disk.leave(Some(40));
        until_answered(&gateway, 503, &mut n);
        let refused = gateway.notify(new_image(n));
        assert_eq!((refused.status, refused.code().as_str()), (503, "storage_low"));
        assert!(refused.head.contains("retry-after: "), "{}", refused.head);
        // Everything else goes on.
        assert_eq!(gateway.get("/readyz").body, "ready, degraded: storage_low\n");
        until("the metric says so", || gateway.metric("tagcast_storage_low") > 0.5);
        refused_in_both_books(&gateway);
        let mut resumed = gateway.connect(&format!("?filter=true&after={begin}"));
        assert!(!resumed.batch().is_empty());
        disk.leave(None);
        until_answered(&gateway, 200, &mut n);
        assert_eq!(gateway.get("/readyz").body, "ready\n");
    }
    assert_eq!(gateway.pid(), pid);
    // It starts on a full disk too, and takes events when there is room.
    disk.leave(Some(20));
    gateway.kill();
    gateway.start_again();
    until_answered(&gateway, 503, &mut n);
    let mut all = gateway.connect("?filter=true&after=earliest&batch_size=5000");
    let seen: Vec<_> = all.batch().iter().map(id).collect();
    assert!(acknowledged.iter().all(|id| seen.contains(id)));
    disk.leave(None);
    until_answered(&gateway, 200, &mut n);
}

/// The control: with the watch off, the engine meets the full disk, and the process has to end.
#[test]
fn without_the_watch_a_full_disk_ends_the_process_and_still_loses_nothing() {
    let disk = SmallDisk::mount(96);
    let off = "[space]\nwarn = 0\nrefuse = 0\nresume = 0\nreserve = 0\n";
    let mut gateway = Gateway::within(off, Some(&disk.path().join("data")), &[]);
    let first = gateway.notify(new_image(0)).json()["events"][1].as_str().expect("an id").to_owned();
    disk.leave(Some(0));
    let refused = (1..10_000).map(|n| gateway.notify(new_image(n))).find(|answer| answer.status != 200);
    assert_eq!(refused.expect("it is full").code(), "storage_failed");
    assert_eq!(gateway.exit_code(Duration::from_secs(10)), Some(74));
    disk.leave(None);
    gateway.start_again();
    let mut all = gateway.connect("?filter=true&after=earliest&batch_size=5000");
    assert!(all.batch().iter().any(|event| id(event) == first));
}
