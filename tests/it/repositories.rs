//! What registries show now, read over HTTP.

use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::notification::{body, digest, push};

const HUB: &str = "/v1/registries/hub.example.com/repositories";

fn get(gateway: &Gateway, path: &str) -> Value {
    let answer = gateway.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

fn names(page: &Value, list: &str, name: &str) -> Vec<String> {
    let items = page[list].as_array().expect("a list").iter();
    items.map(|item| item[name].as_str().expect("a name").to_owned()).collect()
}

/// Every page of a list, one entry at a time.
fn paged(gateway: &Gateway, path: &str, list: &str, name: &str) -> Vec<String> {
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = get(gateway, &format!("{path}?limit=1&after={after}"));
        seen.extend(names(&page, list, name));
        match page["next"].as_str() {
            Some(next) => after = next.replace('/', "%2F"),
            None => return seen,
        }
    }
}

#[test]
fn repositories_and_tags_are_what_was_last_told() {
    let mut gateway = Gateway::start();
    assert_eq!(get(&gateway, "/v1/registries"), json!({"registries": []}));
    assert_eq!(gateway.get(HUB).code(), "not_found");
    let pushes = [
        push("1", "team/app", "v1", "a"),
        push("2", "team/app", "v2", "a"),
        push("3", "team/app", "latest", "b"),
        push("4", "team/app", "v1", "b"),
        push("5", "other", "x", "c"),
        push("6", "team/app/deep", "x", "c"),
    ];
    gateway.notify(body(&pushes));
    for _ in ["as it runs", "and after a restart"] {
        let all = json!({"registries": [{"registry": "hub.example.com", "cloud_id": "default"}]});
        assert_eq!(get(&gateway, "/v1/registries"), all);
        let page = get(&gateway, HUB);
        assert_eq!(names(&page, "repositories", "repository"), ["other", "team/app", "team/app/deep"]);
        let app = &page["repositories"][1];
        assert_eq!((&app["tags"], &app["images"]), (&json!(3), &json!(2)));
        assert!(app["last_change"].as_str().is_some_and(|time| time.ends_with('Z')));
        assert_eq!(paged(&gateway, HUB, "repositories", "repository").len(), 3);
        for path in [format!("{HUB}/team/app"), format!("{HUB}/team%2Fapp")] {
            let app = get(&gateway, &path);
            assert_eq!((&app["repository"], &app["tags_total"]), (&json!("team/app"), &json!(3)));
            assert_eq!(names(&app, "tags", "tag"), ["latest", "v1", "v2"]);
            assert_eq!(names(&app, "tags", "image_digest"), [digest("b"), digest("b"), digest("a")]);
            assert_eq!(app["tags"][0]["named_at"], "2026-11-22T03:54:15.558548749Z");
            assert_eq!(app["tags"][0]["kind"], "image");
            let event = get(&gateway, "/v1/events?before=now&filter=tag+%3D%3D+%22latest%22");
            assert_eq!(app["tags"][0]["image_id"], event["messages"][0]["details"]["image_id"]);
        }
        assert_eq!(paged(&gateway, &format!("{HUB}/team/app"), "tags", "tag"), ["latest", "v1", "v2"]);
        gateway.kill();
        gateway.start_again();
    }
}

#[test]
fn versions_of_charts_stand_behind_the_tags() {
    let gateway = Gateway::start();
    let chart = crate::support::fixture::file("azure/webhook-chart-push.json");
    let answer = gateway.post("/v1/sources/azure/events", chart);
    assert_eq!(answer.json()["accepted"], 1, "{}", answer.body);
    let registries = get(&gateway, "/v1/registries");
    let Some(registry) = registries["registries"][0]["registry"].as_str() else {
        panic!("nothing came of it: {}", answer.body)
    };
    let path = format!("/v1/registries/{registry}/repositories");
    let repository = names(&get(&gateway, &path), "repositories", "repository").remove(0);
    let page = get(&gateway, &format!("{path}/{repository}"));
    assert_eq!(page["tags"][0]["kind"], "chart", "{page}");
    assert_eq!(page["tags_total"], 0);
}

#[test]
fn what_is_not_known_is_not_found_and_what_is_in_two_clouds_must_be_named() {
    let gateway = Gateway::with_settings(
        "[[sources]]\nname = 's1'\nkind = 'distribution'\ncloud = 'c1'\n\
         [[sources]]\nname = 's2'\nkind = 'distribution'\ncloud = 'c2'\n",
    );
    gateway.post("/v1/sources/s1/events", body(&[push("1", "a", "v1", "a")]));
    assert_eq!(names(&get(&gateway, HUB), "repositories", "repository"), ["a"], "one cloud needs no name");
    gateway.post("/v1/sources/s2/events", body(&[push("1", "b", "v1", "a")]));
    let both = get(&gateway, "/v1/registries");
    assert_eq!(names(&both, "registries", "cloud_id"), ["c1", "c2"]);
    assert_eq!(paged(&gateway, "/v1/registries", "registries", "cloud_id"), ["c1", "c2"]);
    let unclear = gateway.get(HUB);
    assert_eq!((unclear.status, unclear.code()), (400, "bad_request".into()));
    assert!(unclear.body.contains("c1, c2"), "{}", unclear.body);
    assert_eq!(names(&get(&gateway, &format!("{HUB}?cloud_id=c2")), "repositories", "repository"), ["b"]);
    assert_eq!(gateway.get(&format!("{HUB}/a?cloud_id=c2")).code(), "not_found");
    assert_eq!(gateway.get(&format!("{HUB}?cloud_id=c3")).code(), "not_found");
    assert_eq!(gateway.get("/v1/registries/elsewhere/repositories").code(), "not_found");
    for wrong in ["?limit=0", "?limit=1001", "?order=x"] {
        assert_eq!(gateway.get(&format!("{HUB}{wrong}")).code(), "bad_request", "{wrong}");
    }
    assert_eq!(gateway.get("/v1/registries?after=x").code(), "bad_request");
    assert_eq!(gateway.get(&format!("{HUB}/a?cloud_id=c1&after=!")).code(), "bad_request");
}

/// Reads wait behind the commit at hand and never divide it, so a flood of them costs the writer little.
#[test]
fn many_reads_do_not_keep_the_writer() {
    let gateway = Gateway::start();
    gateway.notify(body(&[push("1", "team/app", "v1", "a")]));
    std::thread::scope(|scope| {
        let gateway = &gateway;
        let readers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(move || {
                    for _ in 0..50 {
                        assert_eq!(get(gateway, &format!("{HUB}/team/app"))["repository"], "team/app");
                        assert_eq!(get(gateway, HUB)["registry"], "hub.example.com");
                    }
                })
            })
            .collect();
        for n in 2..50 {
            let answer = gateway.notify(body(&[push(&n.to_string(), "team/app", &format!("v{n}"), "a")]));
            assert_eq!(answer.json()["accepted"], 1);
        }
        for reader in readers {
            reader.join().expect("it reads");
        }
    });
    assert_eq!(get(&gateway, &format!("{HUB}/team/app"))["tags_total"], 49);
}
