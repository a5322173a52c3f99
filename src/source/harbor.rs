//! Harbor 2.x in its default and CloudEvents formats, Harbor 1.9 and 1.10, and Tencent Cloud TCR, which kept the
//! format of the latter.
//!
//! Published in goharbor/website `docs/working-with-projects/project-configuration/configure-webhooks.md`,
//! goharbor/harbor `src/pkg/notifier/formats`, and Tencent's page *Managing triggers*.

use serde::Deserialize;

use super::fields::{Facts, Verb, repeat};
use super::json::{self, Part, Place};
use super::text::{Scalar, Text, Time, nullable};
use super::{Item, Request, Settings, Unreadable};

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Hook<'a> {
    #[serde(rename = "type")]
    kind: Text<'a>,
    operator: Text<'a>,
    // The default format.
    occur_at: Scalar<'a>,
    #[serde(borrow)]
    event_data: Part<'a>,
    // CloudEvents.
    id: Text<'a>,
    source: Text<'a>,
    time: Time,
    #[serde(borrow)]
    data: Part<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Data<'a> {
    #[serde(deserialize_with = "nullable")]
    resources: Vec<Entry<'a>>,
    #[serde(deserialize_with = "nullable")]
    repository: Repository<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Entry<'a> {
    digest: Text<'a>,
    tag: Text<'a>,
    resource_url: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Repository<'a> {
    repo_full_name: Text<'a>,
}

pub(super) fn read(settings: &Settings, request: &Request<'_>) -> Result<Vec<Item>, Unreadable> {
    let mut items = Vec::new();
    for event in json::list::<Hook<'_>>(request.body, Place::Bare, &settings.limits)? {
        match event.and_then(|event| event_items(&event, settings)) {
            Ok(of_one) => items.extend(of_one),
            Err(unreadable) => items.push(Item::Unreadable(unreadable)),
        }
    }
    Ok(items)
}

fn event_items(event: &Hook<'_>, settings: &Settings) -> Result<Vec<Item>, Unreadable> {
    let verb = match verb(&event.kind, settings) {
        Ok(verb) => verb,
        Err(why) => return Ok(vec![Item::Ignored(why)]),
    };
    let data: Data<'_> = json::part(event.data.or(event.event_data))?;
    if data.resources.is_empty() {
        return Err(Unreadable::malformed("no resource is named"));
    }
    let repository = &*data.repository.repo_full_name;
    Ok(data.resources.iter().map(|resource| item(event, repository, resource, verb, settings)).collect())
}

fn item(event: &Hook<'_>, repository: &str, resource: &Entry<'_>, verb: Verb, settings: &Settings) -> Item {
    let (digest, tag) = (&*resource.digest, &*resource.tag);
    let repeat = if event.id.is_empty() {
        repeat([&event.kind, &event.occur_at.to_string(), &event.operator, repository, digest, tag])
    } else {
        repeat([&event.id, &event.source, digest, tag])
    };
    let facts = Facts {
        id: &event.id,
        repeat,
        at: event.time.0.or(Time::from(&event.occur_at).0),
        actor: &event.operator,
        registry: registry(&resource.resource_url, repository),
        repository,
        tag,
        digest,
        ..Facts::default()
    };
    facts.item(verb, &settings.limits)
}

/// What the type asks for, or why it is no event here.
fn verb(kind: &str, settings: &Settings) -> Result<Verb, &'static str> {
    match kind {
        "PUSH_ARTIFACT" | "harbor.artifact.pushed" | "pushImage" => Ok(Verb::Push),
        "DELETE_ARTIFACT" | "harbor.artifact.deleted" | "deleteImage" => Ok(Verb::DeleteManifest),
        "uploadChart" => Ok(Verb::PutChart),
        "deleteChart" => Ok(Verb::DeleteChart),
        "PULL_ARTIFACT" | "harbor.artifact.pulled" if settings.pulls => Ok(Verb::Pull),
        "PULL_ARTIFACT" | "harbor.artifact.pulled" | "pullImage" | "downloadChart" => Err("pull"),
        "SCANNING_COMPLETED" | "harbor.scan.completed" if settings.scans => Ok(Verb::Scan),
        kind if kind.starts_with("SCANNING_") || kind.starts_with("harbor.scan.") => Err("scan"),
        kind if kind.starts_with("QUOTA_") || kind.starts_with("harbor.quota.") => Err("quota"),
        "REPLICATION" | "harbor.replication.status.changed" => Err("replication"),
        "TAG_RETENTION" | "harbor.tag_retention.finished" => Err("retention"),
        _ => Err("unknown_type"),
    }
}

/// The part of `hub.example.com/team/app:v1` before `/team/app`.
fn registry<'a>(url: &'a str, repository: &str) -> &'a str {
    let mut slashes = url.match_indices('/').map(|(at, _)| at);
    let at = slashes.find(|&at| !repository.is_empty() && url[at + 1..].starts_with(repository));
    at.map_or("", |at| &url[..at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Action;
    use crate::source::Kind;
    use crate::source::sample::{self, Sample};

    #[test]
    fn every_sample() {
        sample::check_all(Kind::Harbor);
        sample::check_all(Kind::TencentTcr);
    }

    fn told(case: &str) -> crate::event::Notification {
        Sample::load(&format!("harbor/{case}")).told(Kind::Harbor)
    }

    #[test]
    fn a_push_in_full() {
        let digest = "sha256:8a9e9863dbb6e10edb5adfe917c00da84e1700fa76e7ed02476aa6e6fb8ee0d8";
        let told = told("default-push-artifact-tagged");
        assert_eq!((told.id.as_str(), told.actor.as_str()), ("", "admin"));
        assert_eq!(
            (told.registry.as_str(), told.repository.as_str()),
            ("hub.harbor.com", "test-webhook/debian")
        );
        assert_eq!(told.at.unwrap().to_string(), "2020-04-15T03:45:08Z");
        assert_eq!(told.action, Action::Put { digest: digest.into(), tag: Some("latest".into()) });
        let repeat = format!("PUSH_ARTIFACT\n1586922308\nadmin\ntest-webhook/debian\n{digest}\nlatest");
        assert_eq!(told.repeat, Some(repeat));
    }

    #[test]
    fn both_formats_tell_the_same() {
        for case in ["delete-artifact", "push-artifact-untagged"] {
            let (default, cloud) = (told(&format!("default-{case}")), told(&format!("cloudevents-{case}")));
            assert_eq!(default.action, cloud.action);
            assert_eq!((default.registry, default.repository), (cloud.registry, cloud.repository));
            assert_ne!(default.repeat, cloud.repeat);
        }
    }

    #[test]
    fn a_tag_that_is_the_digest_is_none() {
        let told = told("cloudevents-push-artifact-untagged");
        assert!(matches!(told.action, Action::Put { tag: None, .. }));
    }

    #[test]
    fn several_resources_are_several_notifications() {
        let body = r#"{"type":"DELETE_ARTIFACT","occur_at":1,"event_data":{"repository":{"repo_full_name":"a"},"resources":[
            {"digest":"sha256:2bb501e6173d9d006e56de5bce2720eb06396803300fe1687b58a7ff32bf4c14"},
            {"digest":"sha256:8a9e9863dbb6e10edb5adfe917c00da84e1700fa76e7ed02476aa6e6fb8ee0d8"},
            {"digest":"sha256:short","tag":"t"}]}}"#;
        let items = Sample::json(body).items(&Settings::new(Kind::Harbor, "h"));
        let [Item::Told(one), Item::Told(two), Item::Unreadable(_)] = &items[..] else { panic!("{items:?}") };
        assert_ne!(one.repeat, two.repeat);
    }

    #[test]
    fn types_that_nobody_knows_are_ignored_whatever_they_hold() {
        let body = r#"{"type":"NEW","event_data":{"resources":7,"repository":[]},"operator":null}"#;
        assert_eq!(Sample::json(body).item(Kind::Harbor), Item::Ignored("unknown_type"));
        assert!(matches!(
            Sample::json(r#"{"type":"PUSH_ARTIFACT"}"#).item(Kind::Harbor),
            Item::Unreadable(unreadable) if unreadable.code == "malformed_event"
        ));
    }

    #[test]
    fn the_registry_is_what_stands_before_the_repository() {
        assert_eq!(registry("localhost:80/a/b:t", "a/b"), "localhost:80");
        assert_eq!(registry("a/a/b@sha256:0", "a/b"), "a");
        assert_eq!(registry("a/b", "c"), "");
        assert_eq!(registry("", ""), "");
    }
}
