//! Every form of a delivery at a target.

use serde_json::json;

use super::{definition, gateway, make, send, state, until};
use crate::support::gateway::Gateway;
use crate::support::http::request;
use crate::support::notification::{body, new_image, push};
use crate::support::target::{Reply, Target};

#[test]
fn alibaba_sends_one_request_per_pushed_tag() {
    let (gateway, target) = (gateway(), Target::start());
    let mut wanted = definition(&target);
    wanted["target"]["http"]["format"] = "alibaba".into();
    wanted["filter"] = json!({"tag": {"matches": "release-.*"}});
    make(&gateway, &wanted);
    gateway.notify(body(&[
        push("a", "namespace/repoTest", "release-1", "a"),
        push("b", "team/app", "main", "b"),
    ]));
    gateway.notify(body(&[push("c", "team/app", "release-2", "c")]));
    let all = target.wait(2);
    assert_eq!(all[0].json()["push_data"]["tag"], "release-1");
    assert_eq!(all[0].json()["repository"]["repo_full_name"], "namespace/repoTest");
    assert_eq!(all[0].json()["repository"]["namespace"], "namespace");
    assert_eq!(all[1].json()["push_data"]["tag"], "release-2");
    until("no more", || state(&gateway)["delivered"] == 2);
}

/// Posts a notification that is part of a trace.
fn notify_in(gateway: &Gateway, trace: &str, body: &str) {
    let parent = format!("00-{}-00f067aa0ba902b7-01", trace.repeat(32));
    let headers = [("traceparent", parent.as_str())];
    let path = "/v1/sources/distribution/events";
    let answer = request(&gateway.address, "POST", path, &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
fn a_trace_goes_on_in_every_form() {
    let gateway = gateway();
    let targets: Vec<_> = ["tagcast", "cloudevents", "cloudevents-binary", "alibaba", "azure"]
        .into_iter()
        .map(|format| {
            let target = Target::answering(|_| Reply::Full(200, "WebHook-Allowed-Origin: *\r\n", ""));
            let mut wanted = definition(&target);
            wanted["target"]["http"]["format"] = format.into();
            assert_eq!(send(&gateway, "PUT", &format!("/v1/triggers/{format}"), &wanted).status, 201);
            (format, target)
        })
        .collect();
    notify_in(&gateway, "a", &new_image(1));
    let own = format!("00-{}-", "a".repeat(32));
    for (format, target) in &targets {
        until(format, || target.received().iter().any(|request| request.method == "POST"));
        let sent = target.received().pop().unwrap();
        let parent = sent.header("traceparent");
        assert!(parent.starts_with(&own) && parent.len() == 55, "{format}: {parent}");
        assert!(!parent.contains("00f067aa0ba902b7"), "{format}: the gateway's own span is the parent");
        let attribute = sent.header("ce-traceparent");
        assert!(attribute.is_empty() || attribute == parent, "{format}");
    }
}

#[test]
fn a_batch_of_several_traces_has_none() {
    let (gateway, target) = (gateway(), Target::start());
    let mut wanted = definition(&target);
    wanted["batch"] = json!({"size": 2, "cutoff": "60s"});
    make(&gateway, &wanted);
    let parents = |count| -> Vec<_> {
        target.wait(count).iter().map(|request| request.header("traceparent").to_owned()).collect()
    };
    let two = |a, b| body(&[push(a, "team/app", a, a), push(b, "team/app", b, b)]);
    notify_in(&gateway, "a", &two("one", "two"));
    assert!(parents(1)[0].starts_with(&format!("00-{}-", "a".repeat(32))));
    notify_in(&gateway, "b", &body(&[push("three", "team/app", "three", "three")]));
    notify_in(&gateway, "c", &body(&[push("four", "team/app", "four", "four")]));
    assert_eq!(parents(2)[1], "");
}

/// Each form is read back by the source of its kind, as the same push.
#[test]
fn one_gateway_feeds_another_in_every_form() {
    for (format, kind) in [
        ("alibaba", "alibaba"),
        ("azure", "azure"),
        ("tagcast", "yandex"),
        ("cloudevents", "cloudevents"),
        ("cloudevents-binary", "cloudevents"),
    ] {
        let (gateway, other) = (gateway(), crate::support::gateway::Gateway::start());
        let relay = Target::answering(|_| Reply::Full(200, "WebHook-Allowed-Origin: *\r\n", ""));
        let mut wanted = definition(&relay);
        wanted["target"]["http"]["format"] = format.into();
        make(&gateway, &wanted);
        gateway.notify(new_image(1));
        until("it came", || relay.received().iter().any(|request| request.method == "POST"));
        let all = relay.received();
        let sent = all.iter().find(|request| request.method == "POST").unwrap();
        let headers: Vec<(&str, &str)> = sent
            .headers
            .iter()
            .filter(|(name, _)| name.starts_with("ce-") || name == "content-type")
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let path = format!("/v1/sources/{kind}/events");
        let answer = crate::support::http::request(&other.address, "POST", &path, &headers, &sent.body);
        assert_eq!(answer.status, 200, "{format}: {answer:?}");
        assert!(answer.json()["accepted"].as_u64() >= Some(1), "{format}: {answer:?}");
        let events = other.get("/v1/events?filter=tag=='v1'&after=earliest").json();
        let repository = &events["messages"][0]["details"]["repository_name"];
        assert_eq!(repository, "team/app", "{format}: {events}");
    }
}

#[test]
fn a_target_that_could_not_be_asked_has_not_agreed() {
    let gateway = gateway();
    let mut asked = 0;
    let target = Target::answering(move |request| {
        asked += usize::from(request.method == "OPTIONS");
        match (request.method.as_str(), asked) {
            ("OPTIONS", 1) => Reply::Reset,
            _ => Reply::Full(200, "WebHook-Allowed-Origin: *\r\n", ""),
        }
    });
    let mut wanted = definition(&target);
    wanted["target"]["http"]["format"] = "azure".into();
    make(&gateway, &wanted);
    gateway.notify(new_image(1));
    let methods: Vec<_> = target.wait(3).into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["OPTIONS", "OPTIONS", "POST"]);
}

#[test]
fn azure_asks_for_consent_first() {
    let gateway = gateway();
    let mut asked = 0;
    let target = Target::answering(move |request| {
        asked += usize::from(request.method == "OPTIONS");
        match (request.method.as_str(), asked) {
            ("OPTIONS", 1) => Reply::Full(200, "WebHook-Allowed-Origin: someone-else\r\n", ""),
            ("OPTIONS", _) => Reply::Full(200, "WebHook-Allowed-Origin: x.example, TagCast\r\n", ""),
            _ => Reply::Status(200),
        }
    });
    let mut wanted = definition(&target);
    wanted["target"]["http"]["format"] = "azure".into();
    make(&gateway, &wanted);
    gateway.notify(new_image(1));
    gateway.notify(new_image(2));
    let methods: Vec<_> = target.wait(4).into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["OPTIONS", "OPTIONS", "POST", "POST"]);
    let all = target.received();
    assert_eq!(all[0].header("webhook-request-origin"), "tagcast");
    assert_eq!(all[2].json()["type"], "Microsoft.ContainerRegistry.ImagePushed");
    assert_eq!(all[2].json()["subject"], "team/app:v1");
}
