use crate::support::client::id;
use crate::support::fault::{Fault, Faults};
use crate::support::gateway::Gateway;
use crate::support::notification::new_image;
use crate::support::until;

const HOUR: i64 = 3_600_000;

/// Segments so small that each event closes one, kept for an hour.
const SETTINGS: &str = "[log]\nsegment = \"1KiB\"\nmax_size = \"8MiB\"\nmax_age = \"1h\"\n";

fn gateway(faults: &Faults) -> Gateway {
    let environment = faults.environment();
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Gateway::within(SETTINGS, Some(&faults.data()), &environment)
}

#[test]
fn a_clock_that_jumps_removes_nothing_reorders_nothing_and_forgets_no_repeat() {
    let faults = Faults::new();
    let gateway = gateway(&faults);
    let mut client = gateway.connect("?filter=true&batch_cutoff=0");
    client.subscribed();
    let mut seen = Vec::new();
    for (n, hours) in (0_u8..).zip([0, 48, -48, 1, -1, 24 * 400, 0]) {
        faults.set(Fault::Clock, hours * HOUR);
        // What removes by age looks at the clock, and counts the step, before it removes.
        until("upkeep has seen each step", || gateway.metric("tagcast_clock_steps_total") >= n.into());
        assert_eq!(gateway.notify(new_image(n.into())).status, 200);
        assert_eq!(gateway.notify(new_image(0)).json()["duplicates"], 1);
        seen.extend(client.events(2).iter().map(id));
    }
    assert!(seen.is_sorted());
    let mut all = gateway.connect("?filter=true&after=earliest&batch_size=5000");
    assert_eq!(all.events(14).iter().map(id).collect::<Vec<_>>(), seen);
}

/// The control: time that really has passed does remove, so the test above could have failed.
#[test]
fn a_gateway_that_starts_two_days_later_removes_what_is_old() {
    let faults = Faults::new();
    let mut gateway = gateway(&faults);
    for n in 0..3 {
        gateway.notify(new_image(n));
    }
    gateway.kill();
    faults.set(Fault::Clock, 48 * HOUR);
    gateway.start_again();
    gateway.notify(new_image(3));
    until("what is old is removed", || gateway.get("/v1/server").json()["log"]["oldest"] != 1);
}
