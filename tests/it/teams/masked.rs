//! `***` stands for a secret, also for one in a URL, and never brings it to another place.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::http::{Answer, request};
use crate::support::notification::new_image;
use crate::support::target::{Reply, Target};
use crate::support::until;

const LOOPBACK: &str = "[targets]\nallow_networks = [\"127.0.0.0/8\"]\n";
const KEY: &str = "[secrets]\nkey = \"1111111111111111111111111111111111111111111111111111111111111111\"\n";
const PATH: &str = "hush0path1hush2path3";
const QUERY: &str = "hush-the-query";
const TOKEN: &str = "hush-the-token";

fn put(gateway: &Gateway, definition: &Value) -> Answer {
    request(&gateway.address, "PUT", "/v1/triggers/t", &[], definition.to_string().as_bytes())
}

/// What was shown, as it is sent back.
fn shown(gateway: &Gateway) -> Value {
    let mut shown = gateway.get("/v1/triggers/t").json();
    for field in ["state", "defined_in", "understood"] {
        shown.as_object_mut().expect("an object").remove(field);
    }
    shown
}

/// A trigger with a secret in its path, its query and its token.
fn definition(target: &Target) -> Value {
    let url = format!("{}s/{PATH}?key={QUERY}", target.url);
    json!({
        "filter": {"type": "CreateImageTag"}, "batch": {"cutoff": 0}, "retry": {"interval": "1s"},
        "target": {"http": {"url": url, "auth": {"bearer": TOKEN}}},
    })
}

#[test]
fn a_stand_in_for_nothing_is_refused() {
    let gateway = Gateway::with_settings(LOOPBACK);
    for (pointer, value) in [
        ("/target/http/auth", json!({"bearer": "***"})),
        ("/target/http/auth", json!({"basic": "***"})),
        ("/target/http/auth", json!({"basic": "user:***"})),
        ("/target/http/headers", json!({"X-Api-Key": "***"})),
        ("/target/http/headers", json!({"X-Api-Key": "before-it-***"})),
        ("/target/http/headers", json!({"Authorization": "Bearer ***"})),
        ("/target/http/signing_secret", json!("***")),
        ("/target/http/url", json!("http://127.0.0.1:9/***")),
        ("/target/http/url", json!("http://127.0.0.1:9/hook?***")),
        ("/target/http/url", json!("http://127.0.0.1:9/hook?token=***")),
    ] {
        let mut wanted = json!({"target": {"http": {"url": "http://127.0.0.1:9/hook"}}});
        let (parent, field) = pointer.rsplit_once('/').expect("a parent");
        wanted.pointer_mut(parent).expect("it is there")[field] = value;
        let refused = put(&gateway, &wanted);
        assert_eq!((refused.status, refused.code().as_str()), (400, "target_invalid"), "{wanted}");
        let named = refused.json()["error"]["details"]["field"].as_str().unwrap_or_default().to_owned();
        assert!(named.starts_with(pointer), "{wanted}: {named}");
        assert_eq!(gateway.get("/v1/triggers/t").code(), "not_found");
    }
}

#[test]
fn a_secret_does_not_move_with_its_stand_in() {
    let (gateway, target, other) = (Gateway::with_settings(LOOPBACK), Target::start(), Target::start());
    assert_eq!(put(&gateway, &definition(&target)).status, 201);
    let port = target.url.split(':').nth(2).and_then(|rest| rest.split('/').next()).expect("a port");
    let plain = |url: &str| format!("{url}/plain");
    for url in [
        plain(&other.url),
        format!("http://127.0.0.2:{port}/hooks/***?***"),
        format!("https://127.0.0.1:{port}/hooks/***?***"),
        "http://localhost/hook".to_owned(),
        "https://evil.example.com/".to_owned(),
    ] {
        let mut moved = shown(&gateway);
        moved["target"]["http"]["url"] = url.clone().into();
        let refused = put(&gateway, &moved);
        assert_eq!((refused.status, refused.code().as_str()), (400, "target_invalid"), "{url}");
        let message = refused.json()["error"]["message"].to_string();
        assert!(message.contains("write it again"), "{message}");
    }
    // A stand-in of another sort knows nothing either, and a feed never had a secret.
    let mut other_sort = shown(&gateway);
    other_sort["target"]["http"]["auth"] = json!({"basic": "***"});
    assert_eq!(put(&gateway, &other_sort).code(), "target_invalid");
    gateway.notify(new_image(1));
    let delivered = target.wait(1).remove(0);
    assert_eq!(delivered.path, format!("/hooks/{PATH}?key={QUERY}"), "nothing was changed");
    // With the secrets written again it moves.
    let mut moved = definition(&other);
    moved["target"]["http"]["auth"]["bearer"] = "another-token".into();
    assert_eq!(put(&gateway, &moved).status, 200);
    gateway.notify(new_image(2));
    assert_eq!(other.wait(1)[0].header("authorization"), "Bearer another-token");
}

#[test]
fn what_was_shown_may_be_sent_back_and_its_path_changed() {
    let (gateway, target) = (Gateway::with_settings(LOOPBACK), Target::start());
    put(&gateway, &definition(&target));
    let before = shown(&gateway);
    assert_eq!(before["target"]["http"]["url"], format!("{}s/***?***", target.url));
    assert_eq!(put(&gateway, &before).status, 200);
    gateway.notify(new_image(1));
    assert_eq!(target.wait(1)[0].path, format!("/hooks/{PATH}?key={QUERY}"));
    let mut other = before;
    other["target"]["http"]["url"] = format!("{}?***", target.url).into();
    assert_eq!(put(&gateway, &other).status, 200);
    gateway.notify(new_image(2));
    let second = target.wait(2).remove(1);
    assert_eq!(
        (second.path.clone(), second.header("authorization")),
        (format!("/hook?key={QUERY}"), "Bearer hush-the-token")
    );
}

/// A target that answers with all that it was sent, as some do.
fn echo() -> Target {
    Target::answering(|request| {
        let told = format!("{} {}", request.path, request.header("authorization"));
        let answer = format!("HTTP/1.1 400 x\r\nContent-Length: {}\r\n\r\n{told}", told.len());
        Reply::Bytes(answer.into_bytes())
    })
}

#[test]
fn no_page_no_line_and_no_file_shows_a_secret_of_a_url() {
    let target = echo();
    let mut gateway = Gateway::with_settings(&format!("{LOOPBACK}{KEY}"));
    assert_eq!(put(&gateway, &definition(&target)).status, 201);
    gateway.notify(new_image(1));
    let letters = || gateway.get("/v1/triggers/t/dead-letters");
    until("there is a dead letter", || letters().json()["dead_letters"][0].is_object());
    let letter = letters().json()["dead_letters"][0].clone();
    assert_eq!(letter["url"], format!("{}s/***?***", target.url));
    assert_eq!(letter["answer"], "/hooks/***?*** ***");
    let mut list = Command::new(env!("CARGO_BIN_EXE_tagcast"));
    let list = list.args(["trigger", "--url", &gateway.url(), "list"]).output().expect("it runs");
    let mut pages = vec![("the command", String::from_utf8_lossy(&list.stdout).into_owned())];
    assert!(pages[0].1.contains("/hooks/***?***"), "{}", pages[0].1);
    for path in
        ["/v1/triggers", "/v1/triggers/t", "/v1/triggers/t/log", "/v1/triggers/t/dead-letters", "/metrics"]
    {
        pages.push((path, gateway.get(path).body));
    }
    for (page, text) in pages {
        assert!(!text.contains("hush"), "{page}: {text}");
    }
    assert_eq!(gateway.terminate(), Some(0));
    for secret in [PATH, QUERY, TOKEN] {
        let grep = Command::new("grep")
            .args(["-r", "-a", "-q", "-F", "-e", secret])
            .arg(gateway.data_dir())
            .status();
        assert_eq!(grep.expect("grep").code(), Some(1), "{secret} is in a file");
    }
}

#[test]
fn the_address_of_a_chat_service_is_a_secret() {
    let gateway = Gateway::with_settings("");
    for url in [
        "https://hooks.slack.com/services/T00/B00/abc",
        "https://discord.com/api/webhooks/1/abc",
        "https://acme.webhook.office.com/webhookb2/abc",
        "https://api.telegram.org/bot1:abc/sendMessage",
        "https://open.feishu.cn/open-apis/bot/v2/hook/abc",
        "https://hooks.zapier.com/hooks/catch/1/abc/",
    ] {
        assert!(
            matches!(put(&gateway, &json!({"target": {"http": {"url": url}}})).status, 200 | 201),
            "{url}"
        );
        let shown = shown(&gateway)["target"]["http"]["url"].clone();
        let host = url.split('/').nth(2).expect("a host");
        assert_eq!(shown, format!("https://{host}/***"));
    }
}
