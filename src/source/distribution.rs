//! CNCF Distribution and the GitLab container registry.
//!
//! Published in distribution/distribution `docs/content/about/notifications.md` and `notifications/event.go`;
//! GitLab's is the same with additions (its administration page on the container registry).

use serde::Deserialize;

use super::fields::{Facts, Verb, repeat};
use super::json::{self, Place};
use super::text::{Size, Text, Time, nullable};
use super::{Item, Request, Settings, Unreadable};

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Event<'a> {
    id: Text<'a>,
    timestamp: Time,
    action: Text<'a>,
    #[serde(deserialize_with = "nullable")]
    target: Target<'a>,
    #[serde(deserialize_with = "nullable")]
    request: Cause<'a>,
    #[serde(deserialize_with = "nullable")]
    actor: Actor<'a>,
    #[serde(deserialize_with = "nullable")]
    source: Emitter<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Target<'a> {
    media_type: Text<'a>,
    size: Size,
    digest: Text<'a>,
    repository: Text<'a>,
    url: Text<'a>,
    tag: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Cause<'a> {
    id: Text<'a>,
    host: Text<'a>,
    method: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Actor<'a> {
    name: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Emitter<'a> {
    #[serde(rename = "instanceID")]
    instance: Text<'a>,
}

pub(super) fn read(settings: &Settings, request: &Request<'_>) -> Result<Vec<Item>, Unreadable> {
    let events = json::list::<Event<'_>>(request.body, Place::Member("events"), &settings.limits)?;
    Ok(events
        .iter()
        .map(|event| event.as_ref().map_or_else(unreadable, |event| item(event, settings)))
        .collect())
}

fn item(event: &Event<'_>, settings: &Settings) -> Item {
    let Event { target, request, .. } = event;
    let verb = match &*event.action {
        "mount" => return Item::Ignored("mount"),
        "push" | "pull" if is_blob(target) => return Item::Ignored("blob"),
        "push" => Verb::Push,
        // A HEAD is a client's probe before it pushes or pulls.
        "pull" if !settings.pulls || &*request.method != "GET" => return Item::Ignored("pull"),
        "pull" => Verb::Pull,
        "delete" => Verb::DeleteOrRepository,
        _ => return Item::Ignored("unknown_type"),
    };
    let facts = Facts {
        id: &event.id,
        repeat: repeat([&event.id]),
        emitter: &event.source.instance,
        request: &request.id,
        at: event.timestamp.0,
        actor: &event.actor.name,
        registry: &request.host,
        repository: &target.repository,
        tag: &target.tag,
        digest: &target.digest,
        media_type: &target.media_type,
        size: target.size.0,
        ..Facts::default()
    };
    facts.item(verb, &settings.limits)
}

/// A repository may be called `blobs`: only the last part but one tells.
fn is_blob(target: &Target<'_>) -> bool {
    let path = target.url.split('?').next().unwrap_or_default();
    &*target.media_type == "application/octet-stream" || path.rsplit('/').nth(1) == Some("blobs")
}

fn unreadable(unreadable: &Unreadable) -> Item {
    Item::Unreadable(unreadable.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Action;
    use crate::source::sample::{self, Sample};
    use crate::source::{Kind, Reading};

    const A: &str = "sha256:29031a2ee24071c6c4f6254033d2cc6f86cdfb037b32ad3c8c3f0bb3e14ab29a";

    fn load(case: &str) -> Sample {
        Sample::load(&format!("distribution/{case}"))
    }

    #[test]
    fn every_sample() {
        sample::check_all(Kind::Distribution);
        sample::check_all(Kind::Gitlab);
    }

    #[test]
    fn a_push_by_tag_in_full() {
        let told = load("v2-push-tag").told(Kind::Distribution);
        assert_eq!(told.id, "36fe108d-5a08-4e40-9c4b-d4faf17565e6");
        assert_eq!(told.repeat.as_ref(), Some(&told.id));
        assert_eq!(told.emitter, "59de11e7-8ea7-4622-a615-e0806b51a76b");
        assert_eq!(told.request, "6126167c-3a40-4545-9b13-c5cd97e8b1c1");
        assert_eq!(told.at.unwrap().to_string(), "2026-11-22T03:53:13.062739186Z");
        assert_eq!((told.actor.as_str(), told.size), ("ci-bot", 418));
        assert_eq!(told.registry, "registry.example.com:5000");
        assert_eq!(told.repository, "library/app");
        assert_eq!(told.media_type, "application/vnd.oci.image.manifest.v1+json");
        assert_eq!(told.action, Action::Put { digest: A.into(), tag: Some("v1".into()) });
    }

    #[test]
    fn what_each_sample_does() {
        let put = |digest: &str| Action::Put { digest: digest.into(), tag: None };
        let untag = |tag: &str| Action::DeleteTag { tag: tag.into(), digest: None };
        let delete = |digest: &str| Action::Delete { digest: digest.into(), tag: None };
        for (case, action) in [
            ("v2-push-digest", put(A)),
            ("v2-delete-digest-1", delete(A)),
            ("v2-delete-digest-2-tag", untag("v1")),
            ("v3-delete-tag", untag("1.0")),
            ("v3-delete-digest-1", delete(A)),
        ] {
            assert_eq!(load(case).told(Kind::Distribution).action, action, "{case}");
        }
        for (case, why) in [
            ("v2-blob-push", "blob"),
            ("v2-blob-mount", "mount"),
            ("v2-blob-pull-get", "blob"),
            ("v3-blob-pull-head", "blob"),
            ("v2-pull-tag-get", "pull"),
            ("v3-pull-tag-head", "pull"),
        ] {
            assert_eq!(load(case).item(Kind::Distribution), Item::Ignored(why), "{case}");
        }
    }

    #[test]
    fn pulls_are_told_where_asked_for() {
        let settings = Settings { pulls: true, ..Settings::new(Kind::Distribution, "d") };
        let item = |case: &str| load(case).items(&settings).remove(0);
        assert!(
            matches!(item("v2-pull-tag-get"), Item::Told(told) if matches!(told.action, Action::Pull { .. }))
        );
        assert_eq!(item("v2-pull-tag-head"), Item::Ignored("pull"));
        assert_eq!(item("v2-blob-pull-get"), Item::Ignored("blob"));
    }

    #[test]
    fn whole_sessions() {
        for session in ["v2", "v3"] {
            let bodies =
                String::from_utf8(sample::file(&format!("distribution/{session}-session.jsonl"))).unwrap();
            for body in bodies.lines() {
                let item = Sample::json(body).item(Kind::Distribution);
                assert!(!matches!(item, Item::Unreadable(_)), "{body}");
            }
        }
    }

    fn event(members: &str) -> Item {
        Sample::json(format!("{{\"events\":[{{{members}}}]}}")).item(Kind::Distribution)
    }

    #[test]
    fn a_repository_may_be_called_blobs() {
        let push = format!(
            r#""id":"1","action":"push","target":{{"digest":"{A}","repository":"a/blobs","url":"http://r/v2/a/blobs/manifests/{A}"}}"#
        );
        assert!(matches!(event(&push), Item::Told(_)));
    }

    #[test]
    fn a_deleted_repository_names_nothing_else() {
        let told = |members: &str| match event(members) {
            Item::Told(told) => Some(told.action),
            _ => None,
        };
        let repository = r#""action":"delete","target":{"repository":"a","digest":"","tag":null,"size":0}"#;
        assert_eq!(told(repository), Some(Action::DeleteRepository));
        let cut = r#""action":"delete","target":{"repository":"a","digest":"sha256:2903"}"#;
        assert_eq!(told(cut), None);
    }

    #[test]
    fn unknown_and_null_members_do_no_harm() {
        let push = format!(
            r#""id":"1","action":"push","new":[{{}}],"actor":null,"source":null,"timestamp":{{}},
               "target":{{"digest":"{A}","repository":"a","tag":"t","new":1}}"#
        );
        assert!(matches!(event(&push), Item::Told(told) if told.at.is_none() && told.actor.is_empty()));
        assert_eq!(event(r#""action":"polished","target":{}"#), Item::Ignored("unknown_type"));
    }

    #[test]
    fn one_bad_event_leaves_the_others() {
        let push = |tag: &str| {
            format!(r#"{{"action":"push","target":{{"digest":"{A}","repository":"a","tag":{tag}}}}}"#)
        };
        let body = format!("{{\"events\":[{},{},{}]}}", push("\"t\""), push("7"), push("\"a\\nb\""));
        let settings = Settings::new(Kind::Distribution, "d");
        let items = Sample::json(body).items(&settings);
        let codes: Vec<_> = items
            .iter()
            .map(|item| match item {
                Item::Unreadable(unreadable) => unreadable.code,
                _ => "",
            })
            .collect();
        assert_eq!(codes, ["", "malformed_event", "field_invalid"]);
    }

    #[test]
    fn bodies_of_another_shape() {
        let settings = Settings::new(Kind::Distribution, "d");
        for body in ["", "{}", "[]", "null", r#"{"events":{}}"#, r#"{"events":[]} "x""#, "\u{0}"] {
            assert!(matches!(Sample::json(body).read(&settings), Reading::Unreadable(_)), "{body}");
        }
        assert_eq!(Sample::json(r#"{"events":[]}"#).read(&settings), Reading::Items(vec![]));
    }
}
