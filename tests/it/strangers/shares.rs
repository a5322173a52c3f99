//! What one source sends stays within its share: of the quarantine, and of its rate.

use serde_json::Value;

use crate::support::gateway::Gateway;
use crate::support::notification::{body, push};

fn kept(gateway: &Gateway, source: &str) -> Vec<u64> {
    let answer = gateway.get(&format!("/v1/quarantine?source={source}&limit=500"));
    let json = answer.json();
    let records = json["records"].as_array().expect("a list");
    records.iter().map(|record| record["size"].as_u64().expect("a size")).collect()
}

fn post(gateway: &Gateway, source: &str, body: &str) -> u16 {
    gateway.post(&format!("/v1/sources/{source}/events"), body).status
}

#[test]
fn a_source_that_fills_the_quarantine_pushes_out_its_own() {
    let mut gateway = Gateway::with_settings("[quarantine]\nmax_size = \"200KiB\"\n");
    let garbage = |bytes: usize| "x".repeat(bytes);
    for bytes in [20_001, 20_002, 20_003] {
        assert_eq!(post(&gateway, "quay", &garbage(bytes)), 200);
    }
    for number in 0..40 {
        assert_eq!(post(&gateway, "harbor", &garbage(20_100 + number)), 200);
    }
    assert_eq!(kept(&gateway, "quay"), [20_001, 20_002, 20_003]);
    let flood = kept(&gateway, "harbor");
    assert!((5..=7).contains(&flood.len()) && flood.last() == Some(&20_139), "{flood:?}");
    let dropped = 40 - flood.len() as u64;
    let counted =
        |source: &str| gateway.count(&format!("tagcast_quarantine_dropped_total{{source=\"{source}\"}}"));
    assert_eq!((counted("harbor"), counted("quay")), (dropped, 0));
    let list = gateway.get("/v1/sources").json();
    let of = |source: &str| -> Value {
        let all = list["sources"].as_array().expect("a list");
        all.iter().find(|report| report["name"] == source).expect("it is there")["quarantine_dropped"].clone()
    };
    assert_eq!((of("harbor"), of("quay")), (dropped.into(), 0.into()));

    // Also what comes from a third one, and after a start.
    gateway.kill();
    gateway.start_again();
    assert_eq!(post(&gateway, "zot", &garbage(20_000)), 200);
    assert_eq!((kept(&gateway, "quay").len(), kept(&gateway, "zot").len()), (3, 1));
    assert_eq!(kept(&gateway, "harbor").len(), flood.len() - 1);
    // And beyond its share it makes room for the others.
    for _ in 0..12 {
        assert_eq!(post(&gateway, "quay", &garbage(20_000)), 200);
    }
    assert_eq!(kept(&gateway, "zot"), [20_000]);
    assert!(kept(&gateway, "harbor").len() >= 3, "{:?}", kept(&gateway, "harbor"));
}

/// By which repeats are known: one source's flood makes no other's repeat an event.
#[test]
fn a_source_with_many_notifications_pushes_out_its_own_keys() {
    let gateway = Gateway::with_settings(
        "[ingest]\nrepeat_keys = 100\n[[sources]]\nname = 'quiet'\nkind = 'distribution'\n\
         [[sources]]\nname = 'loud'\nkind = 'distribution'\n",
    );
    let told = |source: &str, number: usize| {
        let pushed = push(&format!("id-{number}"), &format!("{source}/app"), &format!("v{number}"), "a");
        let answer = gateway.post(&format!("/v1/sources/{source}/events"), body(&[pushed])).json();
        answer["duplicates"].as_u64().expect("a receipt")
    };
    assert!((0..10).all(|number| told("quiet", number) == 0));
    assert!((0..300).all(|number| told("loud", number) == 0));
    assert!((0..10).all(|number| told("quiet", number) == 1));
    assert_eq!((told("loud", 299), told("loud", 0)), (1, 0));
}

#[test]
fn every_request_costs_one_whatever_is_in_it() {
    let mut pull = push("d", "team/app", "v1", "a");
    pull["action"] = "pull".into();
    for (what, sent) in [
        ("nothing", String::new()),
        ("no JSON", "x".into()),
        ("no event", body(&[])),
        ("ignored", body(&[pull.clone()])),
        ("unreadable", body(&[serde_json::json!({"id": 7})])),
    ] {
        let source = "[[sources]]\nname = 'distribution'\nkind = 'distribution'\nrate = 1\nburst = 20\n";
        let gateway = Gateway::with_settings(source);
        for _ in 0..20 {
            assert_eq!(gateway.notify(&sent).status, 200, "{what}");
        }
        let refused = gateway.notify(&sent);
        assert_eq!((refused.status, refused.code().as_str()), (429, "source_rate_limited"), "{what}");
    }
}

#[test]
fn what_is_ignored_costs_as_much_as_what_is_taken() {
    let mut pull = push("d", "team/app", "v1", "a");
    pull["action"] = "pull".into();
    let source = "[[sources]]\nname = 'distribution'\nkind = 'distribution'\nrate = 1\nburst = 100\n";
    let gateway = Gateway::with_settings(source);
    assert_eq!(gateway.notify(body(&vec![pull.clone(); 99])).status, 200);
    assert_eq!(gateway.notify(body(&[pull.clone()])).status, 200);
    assert_eq!(gateway.notify(body(&[pull])).code(), "source_rate_limited");
}
