//! Characters that steer a terminal or turn a line: out of what identifies, replaced and named in the rest.

use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::notification::{body, push};

#[test]
fn control_characters_identify_nothing_and_are_named_elsewhere() {
    let gateway = Gateway::start();
    let mut client = gateway.connect("?filter=true&batch_cutoff=0");
    client.subscribed();
    let mut pushed = push("id\u{7}1", "team/app", "v1", "a");
    pushed["actor"] = json!({ "name": "ci\u{1b}[2J\u{85}\u{7f}\n" });
    assert_eq!(gateway.notify(body(&[pushed])).json()["accepted"], 2);
    for event in client.events(2) {
        let details = &event["details"];
        assert_eq!(details["actor"], "ci\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(details["source_event_id"], "id\u{fffd}1");
        assert_eq!(details["cut"], json!(["actor", "source_event_id"]));
    }
    for control in ["\0", "\u{7}", "\n", "\u{1b}", "\u{7f}", "\u{80}", "\u{9f}"] {
        let repository = push("x", &format!("team{control}/app"), "v1", "a");
        let tag = push("y", "team/app", &format!("v{control}1"), "a");
        let answer = gateway.notify(body(&[repository, tag])).json();
        assert_eq!((&answer["accepted"], &answer["quarantined"]), (&json!(0), &json!(2)), "{control:?}");
    }
    // The page isolates and marks these; an event keeps them.
    for (number, kept) in ["\u{202e}", "\u{2066}", "\u{200b}", "\u{feff}", "\u{200f}"].iter().enumerate() {
        let mut pushed = push(&format!("k{number}"), &format!("team{kept}/app"), "v1", "b");
        pushed["actor"] = json!({ "name": format!("jane{kept}") });
        assert_eq!(gateway.notify(body(&[pushed])).json()["accepted"], 2, "{kept:?}");
        let details = client.events(2)[0]["details"].clone();
        assert_eq!(details["repository_name"], format!("team{kept}/app"));
        assert_eq!(
            (details["actor"].as_str(), &details["cut"]),
            (Some(&*format!("jane{kept}")), &Value::Null)
        );
    }
}
