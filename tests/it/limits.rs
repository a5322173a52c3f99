//! Every limit that can be met from outside: one less, at it, one more.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::client::Client;
use crate::support::gateway::Gateway;
use crate::support::http::request;
use crate::support::notification::{body, push};
use crate::support::stream::Stream;
use crate::support::until;

fn padded(len: usize) -> Vec<u8> {
    let around = "{\"events\":[],\"pad\":\"\"}".len();
    format!("{{\"events\":[],\"pad\":\"{}\"}}", "x".repeat(len - around)).into_bytes()
}

#[test]
fn bodies() {
    let gateway = Gateway::start();
    for (len, status) in [((2 << 20) - 1, 200), (2 << 20, 200), ((2 << 20) + 1, 413)] {
        assert_eq!(gateway.notify(padded(len)).status, status, "{len}");
    }
}

#[test]
fn notifications_of_one_body() {
    let gateway = Gateway::with_settings("[http]\nbody = \"16MiB\"\n");
    for (count, quarantined) in [(4_999, 0), (5_000, 0), (5_001, 1)] {
        let answer = gateway.notify(json!({ "events": vec![json!({"action": "pull"}); count] }).to_string());
        let receipt = answer.json();
        let whole = receipt["quarantined"] == 1 && receipt["ignored"] == 0;
        assert_eq!(whole, quarantined == 1, "{count}: {}", answer.body);
    }
}

#[test]
fn fields_and_depth() {
    let gateway = Gateway::start();
    let mut n = 0;
    let mut quarantined = |change: &dyn Fn(&mut Value)| {
        n += 1;
        let mut told = push(&n.to_string(), "team/app", "t", &n.to_string());
        change(&mut told);
        gateway.notify(body(&[told])).json()["quarantined"] == 1
    };
    for (len, over) in [(254, false), (255, false), (256, true)] {
        assert_eq!(quarantined(&|told| told["target"]["repository"] = "r".repeat(len).into()), over, "{len}");
    }
    for (len, over) in [(127, false), (128, false), (129, true)] {
        assert_eq!(quarantined(&|told| told["target"]["tag"] = "t".repeat(len).into()), over, "{len}");
    }
    for (len, over) in [(255, false), (256, false), (257, true)] {
        assert_eq!(quarantined(&|told| told["actor"]["name"] = "a".repeat(len).into()), over, "{len}");
    }
    // The body, its list and the notification are three levels.
    for (levels, over) in [(28, false), (29, false), (30, true)] {
        let nested = (0..levels).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(quarantined(&|told| told["more"] = nested.clone()), over, "{levels}");
    }
}

#[test]
fn headers() {
    let gateway = Gateway::start();
    let status = |count: usize| {
        let names: Vec<String> = (0..count).map(|n| format!("x-{n}")).collect();
        let headers: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
        request(&gateway.address, "GET", "/healthz", &headers, b"").status
    };
    // Host, Connection and Content-Length are headers too.
    assert_eq!([status(60), status(61), status(62)], [200, 200, 431]);
    let long = |len: usize| {
        let value = "x".repeat(len);
        request(&gateway.address, "GET", "/healthz", &[("x-long", &value)], b"").status
    };
    assert_eq!([long(15 << 10), long(17 << 10)], [200, 431]);
}

#[test]
fn entries_of_a_page() {
    let gateway = Gateway::start();
    let pages = [
        ("/v1/events", 1_000),
        ("/v1/registries", 1_000),
        ("/v1/connections", 1_000),
        ("/v1/triggers", 1_000),
        ("/v1/quarantine", 500),
    ];
    for (path, most) in pages {
        for (limit, status) in [(0, 400), (1, 200), (most - 1, 200), (most, 200), (most + 1, 400)] {
            assert_eq!(gateway.get(&format!("{path}?limit={limit}")).status, status, "{path} {limit}");
        }
    }
}

#[test]
fn bodies_of_an_operator() {
    let gateway = Gateway::start();
    let ask = |method: &str, path: &str, around: &str, len: usize| {
        let body = format!("{around}{}", " ".repeat(len - around.len()));
        request(&gateway.address, method, path, &[], body.as_bytes()).status
    };
    // A definition that says nothing is refused for what it lacks, one that is too large before.
    let definition = |len| ask("PUT", "/v1/triggers/one", "{}", len);
    assert_eq!([(256 << 10) - 1, 256 << 10, (256 << 10) + 1].map(definition), [400, 400, 413]);
    let _client = Stream::lines(&gateway.address, "");
    let id =
        gateway.get("/v1/connections").json()["connections"][0]["id"].as_str().expect("an id").to_owned();
    let notice = |len| ask("POST", &format!("/v1/connections/{id}/send"), "{\"data\":1}", len);
    assert_eq!([(16 << 10) - 1, 16 << 10, (16 << 10) + 1].map(notice), [204, 204, 413]);
    let check = |len| ask("POST", "/v1/filters/check", "{\"filter\":\"true\"}", len);
    assert_eq!([(2 << 20) - 1, 2 << 20, (2 << 20) + 1].map(check), [200, 200, 413]);
}

#[test]
fn connections() {
    let gateway = Gateway::with_settings("[connections]\ntotal = 3\n");
    let url = gateway.websocket_url("?filter=true");
    let mut open: Vec<_> = (0..3).map(|_| Client::connect(&url)).collect();
    let (status, body) = Client::refused(&url);
    assert_eq!((status, &body["error"]["code"]), (503, &json!("overloaded")));
    open.pop();
    until("the place is given back", || Client::connected(&url));
}

#[test]
fn messages_of_a_client() {
    let gateway = Gateway::start();
    for (len, fits) in [((16 << 10) - 1, true), (16 << 10, true), ((16 << 10) + 1, false)] {
        let mut client = gateway.connect("");
        let around = json!({"subscribe": {"id": ""}}).to_string().len();
        client.send_raw(Message::text(json!({"subscribe": {"id": "x".repeat(len - around)}}).to_string()));
        if fits {
            assert_eq!(client.wait_for("error")["error"]["code"], "invalid_id", "{len}");
        } else {
            assert_eq!(client.wait_for_close(), (1009, "message_too_big".into()), "{len}");
        }
    }
}

#[test]
fn subscriptions_of_a_connection() {
    let gateway = Gateway::with_settings("[connections]\ncommands_burst = 100\n");
    let mut client = gateway.connect("");
    for n in 0..32 {
        client.subscribe(&json!({"id": n.to_string()}));
    }
    client.send(&json!({"subscribe": {"id": "32"}}));
    let error = client.wait_for("error")["error"].take();
    assert_eq!((&error["code"], &error["details"]["limit"]), (&json!("too_many_subscriptions"), &json!(32)));
    client.send(&json!({"unsubscribe": {"id": "7"}}));
    client.wait_for("unsubscribed");
    client.subscribe(&json!({"id": "32"}));
}

#[test]
fn commands_of_a_client() {
    let gateway = Gateway::with_settings("[connections]\ncommands_per_second = 1\ncommands_burst = 10\n");
    let mut client = gateway.connect("");
    for n in 0..10 {
        client.subscribe(&json!({"id": n.to_string()}));
    }
    client.send(&json!({"subscribe": {"id": "10"}}));
    let error = client.wait_for("error")["error"].take();
    assert_eq!(error["code"], "rate_limited");
    assert!(
        error["details"]["retry_after"].as_f64().is_some_and(|wait| wait > 0.0 && wait <= 1.0),
        "{error}"
    );
}

#[test]
fn errors_of_a_client() {
    let gateway = Gateway::with_settings("[connections]\ncommands_burst = 100\n");
    let mut client = gateway.connect("");
    for _ in 0..20 {
        client.send(&json!({"unsubscribe": {"id": "none"}}));
        client.wait_for("error");
    }
    assert_eq!(client.closed, None);
    client.send(&json!({"unsubscribe": {"id": "none"}}));
    assert_eq!(client.wait_for_close(), (4431, "too_many_errors".into()));
}

#[test]
fn batches_and_filters() {
    let gateway = Gateway::start();
    let refused = |query: &str| {
        let url = gateway.websocket_url(query);
        if Client::connected(&url) {
            String::new()
        } else {
            Client::refused(&url).1["error"]["code"].as_str().unwrap_or("?").into()
        }
    };
    for (query, expected) in [
        ("?batch_size=0", "invalid_batch"),
        ("?batch_size=1", ""),
        ("?batch_size=5000", ""),
        ("?batch_size=5001", "invalid_batch"),
        ("?batch_cutoff=0", ""),
        ("?batch_cutoff=300s", ""),
        ("?batch_cutoff=301s", "invalid_batch"),
        ("?batch_bytes=1023", "invalid_batch"),
        ("?batch_bytes=1024", ""),
        ("?batch_bytes=1048576", ""),
        ("?batch_bytes=1048577", "invalid_batch"),
    ] {
        assert_eq!(refused(query), expected, "{query}");
    }
    for (len, expected) in [(2_047, ""), (2_048, ""), (2_049, "filter_too_long")] {
        let text = "tag==''".len();
        let query = format!("?filter=tag%3D%3D'{}'", "x".repeat(len - text));
        assert_eq!(refused(&query), expected, "{len}");
    }
}
