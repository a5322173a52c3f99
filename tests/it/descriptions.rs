//! `/openapi.json` and `/asyncapi.json`: every route, code and message is in them, and what the gateway really says is
//! as they say.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tagcast::parts::protocol::{Close, Code, ServerMessage};

use crate::support::gateway::Gateway;
use crate::support::http::{Answer, request};
use crate::support::notification::{body, new_image, push};
use crate::support::stream::Stream;

/// What is described and not seen here: clients of others open WebSockets in tests of their own, and an error ends a
/// stream that wants all or nothing, in the tests of streams.
const UNSEEN: [&str; 9] = [
    "asset",
    "openWebSocket",
    "lines/error",
    "serverSentEvents/refused",
    // Streams, and what a target must have refused first: the tests of triggers see those.
    "openFeedWebSocket",
    "readFeed",
    "readDeadLetter",
    "sendDeadLetter",
    "purgeDeadLetter",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What stands between `.route("` and `"` in the sources below a folder.
fn routes(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            found.extend(routes(&entry));
        } else if entry.extension().is_some_and(|suffix| suffix == "rs") {
            let text = std::fs::read_to_string(&entry).expect("a file");
            let paths = text.split(".route(").skip(1).filter_map(|rest| rest.split('"').nth(1));
            found.extend(paths.map(|path| path.replace("{*", "{")));
        }
    }
    // Parts of the page at `/`; and what is there only in builds with a feature of its own.
    found.retain(|path| path != "/echo");
    found
}

#[test]
fn every_route_and_method_is_described() {
    let gateway = Gateway::start();
    let openapi = gateway.get("/openapi.json").json();
    let described = openapi["paths"].as_object().expect("paths");
    assert_eq!(routes(&root().join("src")), described.keys().cloned().collect());
    for (path, item) in described {
        // Nothing is asked with this method, so the answer tells those that are.
        let answer = request(&gateway.address, "PATCH", &filled(path), &[], b"");
        assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_allowed"), "{path}");
        let allow = answer.head.lines().find_map(|line| line.strip_prefix("allow: ")).expect("Allow");
        let allowed: BTreeSet<_> =
            allow.split(',').map(str::trim).filter(|method| *method != "head").collect();
        let known = ["get", "post", "put", "delete"];
        let methods = item.as_object().expect("methods").keys().map(String::as_str);
        assert_eq!(
            methods.filter(|method| known.contains(method)).collect::<BTreeSet<_>>(),
            allowed,
            "{path}"
        );
    }
}

/// A path with something in place of its variables.
fn filled(template: &str) -> String {
    let parts = template.split('/').map(|part| if part.starts_with('{') { "distribution" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[test]
fn every_code_and_message_is_described() {
    let gateway = Gateway::start();
    let (openapi, asyncapi) = (gateway.get("/openapi.json").json(), gateway.get("/asyncapi.json").json());
    let list = |value: &Value| value.as_array().expect("a list").clone();
    for document in [&openapi, &asyncapi] {
        let schemas = &document["components"]["schemas"];
        let codes = list(&schemas["ErrorCode"]["enum"]);
        let own = Code::ALL.map(Code::as_str).into_iter();
        let missing: Vec<_> = own
            .chain(tagcast::parts::filter::Code::ALL.map(tagcast::parts::filter::Code::as_str))
            .filter(|code| !codes.contains(&json!(code)))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
        let closes: BTreeSet<_> = Close::ALL.map(Close::code).into_iter().chain([Close::TRY_AGAIN]).collect();
        let described = list(&schemas["CloseCode"]["enum"]);
        assert_eq!(described, closes.into_iter().map(Value::from).collect::<Vec<_>>());
    }
    let told = list(&asyncapi["channels"]["websocket"]["x-close-codes"]);
    assert_eq!(told, Close::ALL.map(|close| json!({"code": close.code(), "reason": close.reason()})));
    let messages = |channel: &str| {
        let messages = asyncapi["channels"][channel]["messages"].as_object().expect("messages");
        messages.keys().cloned().collect::<BTreeSet<_>>()
    };
    // A WebSocket closes with a frame, a line has no place for the start, and nobody unsubscribes from an answer.
    for (channel, without) in [
        ("websocket", &["close"][..]),
        ("serverSentEvents", &["unsubscribed"]),
        ("lines", &["subscribed", "unsubscribed"]),
    ] {
        let expected = ServerMessage::NAMES.into_iter().filter(|name| !without.contains(name));
        // An `EventSource` has an event `error` of its own.
        let sse = channel == "serverSentEvents";
        let expected = expected.map(|name| if sse && name == "error" { "refused" } else { name });
        let expected: BTreeSet<_> = expected.map(str::to_owned).collect();
        assert!(messages(channel).is_superset(&expected), "{channel}: {expected:?}");
        assert!(without.iter().all(|name| !messages(channel).contains(*name)), "{channel}");
    }
}

/// What is asked with GET: each with an answer that has something in it, and what is refused.
const PATHS: [&str; 36] = [
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/asyncapi.json",
    "/v1/server",
    "/v1/sources",
    "/v1/backup",
    "/v1/events",
    "/v1/events?limit=2",
    "/v1/events?before=now&format=cloudevents&limit=1",
    "/v1/events?after=crt00000000000000001",
    "/v1/events?filter=tga+%3D%3D+1",
    "/v1/events?after=soon",
    "/v1/events?after=crtvvvvvvvvvvvvvvvvv",
    "/v1/events?fitler=1",
    "/v1/events?limit=0",
    "/v1/ws",
    "/v1/registries",
    "/v1/registries?after=x",
    "/v1/registries/hub.example.com/repositories?limit=1",
    "/v1/registries/nowhere/repositories",
    "/v1/registries/hub.example.com/repositories/team/app",
    "/v1/registries/hub.example.com/repositories/team%2Fapp?limit=1",
    "/v1/registries/%ff/repositories",
    "/v1/registries/hub.example.com/repositories/no/such",
    "/v1/quarantine",
    "/v1/quarantine?limit=1",
    "/v1/quarantine?limit=501",
    "/v1/quarantine/none",
    "/v1/connections?limit=1",
    "/v1/connections",
    "/v1/connections/1",
    "/v1/connections/0",
    "/v1/connections?transport=pigeon",
];

/// What a gateway said, for a validator that is not ours.
#[derive(Default)]
struct Said {
    answers: Vec<Value>,
    messages: Vec<Value>,
}

impl Said {
    fn ask(
        &mut self,
        gateway: &Gateway,
        method: &str,
        path: &str,
        more: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let headers = [&[("Content-Type", "application/json")], more].concat();
        let answer = request(&gateway.address, method, path, &headers, body.as_bytes());
        let media_type = answer.head.lines().find_map(|line| line.strip_prefix("content-type: "));
        self.answers.push(json!({
            "method": method, "path": path, "status": answer.status,
            "type": media_type.unwrap_or_default(), "body": answer.json(),
        }));
        answer
    }

    fn tell(&mut self, channel: &str, payload: Value) -> &Value {
        let mut told = json!({ "channel": channel });
        told["payload"] = payload;
        self.messages.push(told);
        &self.messages[self.messages.len() - 1]["payload"]
    }

    /// Everything that can be asked, each with an answer that has something in it, and what is refused.
    fn ask_everything(&mut self, gateway: &Gateway) {
        let notify = "/v1/sources/distribution/events";
        for n in 0..3 {
            self.ask(gateway, "POST", notify, &[], &new_image(n));
        }
        self.ask(gateway, "POST", notify, &[], &body(&[push("a", "team/other", "v1", "x")]));
        self.ask(gateway, "POST", notify, &[], "nonsense");
        self.ask(gateway, "POST", notify, &[], "{\"events\":[7]}");
        self.ask(gateway, "POST", "/v1/sources/nobody/events", &[], "{}");
        let azure = "/v1/sources/azure/events";
        let validation = r#"[{"id":"1","topic":"t","subject":"","data":{"validationCode":"512d38b6"},"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","eventTime":"2026-01-07T11:09:14Z","metadataVersion":"1","dataVersion":"2"}]"#;
        self.ask(gateway, "POST", azure, &[("aeg-event-type", "SubscriptionValidation")], validation);
        self.ask(gateway, "OPTIONS", azure, &[("WebHook-Request-Origin", "eventgrid.azure.net")], "");
        self.ask(gateway, "OPTIONS", azure, &[], "");
        self.ask(gateway, "OPTIONS", notify, &[], "");
        for path in PATHS {
            self.ask(gateway, "GET", path, &[], "");
        }
        self.check_filters(gateway);
        self.look_after_quarantine(gateway);
        self.look_after_triggers(gateway);
        self.ask(gateway, "POST", "/v1/server/acknowledge", &[], "");
        self.ask(gateway, "GET", "/v1/events", &[("Origin", "https://elsewhere.example")], "");
    }

    fn check_filters(&mut self, gateway: &Gateway) {
        let check = json!({"filter": "tag == \"v1\"", "event": {"details": {"tag": "v2"}}});
        self.ask(gateway, "POST", "/v1/filters/check", &[], &check.to_string());
        self.ask(gateway, "POST", "/v1/filters/check", &[], r#"{"filter":{"tag":{"equals":"v1"}}}"#);
        self.ask(gateway, "POST", "/v1/filters/check", &[], r#"{"filter":{"tga":"v1"},"sample":10}"#);
        self.ask(gateway, "POST", "/v1/filters/check", &[], "[]");
    }

    fn look_after_quarantine(&mut self, gateway: &Gateway) {
        let record = self.ask(gateway, "GET", "/v1/quarantine", &[], "").json();
        let record = format!("/v1/quarantine/{}", record["records"][0]["id"].as_str().expect("a record"));
        self.ask(gateway, "GET", &record, &[], "");
        self.ask(gateway, "POST", &format!("{record}/replay"), &[], "");
        self.ask(gateway, "DELETE", &record, &[], "");
        self.ask(gateway, "DELETE", &record, &[], "");
        self.ask(gateway, "DELETE", "/v1/quarantine?source=*", &[], "");
        self.ask(gateway, "DELETE", "/v1/quarantine", &[], "");
    }

    fn look_after_triggers(&mut self, gateway: &Gateway) {
        let feed = r#"{"target":{"feed":"releases"},"filter":{"tag":"v1"}}"#;
        let http = r#"{"target":{"http":{"url":"https://hook.example.com/","signing_secret":"new"}},"batch":{"size":2}}"#;
        self.ask(gateway, "PUT", "/v1/triggers/to-feed", &[], feed);
        self.ask(gateway, "PUT", "/v1/triggers/to-hook", &[], http);
        self.ask(
            gateway,
            "PUT",
            "/v1/triggers/wrong",
            &[],
            r#"{"target":{"http":{"url":"http://127.0.0.1/"}}}"#,
        );
        for path in
            ["/v1/triggers?limit=1", "/v1/triggers", "/v1/triggers/to-hook", "/v1/triggers/none", "/v1/feeds"]
        {
            self.ask(gateway, "GET", path, &[], "");
        }
        self.ask(gateway, "POST", "/v1/triggers/to-hook/pause", &[], "");
        self.ask(gateway, "POST", "/v1/triggers/to-hook/resume", &[], "");
        self.ask(gateway, "GET", "/v1/triggers/to-hook/log", &[], "");
        let letters = "/v1/triggers/to-hook/dead-letters";
        self.ask(gateway, "GET", letters, &[], "");
        self.ask(gateway, "GET", &format!("{letters}/none"), &[], "");
        self.ask(gateway, "POST", &format!("{letters}/none/send"), &[], "");
        self.ask(gateway, "DELETE", &format!("{letters}/none"), &[], "");
        self.ask(gateway, "DELETE", letters, &[], "");
        self.ask(gateway, "POST", "/v1/feeds/releases/broadcast", &[], r#"{"data":1}"#);
        self.ask(gateway, "POST", "/v1/feeds/releases/broadcast", &[], "{}");
        self.ask(gateway, "GET", "/v1/feeds/none/events", &[], "");
        self.ask(gateway, "GET", "/v1/feeds/none/ws", &[], "");
        self.ask(gateway, "DELETE", "/v1/triggers/to-feed", &[], "");
        self.ask(gateway, "DELETE", "/v1/triggers/to-hook", &[], "");
    }

    /// Every message of a WebSocket.
    fn talk(&mut self, gateway: &Gateway, after: &str) {
        let mut client = gateway.connect("");
        let all = json!({"subscribe": {"id": "a", "filter": "tag != \"x\"", "batch": {"size": 5, "cutoff": "0", "bytes": "64KiB"},
            "after": after, "format": "tagcast", "on_gap": "notify"}});
        let one = json!({"subscribe": {"id": "b", "filter": {"tag": {"equals": "v0"}}, "batch": {"size": 1, "cutoff": 1.5}}});
        let end = json!({"unsubscribe": {"id": "a"}});
        for message in [all, one] {
            client.send(self.tell("websocket", message));
        }
        for key in ["subscribed", "gap", "messages", "subscribed"] {
            self.tell("websocket", client.wait_for(key));
        }
        client.send(self.tell("websocket", end));
        client.send(&json!({"unsubscribe": {"id": "nobody"}}));
        client.send(&json!({"subscribe": {"id": "c", "filter": "tga == 1"}}));
        for key in ["unsubscribed", "error", "error"] {
            self.tell("websocket", client.wait_for(key));
        }
        let mut unnamed = gateway.connect(&format!("?filter=true&format=cloudevents&after={after}"));
        for key in ["subscribed", "gap", "messages"] {
            self.tell("websocket", unnamed.wait_for(key));
        }
        let id = gateway.get("/v1/connections").json()["connections"][0]["id"].clone();
        let id = format!("/v1/connections/{}", id.as_str().expect("an id"));
        self.ask(gateway, "GET", "/v1/connections?limit=1", &[], "");
        self.ask(gateway, "GET", &id, &[], "");
        self.ask(gateway, "POST", &format!("{id}/send"), &[], r#"{"data":{"note":1}}"#);
        self.ask(gateway, "POST", &format!("{id}/send"), &[], "{}");
        self.tell("websocket", client.wait_for("notice"));
        self.ask(gateway, "DELETE", &format!("{id}?code=7"), &[], "");
        self.ask(gateway, "DELETE", &format!("{id}?code=1012"), &[], "");
    }

    /// Every message of both streams, and of the WebSocket those of the end.
    fn listen_to_the_end(&mut self, gateway: &mut Gateway, after: &str) {
        let query = format!("?after={after}&batch_size=5000&batch_bytes=1MiB");
        let mut sent = Stream::sse(&gateway.address, &query);
        let mut lines = Stream::lines(&gateway.address, &format!("{query}&filter=tag+%3D%3D+%22last%22"));
        let mut client = gateway.connect("?filter=tag+%3D%3D+%22never%22");
        client.subscribed();
        let open = gateway.get("/v1/connections").json()["connections"].clone();
        for connection in open.as_array().expect("a list") {
            let path = format!("/v1/connections/{}/send", connection["id"].as_str().expect("an id"));
            self.ask(gateway, "POST", &path, &[], r#"{"data":"soon"}"#);
        }
        gateway.notify(body(&[push("last", "team/app", "last", "last")]));
        while self
            .messages
            .iter()
            .all(|told| told["channel"] != "lines" || told["payload"].get("details").is_none())
        {
            self.tell("lines", lines.json());
        }
        gateway.notify(new_image(10_000));
        assert_eq!(gateway.terminate(), Some(0));
        while let Some(sent) = sent.sent() {
            self.tell("serverSentEvents", sent.data);
        }
        while let Some(line) = lines.line() {
            self.tell("lines", serde_json::from_str(&line).expect("JSON"));
        }
        self.tell("websocket", client.wait_for("position"));
    }

    /// What the validator has to say: which operations and messages it saw.
    fn judged(&self, gateway: &Gateway) -> Value {
        let said = json!({
            "openapi": gateway.get("/openapi.json").json(), "asyncapi": gateway.get("/asyncapi.json").json(),
            "answers": self.answers, "messages": self.messages,
        });
        let clients = root().join("tests/clients");
        let mut validator = Command::new(root().join(".tools/venv/bin/python"))
            .arg(clients.join("describe.py"))
            .arg(clients.join("node_modules/@asyncapi/specs/schemas/3.0.0.json"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("`make test-tools` installs it");
        let mut input = validator.stdin.take().expect("it is piped");
        input.write_all(said.to_string().as_bytes()).expect("it reads");
        drop(input);
        let output = validator.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

#[test]
fn what_is_said_is_what_is_described() {
    let mut said = Said::default();
    let disk = Gateway::start();
    said.ask_everything(&disk);
    let mut memory = Gateway::with_settings("[log]\nstore = \"memory\"\nmemory = \"16KiB\"\n");
    let begin = memory.get("/v1/server").json()["position"].as_str().expect("a position").to_owned();
    for n in 0..60 {
        memory.notify(new_image(n));
    }
    said.ask(&memory, "GET", &format!("/v1/events?after={begin}"), &[], "");
    said.talk(&memory, &begin);
    said.listen_to_the_end(&mut memory, &begin);
    let judged = said.judged(&disk);
    let openapi = disk.get("/openapi.json").json();
    let items = openapi["paths"].as_object().expect("paths").values();
    let operations = items.flat_map(|item| item.as_object().expect("an item").values());
    let mut operations: Vec<_> = operations.filter_map(|operation| operation.get("operationId")).collect();
    operations.sort_by_key(|name| name.as_str());
    operations.retain(|name| !UNSEEN.contains(&name.as_str().unwrap_or_default()));
    assert_eq!(judged["operations"].as_array().expect("a list").iter().collect::<Vec<_>>(), operations);
    let asyncapi = disk.get("/asyncapi.json").json();
    let channels = asyncapi["channels"].as_object().expect("channels").iter();
    let messages = channels.flat_map(|(channel, described)| {
        let names = described["messages"].as_object().expect("messages").keys();
        names.map(move |name| format!("{channel}/{name}"))
    });
    let messages: BTreeSet<_> = messages.filter(|name| !UNSEEN.contains(&name.as_str())).collect();
    let seen = judged["messages"].as_array().expect("a list").iter();
    assert_eq!(seen.map(|name| name.as_str().expect("a name").to_owned()).collect::<BTreeSet<_>>(), messages);
}
