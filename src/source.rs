//! Registries' notifications: who sent a request, and what it tells.
//!
//! One file per kind of registry knows that registry's JSON, headers and signatures. A request goes through
//! two functions: [`verify`] says whether it is the source's, over the raw bytes and before anything is parsed;
//! [`read`] turns a verified one into [`Notification`]s. Neither reads a clock, a
//! socket or a global: time and fetched keys are arguments, and what has to be fetched is a return value.
//!
//! What a notification means for the registry's state is for the catalog to say, what HTTP status an outcome
//! becomes for the caller.

mod check;
mod cloud_event;
mod fields;
mod handshake;
mod json;
mod kind;
mod reference;
mod request;
#[cfg(test)]
mod sample;
mod settings;
mod sns;
mod text;
mod trace;

mod alibaba;
mod azure;
mod cloudevents;
mod distribution;
mod dockerhub;
mod ecr;
mod gar;
mod ghcr;
mod gitea;
mod harbor;
mod jfrog;
mod nexus;
mod quay;
mod yandex;
mod zot;

pub(crate) use check::{
    Credential, Keys, Proof, Refusal, Secret, TokenRule, Verified, admit, verify, verify_body,
};
pub(crate) use handshake::Handshake;
pub use kind::Kind;
pub(crate) use kind::UnknownKind;
pub use request::Request;
pub(crate) use settings::{Limits, Settings};

use crate::event::Notification;

/// What a verified request says.
#[derive(Debug, PartialEq)]
pub(crate) enum Reading {
    /// Notifications, in the order told.
    Items(Vec<Item>),
    /// A question of the source's protocol, and what to answer.
    Answer(Handshake),
    /// GET this URL, then answer 200. Its host is one that the source's protocol names.
    Confirm {
        /// What to call, once.
        url: String,
    },
    /// A body that is not in the source's shape at all.
    Unreadable(Unreadable),
}

/// One notification of a request.
#[expect(clippy::large_enum_variant, reason = "most items are told, and none is kept for long")]
#[derive(Debug, PartialEq)]
pub(crate) enum Item {
    /// It tells of a change.
    Told(Notification),
    /// It is in good order but no event; the word says why, and is one of few.
    Ignored(&'static str),
    /// It can't be read, or breaks a limit.
    Unreadable(Unreadable),
}

/// Why a body or one notification of it is put aside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Unreadable {
    /// `malformed_event`, `field_too_long`, `field_invalid`, `too_deep`, `too_many_events` or `dedupe_conflict`.
    pub code: &'static str,
    /// For the operator; tells where, and holds no secret.
    pub message: String,
}

impl Unreadable {
    fn malformed(message: impl Into<String>) -> Self {
        Self { code: "malformed_event", message: message.into() }
    }

    /// The id of the notification was used for something else before.
    pub fn conflict(id: &str) -> Self {
        Self { code: "dedupe_conflict", message: format!("id {id} was used for something else before") }
    }
}

/// Decodes a verified request.
pub(crate) fn read(settings: &Settings, verified: &Verified<'_>) -> Reading {
    let request = verified.request();
    if *request.method == http::Method::OPTIONS {
        return Reading::Answer(handshake::permission(request));
    }
    let items = match settings.kind {
        Kind::Azure => return azure::read(settings, request).unwrap_or_else(Reading::Unreadable),
        Kind::Ecr => {
            return ecr::read(settings, request, verified.is_signed()).unwrap_or_else(Reading::Unreadable);
        }
        Kind::Ghcr => return ghcr::read(settings, request).unwrap_or_else(Reading::Unreadable),
        Kind::Distribution | Kind::Gitlab => distribution::read(settings, request),
        Kind::Harbor | Kind::TencentTcr => harbor::read(settings, request),
        Kind::Gar => gar::read(settings, request),
        Kind::Dockerhub => dockerhub::read(settings, request),
        Kind::Quay => quay::read(settings, request),
        Kind::Zot => zot::read(settings, request),
        Kind::Gitea => gitea::read(settings, request),
        Kind::Jfrog => jfrog::read(settings, request),
        Kind::Nexus => nexus::read(settings, request),
        Kind::Alibaba => alibaba::read(settings, request),
        Kind::Yandex => yandex::read(settings, request),
        Kind::CloudEvents => cloudevents::read(settings, request),
    };
    match items {
        // One notification may name many images or tags.
        Ok(items) if items.len() > settings.limits.events => {
            Reading::Unreadable(json::too_many(&settings.limits))
        }
        Ok(items) => Reading::Items(items),
        Err(unreadable) => Reading::Unreadable(unreadable),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::sample::{Sample, file};
    use super::*;
    use crate::event::{Action, is_digest};

    /// Whatever is told keeps the promises of [`Action`] and the limits.
    fn hold(reading: &Reading, limits: &Limits) {
        let Reading::Items(items) = reading else { return };
        assert!(items.len() <= limits.events);
        for item in items {
            let Item::Told(told) = item else { continue };
            assert!(!told.repository.is_empty() && told.repository.len() <= limits.repository);
            assert!(told.actor.len() <= limits.actor && told.registry.len() <= limits.other);
            assert!(!told.repository.contains(char::is_control) && !told.registry.contains(char::is_control));
            if let Action::Put { digest, tag } | Action::Delete { digest, tag } = &told.action {
                assert!(is_digest(digest));
                assert!(tag.as_ref().is_none_or(|tag| !tag.is_empty() && tag.len() <= limits.tag));
            }
        }
    }

    fn cases() -> Vec<String> {
        let expected = String::from_utf8(file("expected.jsonl")).unwrap();
        let case = |line| serde_json::from_str::<Value>(line).unwrap()["case"].as_str().unwrap().to_owned();
        expected.lines().map(case).collect()
    }

    #[test]
    fn every_kind_takes_every_body_calmly() {
        for case in cases() {
            let sample = Sample::load(&case);
            for kind in Kind::ALL {
                let settings = Settings { pulls: true, scans: true, ..Settings::new(kind, "s") };
                hold(&sample.read(&settings), &settings.limits);
            }
        }
    }

    #[test]
    fn no_more_notifications_than_the_limit() {
        for (kind, body) in [
            (Kind::Distribution, r#"{"events":[{},{},{}]}"#),
            (Kind::Yandex, r#"{"messages":[{},{},{}]}"#),
            (Kind::Azure, "[{},{},{}]"),
            (Kind::CloudEvents, "[{},{},{}]"),
            (Kind::Quay, r#"{"updated_tags":["1","2","3"]}"#),
            (Kind::Harbor, r#"{"type":"pushImage","event_data":{"resources":[{},{},{}]}}"#),
        ] {
            let code = |events| {
                let limits = Limits { events, ..Limits::default() };
                match Sample::json(body).read(&Settings { limits, ..Settings::new(kind, "s") }) {
                    Reading::Unreadable(unreadable) => unreadable.code,
                    _ => "",
                }
            };
            assert_eq!((code(2), code(3)), ("too_many_events", ""), "{kind}");
        }
    }

    #[test]
    fn every_kind_refuses_what_two_readers_may_read_in_two_ways() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(32), "]".repeat(32));
        for kind in Kind::ALL {
            for (body, code) in [
                (r#"{"a":1,"a":2}"#, "malformed_event"),
                (r#"{"a":1}{"a":1}"#, "malformed_event"),
                (r#"{"a":"\ud800"}"#, "malformed_event"),
                (&deep, "too_deep"),
                ("", "malformed_event"),
            ] {
                let found = match Sample::json(body).read(&Settings::new(kind, "s")) {
                    Reading::Unreadable(unreadable) => unreadable.code,
                    Reading::Items(items) => match &items[..] {
                        [Item::Unreadable(unreadable)] => unreadable.code,
                        other => panic!("{kind} {body}: {other:?}"),
                    },
                    other => panic!("{kind} {body}: {other:?}"),
                };
                // A body without its member is not in its shape, whatever else is wrong with it.
                let is_other_shape = matches!(kind, Kind::Distribution | Kind::Gitlab | Kind::Yandex);
                assert!(found == code || is_other_shape, "{kind} {body}: {found}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            for kind in Kind::ALL {
                let settings = Settings::new(kind, "s");
                hold(&Sample::json(body.clone()).read(&settings), &settings.limits);
            }
        }

        #[test]
        fn any_change_of_a_body_is_read_or_refused(
            pick: prop::sample::Index,
            at: prop::sample::Index,
            len in 0..40_usize,
            with in proptest::collection::vec(any::<u8>(), 0..8),
        ) {
            let cases = cases();
            let case = pick.get(&cases);
            let kind: Kind = case.split('/').next().unwrap().parse().unwrap();
            let mut sample = Sample::load(case);
            let start = at.index(sample.body.len());
            let end = sample.body.len().min(start + len);
            sample.body.splice(start..end, with);
            let settings = Settings { pulls: true, scans: true, ..Settings::new(kind, "s") };
            hold(&sample.read(&settings), &settings.limits);
        }

        #[test]
        fn any_value_in_any_member_is_read_or_refused(
            pick: prop::sample::Index,
            member: prop::sample::Index,
            value in prop::sample::select(vec![
                "null", "0", "-1", "1e99", "true", "[]", "{}", "[null]", "[7]", "\"\"", "\"sha256:\"", "\":\"",
                "\"a/b:c@d\"", "\"/\"", "\"\\u0000\"", "18446744073709551615",
            ]),
        ) {
            let cases = cases();
            let case = pick.get(&cases);
            let kind: Kind = case.split('/').next().unwrap().parse().unwrap();
            let mut sample = Sample::load(case);
            let mut body: Value = serde_json::from_slice(&sample.body).unwrap();
            let mut paths = Vec::new();
            members(&body, &mut String::new(), &mut paths);
            let path: &String = member.get(&paths);
            *body.pointer_mut(path).unwrap() = serde_json::from_str(value).unwrap();
            sample.body = body.to_string().into();
            let settings = Settings { pulls: true, scans: true, ..Settings::new(kind, "s") };
            hold(&sample.read(&settings), &settings.limits);
        }
    }

    fn members(value: &Value, path: &mut String, paths: &mut Vec<String>) {
        paths.push(path.clone());
        let inner: Vec<(String, &Value)> = match value {
            Value::Object(object) => object.iter().map(|(name, value)| (name.clone(), value)).collect(),
            Value::Array(array) => {
                array.iter().enumerate().map(|(i, value)| (i.to_string(), value)).collect()
            }
            _ => return,
        };
        for (name, value) in inner {
            let len = path.len();
            path.push('/');
            path.push_str(&name.replace('~', "~0").replace('/', "~1"));
            members(value, path, paths);
            path.truncate(len);
        }
    }
}
