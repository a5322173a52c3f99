//! Pages of the log over HTTP: forwards, back, and with no seam to what is live.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::client::id;
use crate::support::gateway::Gateway;
use crate::support::notification::{body, new_image, push};

fn ids(page: &Value) -> Vec<String> {
    page["messages"].as_array().expect("a list").iter().map(id).collect()
}

fn page(gateway: &Gateway, query: &str) -> Value {
    let answer = gateway.get(&format!("/v1/events{query}"));
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    answer.json()
}

#[test]
fn pages_follow_each_other_without_a_hole() {
    let gateway = Gateway::start();
    assert_eq!(ids(&page(&gateway, "")).len(), 0);
    for n in 0..10 {
        gateway.notify(new_image(n));
    }
    let everything = page(&gateway, "");
    let all = ids(&everything);
    assert_eq!(all.len(), 20);
    assert_eq!((everything["position"].as_str(), everything.get("next")), (Some(all[19].as_str()), None));
    let (mut seen, mut next) = (Vec::new(), String::from("earliest"));
    loop {
        let page = page(&gateway, &format!("?limit=7&after={next}"));
        seen.extend(ids(&page));
        match page["next"].as_str() {
            Some(place) => place.clone_into(&mut next),
            None => break,
        }
    }
    assert_eq!(seen, all);
    let mut live = gateway.connect(&format!("?filter=true&batch_cutoff=0&after={next}"));
    live.events(6);
    gateway.notify(new_image(10));
    assert_eq!(
        ids(&page(&gateway, &format!("?after={}", all[19]))).len(),
        2,
        "who polls goes on from position"
    );
}

#[test]
fn pages_go_back_from_the_newest() {
    let gateway = Gateway::start();
    for n in 0..10 {
        gateway.notify(new_image(n));
    }
    let all = ids(&page(&gateway, ""));
    let mut back: Vec<_> = all.iter().rev().cloned().collect();
    let newest = page(&gateway, "?before=now&limit=7");
    assert_eq!(ids(&newest), back[..7]);
    assert_eq!(newest["position"].as_str(), Some(all[19].as_str()), "from here a subscription goes on");
    let (mut seen, mut before) = (Vec::new(), String::from("now"));
    loop {
        let page = page(&gateway, &format!("?limit=7&before={before}"));
        seen.extend(ids(&page));
        match page["next"].as_str() {
            Some(place) => place.clone_into(&mut before),
            None => break,
        }
    }
    assert_eq!(seen, back);
    back.truncate(20 - 5);
    assert_eq!(ids(&page(&gateway, &format!("?before=now&after={}", all[4]))), back, "as far as it is asked");
    let only = page(&gateway, "?before=now&filter=tag+%3D%3D+%22v3%22&format=cloudevents");
    assert_eq!((&only["messages"][0]["subject"], only.get("next")), (&json!("team/app:v3"), None));
    assert_eq!(only["messages"].as_array().map(Vec::len), Some(2));
}

/// One request must not read the whole log, whatever it asks for.
#[test]
fn a_filter_that_seldom_matches_costs_many_small_pages_and_not_one_large() {
    let gateway = Gateway::with_settings(
        "[[sources]]\nname = 'distribution'\nkind = 'distribution'\nrate = 1000000\nburst = 1000000\n",
    );
    for n in 0..11 {
        let tag = |m: usize| format!("v{n}.{m}");
        let pushes: Vec<_> = (0..1_000).map(|m| push(&tag(m), "team/app", &tag(m), &tag(m))).collect();
        assert_eq!(gateway.notify(body(&pushes)).json()["accepted"], 2_000);
    }
    for (begin, tag) in [("after=earliest", "v10.999"), ("before=now", "v0.0")] {
        let filter = format!("filter=tag+%3D%3D+%22{tag}%22");
        let first = page(&gateway, &format!("?{begin}&{filter}"));
        assert_eq!(ids(&first).len(), 0, "20,000 of the 22,000 are looked at");
        let name = begin.split('=').next().expect("a name");
        let next = first["next"].as_str().expect("there is more");
        let second = page(&gateway, &format!("?{name}={next}&{filter}"));
        assert_eq!((ids(&second).len(), second.get("next")), (2, None));
    }
    let large = page(&gateway, "?limit=1000");
    assert_eq!(ids(&large).len(), 1_000);
}

#[test]
fn what_is_gone_is_told() {
    let gateway = Gateway::with_settings("[log]\nstore = \"memory\"\nmemory = \"16KiB\"\n");
    let begin = page(&gateway, "")["position"].as_str().expect("a position").to_owned();
    for n in 0..50 {
        gateway.notify(new_image(n));
    }
    for query in [format!("?after={begin}"), format!("?before=now&after={begin}")] {
        let page = page(&gateway, &query);
        assert_eq!(page["gaps"][0]["reason"], "retention", "{query}");
        let oldest = ids(&page).into_iter().min().expect("some are left");
        assert!(page["gaps"][0]["to"].as_str() < Some(oldest.as_str()), "{query}");
    }
    assert_eq!(page(&gateway, "").get("gaps"), None, "who asks for what there is misses nothing");
    let other = page(&gateway, "?after=crt00000000000000001");
    assert_eq!(other["gaps"][0]["reason"], "epoch_changed");
    assert!(!ids(&other).is_empty());
    let other = page(&gateway, "?before=crt00000000000000001");
    assert_eq!((ids(&other).len(), &other["gaps"][0]["reason"]), (0, &json!("epoch_changed")));
}

/// A copy of the log begins another life of it. Up to where the two part an id means the same in both.
#[test]
fn an_id_of_a_former_life_holds_on_the_way_back_too() {
    let gateway = Gateway::start();
    (0..5).for_each(|n| drop(gateway.notify(new_image(n))));
    let place = tempfile::tempdir().expect("a directory");
    let copy = place.path().join("copy");
    let mut backup = Command::new(env!("CARGO_BIN_EXE_tagcast"));
    let done = backup.args(["backup", "--url", &gateway.url()]).arg(&copy).output().expect("it runs");
    assert!(done.status.success(), "{done:?}");
    (5..8).for_each(|n| drop(gateway.notify(new_image(n))));
    let original = ids(&page(&gateway, ""));
    let restored = Gateway::within("", Some(&copy), &[]);
    (20..22).for_each(|n| drop(restored.notify(new_image(n))));
    let shared: Vec<_> = original[..10].iter().rev().cloned().collect();
    for (before, expected) in [(4, &shared[6..]), (9, &shared[1..]), (10, &shared[..])] {
        let back = page(&restored, &format!("?before={}", original[before]));
        assert_eq!((ids(&back), back.get("gaps")), (expected.to_vec(), None), "before {before}");
    }
    // What came behind the copy is not here, so events before this one are missing.
    let back = page(&restored, &format!("?before={}", original[12]));
    assert_eq!(ids(&back), shared);
    let gap = &back["gaps"][0];
    assert_eq!((&gap["from"], &gap["reason"]), (&json!(original[12]), &json!("epoch_changed")));
    let to = gap["to"].as_str().expect("an id");
    assert_eq!(ids(&page(&restored, &format!("?after={to}"))).len(), 4, "what the copy got of its own");
}

#[test]
fn what_can_not_be_asked_is_refused() {
    let gateway = Gateway::start();
    for (query, code) in [
        ("?filter=tga+%3D%3D+1", "invalid_filter"),
        ("?after=soon", "invalid_after"),
        ("?before=soon", "invalid_after"),
        ("?before=earliest", "invalid_after"),
        ("?limit=0", "bad_request"),
        ("?limit=1001", "bad_request"),
        ("?limit=all", "bad_request"),
        ("?limit=5&limit=6", "bad_request"),
        ("?batch_size=5", "bad_request"),
        ("?format=xml", "invalid_format"),
    ] {
        let answer = gateway.get(&format!("/v1/events{query}"));
        assert_eq!((answer.status, answer.code()), (400, code.into()), "{query}");
    }
    let message =
        |query: &str| gateway.get(&format!("/v1/events{query}")).json()["error"]["message"].to_string();
    assert!(message("?batch_size=5").contains("Accept"), "{}", message("?batch_size=5"));
    let time = "?after=2026-01-07T11:09:14+01:00";
    assert!(message(time).contains("%2B"), "{}", message(time));
    let position = page(&gateway, "")["position"].as_str().expect("a position").to_owned();
    let ahead = format!("{}9", &position[..19]);
    for name in ["after", "before"] {
        let answer = gateway.get(&format!("/v1/events?{name}={ahead}"));
        assert_eq!((answer.status, answer.code()), (400, "position_ahead".into()), "{name}");
        assert_eq!(answer.json()["error"]["details"]["newest"], json!(position));
    }
}
