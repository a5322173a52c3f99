//! Clients that are made from `/openapi.json`, and what they need: nothing is required that is not described, and each
//! parameter says what it takes.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::http::request;

/// Parameters that may be any text.
const FREE: [&str; 9] = [
    // What was once given to something, by whoever gave it.
    "cloud_id",
    "identity",
    "registry",
    "repository",
    "source",
    "name",
    // Of a list that is ordered by texts: any has a place in it.
    "after",
    // A language.
    "filter",
    "search",
];
/// Keywords by which a schema says what it takes.
const TELLING: [&str; 5] = ["pattern", "format", "enum", "const", "maximum"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every object of a document, with where it is.
fn each(node: &Value, place: &str, look: &mut impl FnMut(&str, &Value)) {
    look(place, node);
    match node {
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| each(member, &format!("{place}/{name}"), look));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| each(item, &format!("{place}/{index}"), look));
        }
        _ => {}
    }
}

fn resolved<'a>(document: &'a Value, node: &'a Value) -> &'a Value {
    match node["$ref"].as_str() {
        Some(reference) => {
            resolved(document, document.pointer(reference.trim_start_matches('#')).expect("a target"))
        }
        None => node,
    }
}

/// Whether a schema, or each of its alternatives, says what it takes.
fn tells(document: &Value, schema: &Value) -> bool {
    let schema = resolved(document, schema);
    match schema["anyOf"].as_array() {
        Some(alternatives) => alternatives.iter().all(|one| tells(document, one)),
        None => TELLING.iter().any(|keyword| schema.get(keyword).is_some()),
    }
}

#[test]
fn nothing_is_required_that_is_not_described() {
    let gateway = Gateway::start();
    for path in ["/openapi.json", "/asyncapi.json"] {
        let document = gateway.get(path).json();
        let mut wrong = Vec::new();
        each(&document, "", &mut |place, node| {
            for name in node["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if node["properties"].get(name).is_none() {
                    wrong.push(format!("{place}: {name}"));
                }
            }
            // A schema of an object says what is in it, or what may be.
            let empty = node["type"] == "object" && node.get("properties").is_none();
            if empty && node.get("additionalProperties").is_none() && node.get("description").is_none() {
                wrong.push(format!("{place}: an object of which nothing is said"));
            }
            if place.ends_with("/content") && node.as_object().is_some_and(|types| types.contains_key("*/*"))
            {
                wrong.push(format!("{place}: any type"));
            }
        });
        wrong.retain(|fault| !fault.starts_with("/paths/~1openapi.json") && !fault.contains("api.json/get"));
        assert!(wrong.is_empty(), "{path}: {wrong:#?}");
    }
}

#[test]
fn each_parameter_says_what_it_takes() {
    let gateway = Gateway::start();
    let document = gateway.get("/openapi.json").json();
    let (mut seen, mut wrong) = (0, Vec::new());
    each(&document, "", &mut |place, node| {
        if node.get("in").is_none() || node.get("schema").is_none() {
            return;
        }
        seen += 1;
        let name = node["name"].as_str().unwrap_or_default();
        let schema = resolved(&document, &node["schema"]);
        let free = FREE.contains(&name) && schema["type"] == "string";
        if !tells(&document, schema) && !free {
            wrong.push(format!("{place}: {name}"));
        }
    });
    assert!(seen > 20 && wrong.is_empty(), "{seen} {wrong:#?}");
}

/// What stands in a pattern of the description is what the gateway takes, and what it shows.
#[test]
fn patterns_are_what_the_gateway_takes() {
    let gateway = Gateway::start();
    let status = |path: &str| request(&gateway.address, "GET", path, &[], b"").status;
    for (path, taken) in [
        ("/v1/events?after=earliest", true),
        ("/v1/events?after=crt00000080000000000", true),
        ("/v1/events?after=2026-01-07T11:09:14Z", true),
        ("/v1/events?after=2026-01-07T11:09:14.5%2B03:00", true),
        ("/v1/events?after=now", false),
        ("/v1/events?before=now", true),
        ("/v1/events?before=earliest", false),
        ("/v1/events?before=2026-01-07T11:09:14Z", false),
        ("/v1/registries?after=64656661756c740068", true),
        ("/v1/registries?after=xx", false),
        ("/v1/registries?after=6", false),
        ("/v1/quarantine?after=00000000000000000000000000000000", true),
        ("/v1/quarantine?after=0", false),
        ("/v1/connections?after=18446744073709551615", true),
        ("/v1/connections?after=18446744073709551616", false),
        ("/v1/connections?limit=1000", true),
        ("/v1/connections?limit=1001", false),
        ("/v1/quarantine?limit=500", true),
        ("/v1/quarantine?limit=501", false),
    ] {
        assert_eq!(status(path), if taken { 200 } else { 400 }, "{path}");
    }
}

/// JSON has one sort of numbers, and objects are not lists of their members' values.
#[test]
fn json_is_read_as_its_schema_says() {
    let gateway = Gateway::start();
    let check = |body: Value| gateway.post("/v1/filters/check", body.to_string()).status;
    assert_eq!(check(json!({ "sample": 5.0, "filter": { "size": { "gt": 3.0 } } })), 200);
    assert_eq!(check(json!({ "event": { "details": { "size": 5.0 } } })), 200);
    let refused = [
        json!({ "sample": 5.5 }),
        json!({ "sample": -1 }),
        json!({ "sample": 10_001 }),
        json!([true, 5, null]),
        json!({ "event": [] }),
        json!({ "event": { "details": ["hub"] } }),
    ];
    for body in refused {
        assert_eq!(check(body.clone()), 400, "{body}");
    }
    let put = |body: Value| {
        let headers = [("Content-Type", "application/json")];
        request(&gateway.address, "PUT", "/v1/triggers/t", &headers, body.to_string().as_bytes()).status
    };
    let target = json!({ "feed": "f" });
    assert_eq!(put(json!({ "target": target, "retry": { "attempts": 5.0 }, "batch": { "size": 5.0 } })), 201);
    for part in [
        json!({ "target": target, "retry": [5, "1s", "1h"] }),
        json!({ "target": target, "batch": [5, "1s", 2048] }),
        json!({ "target": { "http": ["https://hooks.example.com/"] } }),
        json!(["t", "default", null, {}, target, {}, true, "", true]),
    ] {
        assert_eq!(put(part.clone()), 400, "{part}");
    }
}

/// Who needs a token says so, and what needs none does not: clients send what is asked of them.
#[test]
fn a_token_is_described_where_one_is_needed() {
    let open = Gateway::start().get("/openapi.json").json();
    assert_eq!(open["security"], json!([{}, { "token": [] }]));
    let token = "0123456789abcdef0123456789abcdef";
    let settings = format!("[[readers]]\nname = \"operator\"\nadmin = true\ntoken = \"{token}\"\n");
    let gateway = Gateway::with_settings(&settings);
    let document = gateway.get("/openapi.json").json();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let Some(call) = item.get("get").filter(|_| !path.contains('{')) else { continue };
        let security = call.get("security").unwrap_or(&document["security"]);
        let needed = *security == json!([{ "token": [] }]);
        assert_eq!(gateway.get(path).status == 401, needed, "{path}");
    }
}

#[test]
fn a_generated_client_posts_and_reads() {
    let gateway = Gateway::start();
    let folder = tempfile::tempdir().expect("a folder");
    let made = Command::new(root().join(".tools/venv/bin/python"))
        .arg(root().join("tests/clients/generated.py"))
        .arg(format!("http://{}", gateway.address))
        .arg(folder.path())
        .arg(root().join("tests/fixtures/webhooks/distribution/v2-push-tag.json"))
        .output()
        .expect("`make test-tools` installs it");
    let told = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{told}");
    let said: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    assert_eq!((&said["posted"]["accepted"], &said["posted"]["quarantined"]), (&json!(2), &json!(0)));
    let first = said["first"]["messages"].as_array().expect("a page").len();
    let second = &said["second"]["messages"][0]["event_metadata"]["event_id"];
    assert_eq!((first, second), (1, &said["posted"]["events"][1]));
    assert_eq!(said["today"]["messages"].as_array().map(Vec::len), Some(2));
    assert_eq!(said["back"]["position"], *second);
    assert_eq!(said["registries"]["registries"][0]["registry"], "registry.example.com:5000");
    assert_eq!((&said["checked"]["sampled"], &said["checked"]["matched"]), (&json!(2), &json!(2)));
    assert_eq!(said["trigger"]["target"], json!({ "feed": "releases" }));
    assert_eq!(said["feeds"]["feeds"][0]["name"], "releases");
    assert_eq!(said["missing"]["error"]["code"], "not_found");
}
