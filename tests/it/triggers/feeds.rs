//! Feeds: who connects writes no filter.

use serde_json::{Value, json};

use super::{LOOPBACK, gateway, make, send};
use crate::support::client::Client;
use crate::support::gateway::Gateway;
use crate::support::http::request;
use crate::support::notification::{body, new_image, push};

fn listen(gateway: &Gateway, name: &str, query: &str) -> Client {
    Client::connect(&format!("ws://{}/v1/feeds/{name}/ws{query}", gateway.address))
}

#[test]
fn a_trigger_broadcasts_to_all_connections_of_its_feed() {
    let gateway = gateway();
    let wanted = json!({
        "filter": {"tag": {"matches": "release-.*"}, "type": "CreateImageTag"}, "batch": {"cutoff": 0},
        "target": {"feed": "cards"},
    });
    assert_eq!(gateway.get("/v1/feeds/cards/ws").code(), "not_found");
    make(&gateway, &wanted);
    let mut clients = [listen(&gateway, "cards", ""), listen(&gateway, "cards", "?after=earliest")];
    gateway.notify(new_image(1));
    gateway.notify(body(&[push("a", "team/app", "release-1", "a")]));
    for client in &mut clients {
        let batch = client.batch();
        assert_eq!(batch[0]["details"]["tag"], "release-1");
    }
    let feeds = gateway.get("/v1/feeds").json();
    assert_eq!((&feeds["feeds"][0]["name"], &feeds["feeds"][0]["connections"]), (&json!("cards"), &json!(2)));
    let sent = gateway.post("/v1/feeds/cards/broadcast", r#"{"data":{"hello":1}}"#);
    assert_eq!(sent.json(), json!({"sent": 2}));
    for client in &mut clients {
        assert_eq!(client.wait_for("notice")["notice"]["data"], json!({"hello": 1}));
    }

    // Nothing may be said, and nothing else may be asked for.
    clients[0].send(&json!({"subscribe": {"id": "x"}}));
    assert_eq!(clients[0].wait_for("error")["error"]["code"], "forbidden");
    let refused = request(&gateway.address, "GET", "/v1/feeds/cards/events?filter=true", &[], b"");
    assert_eq!(refused.code(), "bad_request");

    // Another filter: they are asked to come back.
    let mut other = wanted.clone();
    other["filter"] = "type == 'DeleteImage'".into();
    make(&gateway, &other);
    let [mut one, mut two] = clients;
    assert_eq!(one.wait_for_close(), (4004, "feed_changed".into()));
    assert_eq!(two.wait_for_close(), (4004, "feed_changed".into()));
    assert_eq!(send(&gateway, "DELETE", "/v1/triggers/t", &Value::Null).status, 204);
    assert_eq!(gateway.get("/v1/feeds").json(), json!({"feeds": []}));
}

#[test]
fn a_feed_of_the_settings_and_its_triggers_are_one_stream() {
    let settings = format!(
        "{LOOPBACK}\n[[feeds]]\nname = \"cards\"\nfilter = \"tag == 'one' && type == 'CreateImageTag'\"\n\
         batch = {{ cutoff = \"30s\" }}\n"
    );
    let gateway = Gateway::with_settings(&settings);
    let more = json!({
        "filter": "tag == 'two' && type == 'CreateImageTag'", "batch": {"cutoff": 0}, "target": {"feed": "cards"},
    });
    make(&gateway, &more);
    let mut client = listen(&gateway, "cards", "?after=earliest");
    let all = ["two", "three", "one"].map(|tag| push(tag, "team/app", tag, tag));
    gateway.notify(body(&all));
    let mut tags = Vec::new();
    while tags.len() < 2 {
        tags.extend(client.batch().iter().map(|m| m["details"]["tag"].as_str().unwrap().to_owned()));
    }
    assert_eq!(tags, ["two", "one"]);
    gateway.post("/v1/triggers/t/pause", "");
    assert_eq!(client.wait_for_close().0, 4004);
}
