//! Who guesses secrets and tokens: a few are judged, the rest is told to wait, and what is right always passes.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use ring::hmac;
use serde_json::Value;

use crate::support::gateway::Gateway;
use crate::support::http::{Answer, request};
use crate::support::notification::new_image;

const SECRET: &str = "hush-hush-hush-hush";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A source by a header, one by a signature, and readers; a budget that does not refill while a test counts.
fn gateway() -> Gateway {
    Gateway::with_settings(&format!(
        "[http]\nwrong_credentials_per_second = 1\n\
         [[sources]]\nname = 'hub'\nkind = 'distribution'\ncredentials = [{{ bearer = '{SECRET}' }}]\n\
         [[sources]]\nname = 'tea'\nkind = 'gitea'\ncredentials = [{{ signature = '{SECRET}' }}]\n\
         [[readers]]\nname = 'r'\nadmin = true\ntoken = '{TOKEN}'\n"
    ))
}

fn post(gateway: &Gateway, source: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let path = format!("/v1/sources/{source}/events");
    let headers = [headers, &[("Content-Type", "application/json")]].concat();
    request(&gateway.address, "POST", &path, &headers, body.as_bytes())
}

fn guess(gateway: &Gateway, source: &str, number: usize) -> Answer {
    post(gateway, source, &[("Authorization", &format!("Bearer guess-{number}"))], "{}")
}

fn read(gateway: &Gateway, path: &str, headers: &[(&str, &str)]) -> Answer {
    request(&gateway.address, "GET", path, headers, b"")
}

fn report(gateway: &Gateway, source: &str) -> Value {
    let list = read(gateway, "/v1/sources", &[("Authorization", &format!("Bearer {TOKEN}"))]).json();
    let sources = list["sources"].as_array().expect("a list");
    sources.iter().find(|report| report["name"] == source).expect("the source").clone()
}

/// Wrong ones in a row: as many as a burst are judged.
fn spend(guess: impl Fn(usize) -> Answer) {
    let codes: Vec<_> = (0..30).map(|number| guess(number).code()).collect();
    let (judged, refused) = codes.split_at(20);
    assert!(judged.iter().all(|code| code.ends_with("unauthenticated")), "{codes:?}");
    let limited = refused.iter().filter(|code| *code == "credentials_rate").count();
    assert!(refused[0] == "credentials_rate" && limited >= 8, "{codes:?}");
}

#[test]
fn a_wrong_secret_is_judged_a_few_times_and_a_right_one_always() {
    let gateway = gateway();
    spend(|number| guess(&gateway, "hub", number));
    let refused = guess(&gateway, "hub", 30);
    assert_eq!((refused.status, refused.code().as_str()), (429, "credentials_rate"));
    assert!(refused.head.contains("retry-after: 1"), "{}", refused.head);
    assert_eq!(gateway.count_as(TOKEN, "tagcast_wrong_credentials_total{kind=\"source\"}"), 31);
    let hub = report(&gateway, "hub");
    assert_eq!((hub["health"].as_str(), &hub["last_refusal"]), (Some("silent"), &Value::Null), "{hub}");
    let own = [("Authorization", format!("Bearer {SECRET}"))];
    let own = own.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(post(&gateway, "hub", &own, &new_image(1)).status, 200);
    assert_eq!(guess(&gateway, "hub", 31).code(), "credentials_rate", "it gives the guesser nothing");
    assert_eq!(report(&gateway, "hub")["health"], "ok");
    // Another door has a budget of its own.
    assert_eq!(guess(&gateway, "tea", 0).code(), "source_unauthenticated");
}

#[test]
fn a_source_that_there_is_not_looks_like_one_with_another_secret() {
    let gateway = gateway();
    let answers = |source: &str| {
        let path = format!("/v1/sources/{source}/events");
        let ask = |method: &str, headers: &[(&str, &str)]| {
            let answer = request(&gateway.address, method, &path, headers, b"{}");
            (answer.status, answer.code())
        };
        let mut answers = Vec::new();
        for method in ["POST", "GET", "PUT", "OPTIONS", "DELETE"] {
            answers.push(ask(method, &[]));
            answers.push(ask(method, &[("Authorization", "Bearer wrong")]));
            answers.push(ask(method, &[("x-gitea-signature", "00")]));
        }
        answers.extend((0..10).map(|_| ask("POST", &[("Authorization", "Bearer wrong")])));
        answers
    };
    let nobody = answers("nobody");
    assert_eq!(nobody, answers("hub"));
    assert_eq!(nobody, answers("tea"));
    assert_eq!(nobody.last().expect("answers").1, "credentials_rate");
}

/// The code of the answer to a head whose body never comes.
fn code_without_body(gateway: &Gateway, signature: &str) -> String {
    let mut tcp = TcpStream::connect(&gateway.address).expect("the gateway listens");
    tcp.set_read_timeout(Some(Duration::from_secs(5))).expect("a time");
    let head = format!(
        "POST /v1/sources/tea/events HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
         Content-Length: 1000000\r\n{signature}\r\n",
        gateway.address
    );
    tcp.write_all(head.as_bytes()).expect("it is read");
    let mut answer = Vec::new();
    let _ = tcp.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    let error: Value = serde_json::from_str(body).unwrap_or_default();
    error["error"]["code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_signature_is_judged_a_few_times_and_then_its_body_is_not_read() {
    let gateway = gateway();
    assert_eq!(code_without_body(&gateway, ""), "source_unauthenticated", "nothing is signed");
    let body = r#"{"action":"created"}"#;
    for _ in 0..19 {
        let answer = post(&gateway, "tea", &[("X-Gitea-Signature", "00")], body);
        assert_eq!(answer.code(), "source_unauthenticated");
    }
    assert_eq!(code_without_body(&gateway, "X-Gitea-Signature: 00\r\n"), "credentials_rate");
    let tea = report(&gateway, "tea");
    assert_eq!((tea["health"].as_str(), &tea["last_refusal"]), (Some("silent"), &Value::Null), "{tea}");
    // Only its body can tell a right one; it passes once another guess would be judged.
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), body.as_bytes());
    let tag = HEXLOWER.encode(tag.as_ref());
    let signed = || post(&gateway, "tea", &[("X-Gitea-Signature", &tag)], body).status;
    crate::support::until("a right signature passes", || signed() == 200);
}

#[test]
fn a_body_that_nobody_vouches_for_says_nothing_of_its_source() {
    let gateway = gateway();
    let large = "x".repeat((2 << 20) + 1);
    assert_eq!(post(&gateway, "tea", &[("X-Gitea-Signature", "00")], &large).code(), "body_too_large");
    assert_eq!(report(&gateway, "tea")["health"], "silent");
    let own = format!("Bearer {SECRET}");
    assert_eq!(post(&gateway, "hub", &[("Authorization", &own)], &large).code(), "body_too_large");
    let hub = report(&gateway, "hub");
    assert_eq!((&hub["health"], &hub["last_refusal"]["code"]), (&"failing".into(), &"body_too_large".into()));
}

#[test]
fn wrong_tokens_of_readers_share_one_budget_on_every_way_in() {
    let gateway = gateway();
    let guess = |number: usize| {
        let token = format!("guess-{number}");
        let bearer = format!("Bearer {token}");
        let offered = format!("tagcast.v1.json, bearer.{}", BASE64URL_NOPAD.encode(token.as_bytes()));
        match number % 5 {
            0 => read(&gateway, "/v1/sources", &[("Authorization", &bearer)]),
            1 => read(&gateway, "/v1/quarantine", &[("Authorization", &bearer)]),
            2 => read(&gateway, "/v1/events", &[("Authorization", &bearer), ("Accept", "text/event-stream")]),
            3 => read(&gateway, "/v1/ws", &[("Authorization", &bearer)]),
            _ => read(&gateway, "/v1/ws", &[("Sec-WebSocket-Protocol", &offered)]),
        }
    };
    spend(guess);
    assert_eq!(gateway.count_as(TOKEN, "tagcast_wrong_credentials_total{kind=\"reader\"}"), 30);
    let own = format!("Bearer {TOKEN}");
    assert_eq!(read(&gateway, "/v1/sources", &[("Authorization", &own)]).status, 200);
    // Who shows nothing guesses nothing.
    assert_eq!(read(&gateway, "/v1/sources", &[]).code(), "unauthenticated");
    assert_eq!(post(&gateway, "hub", &[("Authorization", "Bearer wrong")], "{}").status, 401);
}
