//! A gateway of two clouds, one of everything in the first, and everyone who may ask.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::http::{Answer, request};
use crate::support::notification::{body, new_image, push};
use crate::support::stream::Stream;
use crate::support::target::{Reply, Target};
use crate::support::until;

/// Stands in the name of everything that the first cloud has, so that nothing of it can hide.
pub(super) const MARK: &str = "zebra";

/// Everyone who may ask: by name, and what stands in the settings.
pub(super) const CALLERS: [(&str, &str); 8] = [
    ("none", ""),
    ("wrong", ""),
    ("reader of the cloud", "cloud = 'zebra'"),
    ("reader of another", "cloud = 'other'"),
    ("admin of the cloud", "cloud = 'zebra'\nadmin = true"),
    ("admin of another", "cloud = 'other'\nadmin = true"),
    ("reader of all", ""),
    ("operator", "admin = true"),
];
pub(super) const OF_ANOTHER: [usize; 2] = [3, 5];
pub(super) const OPERATOR: usize = 7;

pub(super) struct World {
    pub(super) gateway: Gateway,
    target: Target,
    connections: RefCell<Vec<Stream>>,
}

/// The token of a caller, as it stands in `Authorization`.
pub(super) fn bearer(caller: usize) -> Option<String> {
    (caller > 0).then(|| format!("Bearer token-number-{caller}-{}", "0123456789abcdef".repeat(2)))
}

fn settings() -> String {
    // Whoever asks with a wrong token does so often.
    let http = "[http]\nwrong_credentials_burst = 1000\n";
    let targets = format!("{http}[targets]\nallow_networks = [\"127.0.0.0/8\"]\n");
    let readers = CALLERS.iter().enumerate().skip(2).map(|(index, (name, more))| {
        let token = bearer(index).expect("it has one").replace("Bearer ", "");
        format!("[[readers]]\nname = \"{name}\"\ntoken = \"{token}\"\n{more}\n")
    });
    let sources = [("zebra", "zebra.example.com"), ("other", "hub.example.com")].map(|(name, registry)| {
        format!(
            "[[sources]]\nname = \"{name}\"\nkind = \"distribution\"\ncloud = \"{name}\"\nregistry = \"{registry}\"\n"
        )
    });
    [targets].into_iter().chain(readers).chain(sources).collect()
}

impl World {
    pub(super) fn start() -> Self {
        let world = Self {
            gateway: Gateway::with_settings(&settings()),
            target: Target::answering(|_| Reply::Status(400)),
            connections: RefCell::default(),
        };
        world.gateway.post("/v1/sources/zebra/events", body(&[push("z", "zebra/app", "zebra-1", "zebra")]));
        world.gateway.post("/v1/sources/other/events", new_image(1));
        world.feed();
        world
    }

    /// One request of a caller; of an answer without an end its head alone.
    pub(super) fn ask(&self, caller: usize, method: &str, path: &str, body: &str) -> Answer {
        let authorization = bearer(caller);
        let headers: Vec<_> = authorization.iter().map(|token| ("Authorization", token.as_str())).collect();
        if path.contains("/feeds/") && method == "GET" {
            return head(&self.gateway.address, path, &headers);
        }
        request(&self.gateway.address, method, path, &headers, body.as_bytes())
    }

    fn operator(&self, method: &str, path: &str, body: &Value) -> Value {
        self.ask(OPERATOR, method, path, &body.to_string()).json()
    }

    /// Makes the cloud's trigger, unless it is there.
    pub(super) fn trigger(&self) -> String {
        self.operator("PUT", "/v1/triggers/zebra-trigger", &self.definition());
        "/v1/triggers/zebra-trigger".to_owned()
    }

    pub(super) fn definition(&self) -> Value {
        json!({
            "cloud_id": "zebra", "filter": {"type": "CreateImageTag"}, "batch": {"cutoff": 0},
            "target": {"http": {"url": self.target.url}},
        })
    }

    fn feed(&self) {
        let feed = json!({"cloud_id": "zebra", "target": {"feed": "zebra-feed"}});
        self.operator("PUT", "/v1/triggers/zebra-to-feed", &feed);
    }

    /// A dead letter of the cloud's trigger.
    pub(super) fn letter(&self) -> String {
        let all = self.trigger() + "/dead-letters";
        let first = || self.operator("GET", &all, &Value::Null)["dead_letters"][0]["id"].clone();
        if first().is_null() {
            let n = self.target.received().len();
            let image = push(&format!("l{n}"), "zebra/app", &format!("l{n}"), &format!("letter {n}"));
            self.gateway.post("/v1/sources/zebra/events", body(&[image]));
            until("there is a dead letter", || !first().is_null());
        }
        format!("{all}/{}", first().as_str().expect("an id"))
    }

    /// A record in quarantine.
    pub(super) fn record(&self) -> String {
        let first = || self.operator("GET", "/v1/quarantine", &Value::Null)["records"][0]["id"].clone();
        if first().is_null() {
            self.gateway.post("/v1/sources/zebra/events", "no JSON");
        }
        format!("/v1/quarantine/{}", first().as_str().expect("an id"))
    }

    /// A new connection of the cloud: an older one may be about to end.
    pub(super) fn connection(&self) -> String {
        let all = "/v1/connections?identity=reader+of+the+cloud";
        let ids = || {
            let list = self.operator("GET", all, &Value::Null);
            let list = list["connections"].as_array().expect("a list").clone();
            list.into_iter()
                .map(|each| each["id"].as_str().expect("an id").to_owned())
                .collect::<BTreeSet<_>>()
        };
        let before = ids();
        let token = bearer(2).expect("it has one");
        let headers = [("Accept", "text/event-stream"), ("Authorization", token.as_str())];
        let stream = Stream::open(&self.gateway.address, "/v1/events", &headers);
        self.connections.borrow_mut().push(stream);
        until("it is open", || !ids().is_subset(&before));
        format!("/v1/connections/{}", ids().difference(&before).next().expect("it stays open"))
    }
}

/// The head of an answer whose body may never end; the body where there is a length.
fn head(address: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut tcp = TcpStream::connect(address).expect("it listens");
    tcp.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    write!(tcp, "GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n").expect("it listens");
    let mut lines = BufReader::new(tcp).lines().map_while(Result::ok);
    let head: Vec<_> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    let status = head[0].split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.join("\n").to_ascii_lowercase(), body: String::new() }
}
