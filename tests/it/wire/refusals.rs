//! What is refused is told as what it is: a name that never was, a method that there is not, a body that broke off; in
//! words that name nothing of how the gateway is built.

use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::http::{raw_request, request};
use crate::support::notification::new_image;
use crate::support::stream::Stream;

/// Routes below a name, and the methods that they have; none of the names was ever there.
const NAMELESS: [(&str, &[&str]); 15] = [
    ("/v1/triggers/none", &["GET", "DELETE"]),
    ("/v1/triggers/none/pause", &["POST"]),
    ("/v1/triggers/none/resume", &["POST"]),
    ("/v1/triggers/none/log", &["GET"]),
    ("/v1/triggers/none/dead-letters", &["GET", "DELETE"]),
    ("/v1/triggers/none/dead-letters/none", &["GET", "DELETE"]),
    ("/v1/triggers/none/dead-letters/none/send", &["POST"]),
    ("/v1/feeds/none/events", &["GET"]),
    ("/v1/feeds/none/broadcast", &["POST"]),
    ("/v1/quarantine/none", &["GET", "DELETE"]),
    ("/v1/quarantine/00000000000000000000000000000000/replay", &["POST"]),
    ("/v1/registries/none/repositories", &["GET"]),
    ("/v1/registries/none/repositories/team/app", &["GET"]),
    ("/v1/connections/0", &["GET", "DELETE"]),
    ("/v1/connections/none/send", &["POST"]),
];

#[test]
fn a_name_that_never_was_is_not_found_whatever_else_is_wrong() {
    let gateway = Gateway::start();
    for (path, methods) in NAMELESS {
        for method in methods {
            let asked = |path: &str, body: &str| {
                let answer = request(&gateway.address, method, path, &[], body.as_bytes());
                (answer.status, answer.code())
            };
            let missing = (404, "not_found".to_owned());
            assert_eq!(asked(path, ""), missing, "{method} {path}");
            assert_eq!(asked(path, "[nonsense"), missing, "{method} {path}");
            assert_eq!(asked(&format!("{path}/more"), "").0, 404, "{method} {path}/more");
        }
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE"] {
            if methods.contains(&method) {
                continue;
            }
            // What a PUT makes is no name that never was.
            if (method, path) == ("PUT", "/v1/triggers/none") {
                continue;
            }
            let answer = request(&gateway.address, method, path, &[], b"");
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (405, "method_not_allowed"),
                "{method} {path}"
            );
            for own in methods {
                let allow = answer.head.lines().find(|line| line.starts_with("allow: ")).expect("Allow");
                assert!(allow.contains(&own.to_ascii_lowercase()), "{method} {path}: {allow}");
            }
        }
        let answer = request(&gateway.address, "HEAD", path, &[], b"");
        let expected = if methods.contains(&"GET") { 404 } else { 405 };
        assert_eq!((answer.status, answer.body.as_str()), (expected, ""), "HEAD {path}");
        assert_eq!(request(&gateway.address, "OPTIONS", path, &[], b"").status, 405, "OPTIONS {path}");
    }
    let letter = request(&gateway.address, "PUT", "/v1/triggers/t", &[], br#"{"target":{"feed":"f"}}"#);
    assert_eq!(letter.status, 201);
    let letter = gateway.get("/v1/triggers/t/dead-letters/none").json();
    assert_eq!(letter["error"]["message"], "there is no such dead letter");
}

/// What the list shows leads to what it shows.
#[test]
fn an_address_of_the_list_is_one_for_the_filter() {
    let gateway = Gateway::start();
    let _streams = [Stream::sse(&gateway.address, ""), Stream::lines(&gateway.address, "")];
    let list = |query: &str| {
        let answer = gateway.get(&format!("/v1/connections{query}"));
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        answer.json()["connections"].as_array().expect("a list").clone()
    };
    let open = list("");
    assert_eq!(open.len(), 2);
    for connection in &open {
        let address = connection["address"].as_str().expect("text");
        let found: Vec<_> =
            list(&format!("?address={address}")).iter().map(|one| one["id"].clone()).collect();
        assert_eq!(found, [connection["id"].clone()], "{address}");
        let port = address.rsplit(':').next().expect("a port");
        assert_eq!(list(&format!("?address=[::ffff:127.0.0.1]:{port}")).len(), 1);
    }
    for all in ["127.0.0.1", "::ffff:127.0.0.1", "[::ffff:127.0.0.1]"] {
        assert_eq!(list(&format!("?address={all}")).len(), 2, "{all}");
    }
    for none in ["127.0.0.1:1", "::1", "[::1]:1", "unix"] {
        assert_eq!(list(&format!("?address={none}")).len(), 0, "{none}");
    }
    for bad in ["localhost", "127.0.0", "127.0.0.1:", "[127.0.0.1]"] {
        assert_eq!(gateway.get(&format!("/v1/connections?address={bad}")).status, 400, "{bad}");
    }
}

#[test]
fn a_body_that_ends_too_early_is_what_the_documentation_calls_it() {
    let gateway = Gateway::start();
    let head = format!(
        "POST /v1/sources/distribution/events HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n",
        gateway.address
    );
    let answer = raw_request(&gateway.address, &head, b"5\r\n{\"eve\r\nnonsense\r\n");
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"), "{}", answer.body);
}

#[test]
fn a_log_in_memory_has_no_copy_and_says_so() {
    let gateway = Gateway::with_settings("[log]\nstore = \"memory\"\n");
    let answer = gateway.get("/v1/backup");
    assert_eq!((answer.status, answer.code().as_str()), (409, "conflict"), "{}", answer.body);
    assert_eq!(answer.json()["error"]["message"], "a log in memory can't be copied");
}

/// Nobody waits for room without a word, and it is no failure of the disk.
#[test]
fn what_cant_be_stored_for_want_of_room_says_so() {
    let gateway = Gateway::with_settings(
        "[space]\nrefuse = \"1TiB\"\nrefuse_percent = 100\nresume = \"1TiB\"\nresume_percent = 100\nreserve = 0\n",
    );
    let feed = br#"{"target":{"feed":"f"}}"#;
    for (method, path, body) in [
        ("POST", "/v1/server/acknowledge", &b""[..]),
        ("PUT", "/v1/triggers/t", feed),
        ("POST", "/v1/sources/distribution/events", new_image(1).as_bytes()),
    ] {
        let answer = request(&gateway.address, method, path, &[], body);
        assert_eq!((answer.status, answer.code().as_str()), (503, "storage_low"), "{path}: {}", answer.body);
        assert!(answer.head.contains("\r\nretry-after: "), "{path}: {}", answer.head);
    }
    // What is not there is not there, whatever else.
    assert_eq!(request(&gateway.address, "DELETE", "/v1/triggers/none", &[], b"").status, 404);
    assert_eq!(gateway.get("/v1/events").status, 200);
}

/// Words that only those know who read the sources.
fn assert_plain(text: &str) {
    for word in [
        "struct ",
        "enum ",
        "tuple ",
        "variant ",
        "u64",
        "i64",
        "usize",
        "sequence",
        "unit value",
        "map,",
        "StorageError",
    ] {
        assert!(!text.contains(word), "{text}");
    }
}

#[test]
fn what_cant_be_read_is_told_in_the_words_of_json() {
    let gateway = Gateway::with_settings(
        "[[sources]]\nname = \"strict\"\nkind = \"distribution\"\non_malformed = \"reject\"\n\
         [[sources]]\nname = \"distribution\"\nkind = \"distribution\"\n\
         [[sources]]\nname = \"harbor\"\nkind = \"harbor\"\n[[sources]]\nname = \"quay\"\nkind = \"quay\"\n\
         [[sources]]\nname = \"gitea\"\nkind = \"gitea\"\n[[sources]]\nname = \"azure\"\nkind = \"azure\"\n",
    );
    let bodies = [
        "7",
        "[]",
        "[[]]",
        "null",
        "\"text\"",
        "{\"events\":7}",
        "{\"events\":[7,[],null,{\"target\":7},{\"target\":[]}]}",
        "{\"event_data\":[],\"type\":{}}",
        "{\"updated_tags\":7}",
        "{\"package\":[],\"action\":{}}",
        "[{\"data\":7}]",
    ];
    for body in bodies {
        for source in ["distribution", "harbor", "quay", "gitea", "azure"] {
            gateway.post(&format!("/v1/sources/{source}/events"), body);
        }
        let refused = gateway.post("/v1/sources/strict/events", body);
        if refused.status == 422 {
            let message = refused.json()["error"]["message"].as_str().expect("a message").to_owned();
            assert!(!message.contains("malformed_event"), "{message}");
            assert_plain(&message);
        }
    }
    let kept = gateway.get("/v1/quarantine?limit=500").json();
    let kept = kept["records"].as_array().expect("records");
    assert!(kept.len() > 20, "{}", kept.len());
    for fault in kept.iter().flat_map(|record| record["faults"].as_array().expect("faults")) {
        assert_plain(fault["message"].as_str().expect("a message"));
    }
}

#[test]
fn what_cant_be_obeyed_is_told_in_the_words_of_json() {
    let gateway = Gateway::start();
    for (method, path) in [("POST", "/v1/filters/check"), ("PUT", "/v1/triggers/t")] {
        for body in [
            "7",
            "[]",
            "null",
            "{\"filter\":7}",
            "{\"batch\":7,\"target\":[]}",
            "{\"target\":{\"http\":7}}",
            "{\"event\":7}",
            "{\"sample\":{}}",
            "{\"event\":{\"details\":[]}}",
            "{\"retry\":null,\"target\":{\"feed\":7}}",
        ] {
            let answer = request(&gateway.address, method, path, &[], body.as_bytes());
            assert_eq!(answer.status, 400, "{path} {body}");
            assert_plain(answer.json()["error"]["message"].as_str().expect("a message"));
        }
    }
    let mut client = gateway.connect("");
    for message in
        [json!(7), json!([]), json!({ "subscribe": [] }), json!({ "subscribe": { "id": "a", "batch": [1] } })]
    {
        client.send(&message);
        assert_plain(client.wait_for("error")["error"]["message"].as_str().expect("a message"));
    }
}

/// What a page of an allowed origin is told of what it may do: it reads, by GET, and by POST at one place.
#[test]
fn a_preflight_tells_what_a_page_may_do() {
    let gateway = Gateway::with_settings("[http]\nallowed_origins = [\"https://ops.example.com\"]\n");
    let preflight = |path: &str, origin: &str, method: &str| {
        let headers = [
            ("Origin", origin),
            ("Access-Control-Request-Method", method),
            ("Access-Control-Request-Headers", "authorization"),
        ];
        request(&gateway.address, "OPTIONS", path, &headers, b"")
    };
    let header = |head: &str, name: &str| {
        head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
    };
    let ops = "https://ops.example.com";
    for (path, methods) in [
        ("/v1/events", "get,head"),
        ("/v1/connections/1", "get,head"),
        ("/v1/server/acknowledge", "get,head"),
        ("/v1/filters/check", "post"),
        ("/v1/none", "get,head"),
    ] {
        let answer = preflight(path, ops, "POST");
        assert_eq!(
            (answer.status, header(&answer.head, "access-control-allow-methods:")),
            (200, methods.to_owned()),
            "{path}"
        );
        assert_eq!(header(&answer.head, "access-control-allow-origin:"), ops, "{path}");
        assert!(header(&answer.head, "access-control-allow-headers:").contains("authorization"), "{path}");
        let answer = preflight(path, "https://evil.example", "GET");
        assert_eq!(
            (answer.status, header(&answer.head, "access-control-allow-origin:")),
            (403, String::new()),
            "{path}"
        );
    }
    // What is refused can be read where what is asked for could.
    for (path, status) in [("/v1/none", 404), ("/v1/events?limit=0", 400), ("/v1/connections/0", 404)] {
        let answer = request(&gateway.address, "GET", path, &[("Origin", ops)], b"");
        assert_eq!(
            (answer.status, header(&answer.head, "access-control-allow-origin:")),
            (status, ops.to_owned()),
            "{path}"
        );
    }
    let refused = request(&gateway.address, "POST", "/v1/server/acknowledge", &[("Origin", ops)], b"");
    assert_eq!((refused.status, refused.code().as_str()), (403, "origin_denied"));
    let checked: Value =
        request(&gateway.address, "POST", "/v1/filters/check", &[("Origin", ops)], b"{}").json();
    assert_eq!(checked["filter"], "true");
}
