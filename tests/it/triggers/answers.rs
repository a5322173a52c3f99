//! What each answer of a target leads to, and targets that fail in every way.

use std::time::Duration;

use serde_json::json;

use super::{definition, gateway, make, send, state, until};
use crate::support::notification::{body, new_image, push};
use crate::support::target::{Reply, Target};

/// A target that fails once in this way, and then takes everything.
fn failing_once(reply: Reply) -> Target {
    let mut reply = Some(reply);
    Target::answering(move |_| reply.take().unwrap_or(Reply::Status(200)))
}

#[test]
fn what_failed_comes_again_the_same() {
    let flood = [b"HTTP/1.1 200 x\r\nX: ".as_slice(), &vec![b'a'; 40_000], b"\r\n\r\n"].concat();
    let elsewhere = Target::start();
    let redirect: &'static str = format!("Location: {}\r\n", elsewhere.url).leak();
    let gateway = gateway();
    let replies = [
        Reply::Status(500),
        Reply::Status(404),
        Reply::Full(302, redirect, ""),
        Reply::Full(429, "Retry-After: 1\r\n", ""),
        Reply::Hang,
        Reply::Trickle,
        Reply::Reset,
        Reply::Bytes(flood),
        Reply::Bytes(b"nonsense\r\n\r\n".to_vec()),
    ];
    let targets: Vec<_> = replies.iter().map(|reply| failing_once(reply.clone())).collect();
    for (index, target) in targets.iter().enumerate() {
        let mut wanted = definition(target);
        wanted["target"]["http"]["timeout"] = "1s".into();
        let made = send(&gateway, "PUT", &format!("/v1/triggers/t{index}"), &wanted);
        assert_eq!(made.status, 201, "{made:?}");
    }
    gateway.notify(new_image(1));
    gateway.notify(new_image(2));
    for (reply, target) in replies.iter().zip(&targets) {
        let all = target.wait(3);
        assert_eq!(all.len(), 3, "{reply:?}");
        assert_eq!(all[0].body, all[1].body, "{reply:?}");
        assert_eq!(all[0].header("webhook-id"), all[1].header("webhook-id"), "{reply:?}");
        assert!(all[1].at - all[0].at >= Duration::from_millis(790), "{reply:?}: it waits");
        assert_eq!(all[2].json()["messages"][0]["details"]["tag"], "v2", "{reply:?}: in order");
        assert_ne!(all[2].header("webhook-id"), all[1].header("webhook-id"));
    }
    assert!(elsewhere.received().is_empty(), "redirects are not followed");
}

#[test]
fn what_a_target_refuses_is_a_dead_letter_and_the_next_one_goes() {
    let gateway = gateway();
    for (index, status) in [400, 415, 422].into_iter().enumerate() {
        let target = failing_once(Reply::Full(status, "", "not like that"));
        make(&gateway, &definition(&target));
        gateway.notify(new_image(2 * index));
        gateway.notify(new_image(2 * index + 1));
        let all = target.wait(2);
        assert_ne!(all[0].header("webhook-id"), all[1].header("webhook-id"));
        until("it is kept", || state(&gateway)["dead_letters"] == 1);
        let letters = gateway.get("/v1/triggers/t/dead-letters").json();
        let letter = &letters["dead_letters"][0];
        assert_eq!((&letter["status"], &letter["attempts"]), (&json!(status), &json!(1)));
        assert_eq!(letter["answer"], "not like that");
        assert_eq!(letter["id"], all[0].header("webhook-id"));

        let path = format!("/v1/triggers/t/dead-letters/{}", letter["id"].as_str().unwrap());
        assert_eq!(gateway.get(&path).body.as_bytes(), all[0].body);
        target.answer(|_| Reply::Status(503));
        assert_eq!(gateway.post(&format!("{path}/send"), "").json()["delivered"], false);
        target.answer(|_| Reply::Status(204));
        assert_eq!(gateway.post(&format!("{path}/send"), "").json()["delivered"], true);
        let again = target.wait(4).pop().unwrap();
        assert_eq!(
            (again.header("webhook-id"), again.body.clone()),
            (all[0].header("webhook-id"), all[0].body.clone())
        );
        assert_eq!(gateway.post(&format!("{path}/send"), "").code(), "not_found");
        assert_eq!(send(&gateway, "DELETE", "/v1/triggers/t", &json!(null)).status, 204);
    }
}

#[test]
fn a_batch_is_given_up_after_its_attempts_and_outlives_its_trigger() {
    let (gateway, target) = (gateway(), Target::answering(|_| Reply::Status(500)));
    let mut wanted = definition(&target);
    wanted["retry"] = json!({"attempts": 2, "interval": "1s"});
    make(&gateway, &wanted);
    gateway.notify(new_image(1));
    target.wait(2);
    until("it is kept", || state(&gateway)["dead_letters"] == 1);
    assert_eq!(state(&gateway)["status"], "retrying", "the target still fails");
    assert_eq!(send(&gateway, "DELETE", "/v1/triggers/t", &json!(null)).status, 204);
    let letters = gateway.get("/v1/triggers/t/dead-letters").json();
    assert_eq!(letters["dead_letters"][0]["attempts"], 2);
    assert!((gateway.metric("tagcast_dead_letters{cloud=\"default\"}") - 1.0).abs() < 0.5);
    let purged = send(&gateway, "DELETE", "/v1/triggers/t/dead-letters", &json!(null));
    assert_eq!(purged.json(), json!({"dropped": 1}));
    assert!(gateway.metric("tagcast_dead_letters{cloud=\"default\"}") < 0.5);
}

#[test]
fn a_batch_that_is_too_large_is_split_once() {
    let gateway = gateway();
    let target = Target::answering(|request| {
        Reply::Status(if request.ids().len() > 2 || request.json().to_string().contains("poison") {
            413
        } else {
            200
        })
    });
    let mut wanted = definition(&target);
    wanted["batch"] = json!({"size": 4, "cutoff": "60s"});
    make(&gateway, &wanted);
    let pushes = ["a", "b", "poison", "d"].map(|tag| push(tag, "team/app", tag, tag));
    gateway.notify(body(&pushes));
    let all = target.wait(3);
    let sizes: Vec<_> = all.iter().map(|request| request.ids().len()).collect();
    assert_eq!(sizes, [4, 2, 2]);
    assert_eq!(all[1].header("webhook-id"), format!("{}a", all[0].header("webhook-id")));
    until("the half is given up", || state(&gateway)["dead_letters"] == 1);
    assert_eq!(state(&gateway)["delivered"], 1);
}

#[test]
fn a_taken_batch_has_arrived_whatever_follows_its_status() {
    let gateway = gateway();
    let endless = b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let target = Target::answering(|_| Reply::Unending(endless));
    make(&gateway, &definition(&target));
    gateway.notify(new_image(1));
    gateway.notify(new_image(2));
    let all = target.wait(2);
    let took = all[1].at - all[0].at;
    assert!(took < Duration::from_secs(10), "not the whole timeout: {took:?}");
    assert_ne!(all[0].header("webhook-id"), all[1].header("webhook-id"), "it counts");
    until("both count", || state(&gateway)["delivered"] == 2);
}

#[test]
fn many_headers_are_no_broken_answer() {
    let gateway = gateway();
    let headers: &'static str = "X-Many: a\r\n".repeat(1_000).leak();
    let target = Target::answering(move |_| Reply::Full(200, headers, ""));
    make(&gateway, &definition(&target));
    gateway.notify(new_image(1));
    until("it counts", || state(&gateway)["delivered"] == 1);
    assert_eq!(target.received().len(), 1);
}

#[test]
fn a_target_that_is_gone_disables_its_trigger() {
    let (mut gateway, target) = (gateway(), failing_once(Reply::Status(410)));
    make(&gateway, &definition(&target));
    gateway.notify(new_image(1));
    until("it is disabled", || state(&gateway)["status"] == "disabled");
    gateway.notify(new_image(2));
    gateway.kill();
    gateway.start_again();
    assert_eq!(state(&gateway)["status"], "disabled");
    assert_eq!(target.received().len(), 1);
    gateway.post("/v1/triggers/t/resume", "");
    let all = target.wait(3);
    assert_eq!(all[1].header("webhook-id"), all[0].header("webhook-id"), "the same batch again");
    assert_eq!(all[2].json()["messages"][0]["details"]["tag"], "v2");
}

#[test]
fn a_slow_target_delays_no_other() {
    let gateway = gateway();
    let (slow, fast) = (Target::answering(|_| Reply::Hang), Target::start());
    for index in 0..40 {
        let made = send(&gateway, "PUT", &format!("/v1/triggers/slow{index}"), &definition(&slow));
        assert_eq!(made.status, 201);
    }
    make(&gateway, &definition(&fast));
    for n in 0..20 {
        gateway.notify(new_image(n));
    }
    until("all come", || fast.events() == 20);
    assert!(slow.received().len() <= 40, "no attempt has ended yet, or it would have been tried again");
}

#[test]
fn a_gap_is_kept_and_told() {
    let settings = format!("{}[log]\nstore = \"memory\"\nmemory = \"16KiB\"\n", super::LOOPBACK);
    let gateway = crate::support::gateway::Gateway::with_settings(&settings);
    let target = Target::start();
    make(&gateway, &definition(&target));
    gateway.post("/v1/triggers/t/pause", "");
    for n in 0..60 {
        gateway.notify(new_image(n));
    }
    gateway.post("/v1/triggers/t/resume", "");
    let first = target.wait(2).remove(0);
    assert_eq!(first.json(), json!({"messages": []}));
    assert!(first.header("tagcast-gap").ends_with(" retention"), "{first:?}");
    let letters = gateway.get("/v1/triggers/t/dead-letters").json();
    assert_eq!(letters["dead_letters"][0]["gap"], "retention");
    let came = target.received().len();
    let id = letters["dead_letters"][0]["id"].as_str().expect("an id");
    let again = gateway.post(&format!("/v1/triggers/t/dead-letters/{id}/send"), "");
    assert_eq!(
        (again.status, again.code().as_str()),
        (409, "conflict"),
        "no batch, so nothing to send again"
    );
    assert!(target.received()[came..].iter().all(|request| request.header("tagcast-gap").is_empty()));
}
