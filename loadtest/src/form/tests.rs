//! Each form has members that the registry's own bodies have, of the same types.

use serde_json::Value;

use super::*;
use crate::notification::Digest;

const DIGEST: Digest = Digest(1, 1);

fn push(tag: Option<&str>) -> Operation {
    Operation::Push(Push {
        digest: DIGEST,
        tag: tag.map(str::to_owned),
        index: false,
        first: true,
        was: None,
    })
}

fn ours(kind: Kind, done: Operation) -> Value {
    let told = Announcement { number: 1, request: 1, repository: 0, at: 1_700_000_000, operation: done };
    let mut post = Post::default();
    write(kind, &[told], &Registry::new(1), None, &mut post);
    serde_json::from_slice(&post.body).unwrap()
}

/// Paths of all members with their types; an array's are those of its items.
fn shape(value: &Value, path: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                shape(member, &format!("{path}.{name}"), out);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| shape(item, &format!("{path}[]"), out)),
        Value::Null => out.push(format!("{path} null")),
        Value::Bool(_) => out.push(format!("{path} bool")),
        Value::Number(_) => out.push(format!("{path} number")),
        Value::String(_) => out.push(format!("{path} string")),
    }
}

fn check(kind: Kind, done: Operation, sample: &str) {
    let path = format!("{}/../tests/fixtures/webhooks/{sample}.json", env!("CARGO_MANIFEST_DIR"));
    let real: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let (mut ours_has, mut real_has) = (Vec::new(), Vec::new());
    shape(&ours(kind, done), "", &mut ours_has);
    shape(&real, "", &mut real_has);
    let unknown: Vec<_> = ours_has.iter().filter(|path| !real_has.contains(path)).collect();
    assert!(unknown.is_empty(), "{sample} has no {unknown:?}");
}

#[test]
fn members_are_those_of_real_bodies() {
    let tagged = || push(Some("v1"));
    let delete = || Operation::Delete { digest: DIGEST, tag: Some("v1".into()), was_tagged: true };
    let untag = || Operation::DeleteTag { tag: "v1".into(), digest: DIGEST, with_image: false };
    for (kind, done, sample) in [
        (Kind::Harbor, tagged(), "harbor/default-push-artifact-tagged"),
        (Kind::Harbor, push(None), "harbor/default-push-artifact-untagged"),
        (Kind::Harbor, delete(), "harbor/default-delete-artifact"),
        (Kind::TencentTcr, tagged(), "tencent-tcr/push-image"),
        (Kind::Azure, tagged(), "azure/eventgrid-image-pushed"),
        (Kind::Azure, delete(), "azure/eventgrid-image-deleted"),
        (Kind::Ghcr, tagged(), "ghcr/registry-package-published-tagged"),
        (Kind::Ecr, tagged(), "ecr/eventbridge-push"),
        (Kind::Ecr, untag(), "ecr/eventbridge-delete"),
        (Kind::Gar, tagged(), "gar/pubsub-insert-digest-and-tag"),
        (Kind::Gar, untag(), "gar/pubsub-delete-tag"),
        (Kind::Dockerhub, tagged(), "dockerhub/push"),
        (Kind::Quay, tagged(), "quay/repo-push"),
        (Kind::Zot, tagged(), "zot/image-updated-tag"),
        (Kind::Zot, untag(), "zot/image-deleted-tag"),
        (Kind::Zot, delete(), "zot/image-deleted-digest"),
        (Kind::Gitea, tagged(), "gitea/package-created-tag"),
        (Kind::Gitea, push(None), "gitea/package-created-digest"),
        (Kind::Gitea, untag(), "gitea/package-deleted-tag"),
        (Kind::Jfrog, tagged(), "jfrog/docker-pushed"),
        (Kind::Jfrog, untag(), "jfrog/docker-deleted"),
        (Kind::Nexus, tagged(), "nexus/component-created"),
        (Kind::Alibaba, tagged(), "alibaba/trigger-push"),
        (Kind::Yandex, tagged(), "yandex/batch-first-push"),
        (Kind::Yandex, delete(), "yandex/delete-image"),
    ] {
        check(kind, done, sample);
    }
}

#[test]
fn what_a_move_means_is_told_by_who_sends_events() {
    let moved =
        Push { digest: Digest(1, 2), tag: Some("v1".into()), index: false, first: true, was: Some(DIGEST) };
    let types = |kind, list: &str, place: &str| -> Vec<String> {
        let body = ours(kind, Operation::Push(moved.clone()));
        let all = if list.is_empty() { body } else { body[list].clone() };
        let all = all.as_array().unwrap().iter();
        all.map(|event| {
            event.pointer(place).unwrap().as_str().unwrap().rsplit('.').next().unwrap().to_owned()
        })
        .collect()
    };
    let expected = ["CreateImage", "DeleteImageTag", "CreateImageTag"];
    assert_eq!(types(Kind::Yandex, "messages", "/event_metadata/event_type"), expected);
    assert_eq!(types(Kind::Cloudevents, "", "/type"), expected);
}
