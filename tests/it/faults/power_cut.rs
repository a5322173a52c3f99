use std::collections::HashSet;
use std::time::Duration;

use crate::support::client::id;
use crate::support::fault::{Fault, Faults};
use crate::support::gateway::Gateway;
use crate::support::recorder::{Recorder, whole_log};
use crate::support::until;

/// Load until a power cut at a random moment: only what was synced is left. What was acknowledged and then
/// is not there, and the first of what was seen and then is not there.
fn cut(lying: bool) -> (usize, Vec<String>) {
    let faults = Faults::new();
    let environment = faults.environment();
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut gateway = Gateway::within(
        "[log]\nsegment = \"64KiB\"\nmax_size = \"512MiB\"\n",
        Some(&faults.data()),
        &environment,
    );
    faults.set(Fault::LyingSync, i64::from(lying));
    let recorder = Recorder::of(&gateway);
    let readers = std::thread::scope(|scope| {
        let recorder = &recorder;
        for sender in 0..8 {
            scope.spawn(move || recorder.send(sender));
        }
        let readers: Vec<_> =
            (0..4).map(|_| scope.spawn(move || recorder.read(None, Duration::from_secs(9)))).collect();
        until("some are acknowledged", || recorder.acknowledged() >= 100);
        std::thread::sleep(Duration::from_millis(rand::random_range(0..400)));
        gateway.kill();
        recorder.stop();
        readers.into_iter().map(|reader| reader.join().expect("it ends")).collect::<Vec<_>>()
    });
    gateway.set_data_dir(&faults.shadow());
    gateway.set_environment(&[]);
    gateway.start_again();
    let log =
        if gateway.get("/v1/server").json()["log"]["newest"] == 0 { vec![] } else { whole_log(&gateway) };
    assert_eq!(log.iter().map(id).collect::<HashSet<_>>().len(), log.len());
    (recorder.acknowledged(), recorder.verdict(&log, &readers))
}

#[test]
fn a_power_cut_takes_nothing_that_was_acknowledged_or_seen() {
    for round in 0..3 {
        let (acknowledged, wrong) = cut(false);
        println!("round {round}: {acknowledged} acknowledged");
        assert!(wrong.is_empty(), "{} wrong, the first: {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
    }
}

/// The control: a gateway whose syncs do nothing is found out.
#[test]
fn without_syncs_a_power_cut_is_seen_to_take_what_was_acknowledged() {
    let (_, wrong) = cut(true);
    assert!(wrong.iter().any(|what| what.contains("is acknowledged and stands at None")), "{wrong:#?}");
}
