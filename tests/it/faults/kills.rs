use std::time::{Duration, Instant};

use crate::support::gateway::Gateway;
use crate::support::recorder::{Recorder, whole_log};
use crate::support::until;

const SENDERS: usize = 64;
const READERS: usize = 200;
/// Longest time until events are acknowledged again.
const BACK: Duration = Duration::from_secs(15);

/// More than a person waits for: `TAGCAST_KILLS=1000 cargo test --test it faults::kills`.
fn rounds() -> usize {
    std::env::var("TAGCAST_KILLS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(10)
}

/// Kills at random moments under load; every other time it is paused first, as a machine that hangs.
#[test]
fn a_kill_at_any_moment_loses_nothing_doubles_nothing_and_changes_no_order() {
    let mut gateway = Gateway::start();
    let epoch = gateway.get("/v1/server").json()["log"]["epoch"].clone();
    let recorder = Recorder::of(&gateway);
    let readers = std::thread::scope(|scope| {
        let recorder = &recorder;
        let senders: Vec<_> = (0..SENDERS).map(|sender| scope.spawn(move || recorder.send(sender))).collect();
        let readers: Vec<_> = (0..READERS)
            .map(|n| {
                let stay = Duration::from_millis(500 + 10 * n as u64);
                // One in ten reads everything; the others one sender's.
                scope.spawn(move || recorder.read((n % 10 != 0).then_some(n % SENDERS), stay))
            })
            .collect();
        for round in 0..rounds() {
            let time = Duration::from_millis(rand::random_range(50..1_500));
            println!("round {round}: killed after {time:?}");
            std::thread::sleep(time);
            if round % 2 == 1 {
                gateway.signal("STOP");
                std::thread::sleep(Duration::from_millis(200));
            }
            gateway.kill();
            gateway.start_again();
            let (restarted, before) = (Instant::now(), recorder.acknowledged());
            while recorder.acknowledged() == before {
                assert!(restarted.elapsed() < BACK, "nothing is acknowledged after round {round}");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        recorder.stop_sending();
        for sender in senders {
            sender.join().expect("it ends");
        }
        recorder.finish(&whole_log(&gateway));
        readers.into_iter().map(|reader| reader.join().expect("it ends")).collect::<Vec<_>>()
    });
    assert_eq!(
        gateway.get("/v1/server").json()["log"]["epoch"],
        epoch,
        "a kill is no reason for a new epoch"
    );
    let wrong = recorder.verdict(&whole_log(&gateway), &readers);
    println!("{} acknowledged", recorder.acknowledged());
    assert!(wrong.is_empty(), "{} wrong, the first: {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
    assert!(recorder.acknowledged() > 10 * SENDERS, "there was load: {}", recorder.acknowledged());
}

/// The recorder sees each thing that it looks for.
#[test]
fn the_recorder_sees_what_is_lost_doubled_changed_or_out_of_order() {
    let gateway = Gateway::start();
    let recorder = Recorder::of(&gateway);
    let read = std::thread::scope(|scope| {
        let sender = scope.spawn(|| recorder.send(1));
        let reader = scope.spawn(|| recorder.read(None, Duration::from_secs(5)));
        until("some are acknowledged", || recorder.acknowledged() >= 20);
        recorder.stop_sending();
        sender.join().expect("it ends");
        recorder.finish(&whole_log(&gateway));
        reader.join().expect("it ends")
    });
    let readers = [read];
    let log = whole_log(&gateway);
    assert!(recorder.verdict(&log, &readers).is_empty());
    let spoilt = |change: &dyn Fn(&mut Vec<serde_json::Value>)| {
        let mut log = log.clone();
        change(&mut log);
        !recorder.verdict(&log, &readers).is_empty()
    };
    assert!(spoilt(&|log| drop(log.remove(7))), "lost");
    assert!(spoilt(&|log| log.insert(7, log[7].clone())), "doubled");
    assert!(spoilt(&|log| log[7]["details"]["tag"] = "other".into()), "changed");
    assert!(spoilt(&|log| log[7]["details"]["source_event_id"] = "9.9".into()), "from nowhere");
    assert!(spoilt(&|log| log.rotate_left(2)), "out of order");
}
