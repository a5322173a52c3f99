//! Names of triggers and feeds are their cloud's: a name elsewhere is neither an error nor a hint.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, request};
use crate::support::notification::{body, push};
use crate::support::target::{Reply, Target};
use crate::support::until;

/// Two clouds with two admins each, a source each, and an operator.
fn settings(more: &str) -> String {
    let mut settings = format!("[targets]\nallow_networks = [\"127.0.0.0/8\"]\n{more}\n");
    for (name, more) in [
        ("one", "cloud = 'one'"),
        ("one-too", "cloud = 'one'"),
        ("two", "cloud = 'two'"),
        ("two-too", "cloud = 'two'"),
        ("root", ""),
    ] {
        settings.push_str("[[readers]]\n");
        settings.push_str(
            &["name = '", name, "'\ntoken = '", &token(name), "'\nadmin = true\n", more, "\n"].concat(),
        );
    }
    for cloud in ["one", "two"] {
        let source = ["[[sources]]\nname = '", cloud, "'\nkind = 'distribution'\ncloud = '", cloud, "'\n"];
        settings.push_str(&source.concat());
    }
    settings
}

fn token(name: &str) -> String {
    format!("token-of-{name}-0123456789abcdef-0123456789abcdef")
}

fn ask(gateway: &Gateway, who: &str, method: &str, path: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {}", token(who));
    let body = if body.is_null() { String::new() } else { body.to_string() };
    request(&gateway.address, method, path, &[("Authorization", &bearer)], body.as_bytes())
}

fn get(gateway: &Gateway, who: &str, path: &str) -> Answer {
    ask(gateway, who, "GET", path, &Value::Null)
}

fn definition(target: &Target) -> Value {
    json!({
        "filter": {"type": "CreateImageTag"}, "batch": {"cutoff": 0},
        "target": {"http": {"url": target.url}}, "retry": {"interval": "1s"},
    })
}

fn image(gateway: &Gateway, cloud: &str, tag: &str) {
    let pushed = body(&[push(tag, "team/app", tag, tag)]);
    assert_eq!(gateway.post(&format!("/v1/sources/{cloud}/events"), pushed).status, 200);
}

#[test]
fn two_clouds_have_a_trigger_of_one_name_each() {
    let gateway = Gateway::with_settings(&settings(""));
    let targets = [Target::start(), Target::answering(|_| Reply::Status(400))];
    for (who, target) in ["one", "two"].into_iter().zip(&targets) {
        assert_eq!(get(&gateway, who, "/v1/triggers/t").code(), "not_found");
        let made = ask(&gateway, who, "PUT", "/v1/triggers/t", &definition(target));
        assert_eq!((made.status, &made.json()["cloud_id"]), (201, &json!(who)), "its maker's cloud");
        image(&gateway, who, &format!("v-{who}"));
    }
    assert_eq!(targets[0].wait(1)[0].json()["messages"][0]["details"]["tag"], "v-one");
    let letters =
        |who: &str| get(&gateway, who, "/v1/triggers/t/dead-letters").json()["dead_letters"].clone();
    until("there is a dead letter", || letters("two")[0].is_object());
    assert_eq!(letters("one"), json!([]));
    assert_eq!(letters("two")[0]["cloud_id"], "two");
    // What one does is not the other's.
    assert_eq!(
        ask(&gateway, "one", "POST", "/v1/triggers/t/pause", &Value::Null).json()["state"]["status"],
        "paused"
    );
    assert_eq!(get(&gateway, "two", "/v1/triggers/t").json()["state"]["status"], "running");
    // Who is bound to no cloud says which.
    for (path, method) in
        [("", "GET"), ("/log", "GET"), ("/dead-letters", "GET"), ("/pause", "POST"), ("", "DELETE")]
    {
        let of = |cloud: &str| {
            ask(&gateway, "root", method, &format!("/v1/triggers/t{path}{cloud}"), &Value::Null)
        };
        let several = of("");
        assert_eq!((several.status, several.code().as_str()), (409, "conflict"), "{method} {path}");
        let message = several.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!(message, "say which: cloud_id is one of one, two");
        assert_eq!(of("?cloud_id=three").code(), "not_found");
        if method == "GET" {
            assert_eq!(of("?cloud_id=two").status, 200, "{path}");
        }
        let foreign =
            ask(&gateway, "one", method, &format!("/v1/triggers/t{path}?cloud_id=two"), &Value::Null);
        assert_eq!(foreign.code(), "not_found", "{method} {path}");
    }
    let clouds = |page: &Answer| -> Vec<String> {
        let all = page.json()["triggers"].as_array().expect("a list").clone();
        all.iter().map(|trigger| trigger["cloud_id"].as_str().expect("a cloud").to_owned()).collect()
    };
    assert_eq!(clouds(&get(&gateway, "root", "/v1/triggers")), ["one", "two"]);
    assert_eq!(clouds(&get(&gateway, "root", "/v1/triggers?cloud_id=two")), ["two"]);
    assert_eq!(clouds(&get(&gateway, "one", "/v1/triggers")), ["one"]);
    let first = get(&gateway, "root", "/v1/triggers?limit=1");
    assert_eq!((clouds(&first), &first.json()["next"]), (vec!["one".to_owned()], &json!("t/one")));
    let second = get(&gateway, "root", "/v1/triggers?limit=1&after=t/one");
    assert_eq!((clouds(&second), second.json().get("next")), (vec!["two".to_owned()], None));
    the_command_says_which(&gateway);
}

fn the_command_says_which(gateway: &Gateway) {
    let command = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagcast"));
        command.args(["trigger", "--url", &gateway.url()]).args(more).env("TAGCAST_TOKEN", token("root"));
        let ran = command.output().expect("it runs");
        let said = [ran.stdout, ran.stderr].concat();
        (ran.status.success(), String::from_utf8_lossy(&said).into_owned())
    };
    let (good, said) = command(&["show", "t"]);
    assert!(!good && said.contains("cloud_id is one of one, two"), "{said}");
    let (good, said) = command(&["--cloud", "two", "resume", "t"]);
    assert!(good && said.contains(r#""cloud_id": "two""#), "{said}");
    assert!(command(&["delete", "t", "--cloud", "one"]).0);
    assert_eq!(get(gateway, "one", "/v1/triggers/t").code(), "not_found");
    assert_eq!(get(gateway, "root", "/v1/triggers/t").json()["cloud_id"], "two", "the only one of its name");
}

#[test]
fn a_definition_is_for_the_cloud_that_it_says_and_its_maker_may_use() {
    let (gateway, target) = (Gateway::with_settings(&settings("")), Target::start());
    let put = |who: &str, path: &str, cloud: Option<&str>| {
        let mut wanted = definition(&target);
        if let Some(cloud) = cloud {
            wanted["cloud_id"] = cloud.into();
        }
        let answer = ask(&gateway, who, "PUT", &format!("/v1/triggers/{path}"), &wanted);
        (answer.status, answer.json()["cloud_id"].as_str().unwrap_or_default().to_owned())
    };
    let made = |status, cloud: &str| (status, cloud.to_owned());
    assert_eq!(put("root", "a", None), made(201, "default"));
    assert_eq!(put("root", "b?cloud_id=two", None), made(201, "two"));
    assert_eq!(put("root", "b", None), made(200, "two"), "the only one of its name");
    assert_eq!(put("root", "b", Some("one")), made(201, "one"));
    assert_eq!(put("root", "b", None), made(409, ""));
    assert_eq!(put("root", "b?cloud_id=two", Some("one")), made(400, ""));
    assert_eq!(put("one", "b", None), made(200, "one"));
    assert_eq!(put("one", "c?cloud_id=one", Some("one")), made(201, "one"));
    for (path, cloud) in [("d", Some("two")), ("d?cloud_id=two", None), ("d?cloud_id=two", Some("two"))] {
        assert_eq!(put("one", path, cloud), made(403, ""), "{path} {cloud:?}");
    }
}

#[test]
fn dead_letters_of_a_deleted_trigger_stay_its_clouds() {
    let mut gateway = Gateway::with_settings(&settings(""));
    let target = Target::answering(|_| Reply::Status(400));
    ask(&gateway, "one", "PUT", "/v1/triggers/t", &definition(&target));
    image(&gateway, "one", "v1");
    let path = "/v1/triggers/t/dead-letters";
    until("there is a dead letter", || get(&gateway, "one", path).json()["dead_letters"][0].is_object());
    assert_eq!(ask(&gateway, "one", "DELETE", "/v1/triggers/t", &Value::Null).status, 204);
    // Another team makes one of that name.
    ask(&gateway, "two", "PUT", "/v1/triggers/t", &definition(&target));
    for round in 0..2 {
        let letter = get(&gateway, "one", path).json()["dead_letters"][0]["id"].clone();
        let letter = format!("{path}/{}", letter.as_str().expect("it is there still"));
        assert_eq!(get(&gateway, "two", path).json()["dead_letters"], json!([]), "{round}");
        for method in ["GET", "DELETE"] {
            assert_eq!(ask(&gateway, "two", method, &letter, &Value::Null).code(), "not_found");
        }
        assert_eq!(ask(&gateway, "two", "DELETE", path, &Value::Null).json()["dropped"], 0);
        assert_eq!(get(&gateway, "root", path).code(), "conflict");
        assert_eq!(get(&gateway, "one", &letter).status, 200);
        gateway.kill();
        gateway.start_again();
    }
    assert_eq!(ask(&gateway, "one", "DELETE", path, &Value::Null).json()["dropped"], 1);
    assert_eq!(get(&gateway, "one", path).code(), "not_found", "nothing is left of that name");
    assert_eq!(get(&gateway, "root", "/v1/triggers/nope/dead-letters").code(), "not_found");
}

#[test]
fn two_clouds_have_a_feed_of_one_name_each() {
    let gateway = Gateway::with_settings(&settings(""));
    let listen = |who: &str, query: &str| {
        Client::connect_as(&format!("ws://{}/v1/feeds/f/ws{query}", gateway.address), &token(who))
    };
    for who in ["one", "two"] {
        let feed =
            json!({"filter": {"type": "CreateImageTag"}, "batch": {"cutoff": 0}, "target": {"feed": "f"}});
        assert_eq!(ask(&gateway, who, "PUT", "/v1/triggers/to-feed", &feed).status, 201);
        let feeds = get(&gateway, who, "/v1/feeds").json()["feeds"].clone();
        assert_eq!((feeds.as_array().map(Vec::len), &feeds[0]["cloud_id"]), (Some(1), &json!(who)));
    }
    for path in ["/v1/feeds/f/ws", "/v1/feeds/f/events"] {
        assert_eq!(get(&gateway, "root", path).code(), "conflict", "{path}");
        assert_eq!(get(&gateway, "one", &format!("{path}?cloud_id=two")).code(), "not_found", "{path}");
    }
    let mut clients = [listen("one", ""), listen("two", ""), listen("root", "?cloud_id=two")];
    for client in &mut clients {
        client.wait_for("subscribed");
    }
    let notice = json!({"data": 7});
    assert_eq!(ask(&gateway, "one", "POST", "/v1/feeds/f/broadcast", &notice).json()["sent"], 1);
    assert_eq!(ask(&gateway, "root", "POST", "/v1/feeds/f/broadcast", &notice).code(), "conflict");
    let of_two = ask(&gateway, "root", "POST", "/v1/feeds/f/broadcast?cloud_id=two", &notice);
    assert_eq!(of_two.json()["sent"], 2);
    image(&gateway, "two", "v2");
    image(&gateway, "one", "v1");
    for (client, tag) in clients.iter_mut().zip(["v1", "v2", "v2"]) {
        assert_eq!(client.batch()[0]["details"]["tag"], tag);
    }
    // What changes of one says nothing to who listens to the other.
    ask(&gateway, "one", "DELETE", "/v1/triggers/to-feed", &Value::Null);
    assert_eq!(clients[0].wait_for_close().0, 4004);
    image(&gateway, "two", "v3");
    assert_eq!(clients[1].batch()[0]["details"]["tag"], "v3");
}

#[test]
fn a_cloud_has_its_own_quota_and_one_of_its_admins_half_of_it() {
    let gateway = Gateway::with_settings(&settings("triggers = 4"));
    let put = |who: &str, name: &str| {
        let feed = json!({"target": {"feed": "f"}});
        let answer = ask(&gateway, who, "PUT", &format!("/v1/triggers/{name}"), &feed);
        (answer.status, answer.code())
    };
    let quota = || (409, "quota_exceeded".to_owned());
    for name in ["a", "b"] {
        assert_eq!(put("one", name).0, 201);
    }
    assert_eq!(put("one", "c"), quota(), "half of it");
    assert_eq!(put("one", "a").0, 200, "a change is not one more");
    for name in ["c", "d"] {
        assert_eq!(put("one-too", name).0, 201);
        assert_eq!(put("two", name).0, 201, "another cloud has its own");
    }
    assert_eq!(put("one-too", "e"), quota());
    assert_eq!(ask(&gateway, "one", "DELETE", "/v1/triggers/a", &Value::Null).status, 204);
    assert_eq!(put("one", "e").0, 201, "room came back");
    assert_eq!(put("two-too", "e").0, 201);
}

#[test]
fn an_admin_alone_in_its_cloud_has_all_of_it() {
    let reader =
        "[[readers]]\nname = 'a'\ntoken = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'\ncloud = 'c'\nadmin = true\n";
    let gateway = Gateway::with_settings(&format!("[targets]\ntriggers = 2\n{reader}"));
    let put = |name: &str| {
        let headers = [("Authorization", "Bearer aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")];
        let feed = json!({"target": {"feed": "f"}}).to_string();
        request(&gateway.address, "PUT", &format!("/v1/triggers/{name}"), &headers, feed.as_bytes()).status
    };
    assert_eq!(["a", "b", "c"].map(put), [201, 201, 409]);
}

#[test]
fn one_of_several_readers_of_a_cloud_brings_half_of_its_broad_filters() {
    let many = "[connections]\nsubscriptions = 128\ncommands_per_second = 10000\ncommands_burst = 10000\n";
    let gateway = Gateway::with_settings(&settings(many));
    let connect = |who: &str| Client::connect_as(&gateway.websocket_url(""), &token(who));
    let wanted = |id: usize, filter: String| json!({"subscribe": {"id": format!("s{id}"), "filter": filter}});
    let mut clients: Vec<_> = (0..4).map(|_| connect("one")).collect();
    for (c, client) in clients.iter_mut().enumerate() {
        for n in 0..125 {
            client.subscribe(&wanted(n, format!("size > {}", c * 125 + n))["subscribe"]);
        }
    }
    let mut more = connect("one");
    let one_more = wanted(0, "size > 9999".to_owned());
    more.send(&one_more);
    assert_eq!(more.wait_for("error")["error"]["code"], "filter_too_broad");
    more.subscribe(&wanted(1, "size > 7".to_owned())["subscribe"]);
    // Others of its cloud have the other half, and another cloud has its own.
    for who in ["one-too", "two"] {
        connect(who).subscribe(&one_more["subscribe"]);
    }
    clients[0].send(&json!({"unsubscribe": {"id": "s5"}}));
    clients[0].wait_for("unsubscribed");
    more.subscribe(&one_more["subscribe"]);
}

#[test]
fn metrics_of_triggers_name_the_cloud() {
    let gateway = Gateway::with_settings("[targets]\nallow_networks = [\"127.0.0.0/8\"]\n");
    let target = Target::answering(|_| Reply::Status(400));
    let put =
        |path: &str| request(&gateway.address, "PUT", path, &[], definition(&target).to_string().as_bytes());
    assert_eq!(put("/v1/triggers/t").status, 201);
    assert_eq!(put("/v1/triggers/t?cloud_id=other").status, 201);
    gateway.notify(crate::support::notification::new_image(1));
    until("it is a dead letter", || gateway.count("tagcast_dead_letters{cloud=\"default\"}") == 1);
    assert_eq!(gateway.count("tagcast_dead_letters{cloud=\"other\"}"), 0);
    assert_eq!(gateway.count("tagcast_triggers{cloud=\"other\"}"), 1);
    assert_eq!(gateway.count("tagcast_trigger_attempts_total{cloud=\"default\",code=\"refused\"}"), 1);
}
