//! Package managers that keep images among other things; most say in the head what a body is.

use serde_json::{Value, json};

use super::{Fact, Post};

/// Artifactory's webhook of the domain docker.
pub(super) fn jfrog(fact: &Fact<'_>) -> Value {
    let action = if fact.is_push() { "pushed" } else { "deleted" };
    let ((key, image), tag, digest) = (fact.halves(), fact.tag(), fact.digest());
    json!({"domain": "docker", "event_type": action,
        "data": {"repo_key": key, "event_type": action, "path": format!("{image}/{tag}/manifest.json"),
            "name": "manifest.json", "sha256": digest.trim_start_matches("sha256:"), "size": 1206,
            "image_name": image, "tag": tag, "platforms": [{"architecture": "amd64", "os": "linux"}]},
        "subscription_key": "loadtest", "jpd_origin": "https://example.jfrog.io", "source": "jfrog/ci-bot"})
}

/// Nexus's webhook *repository component*.
pub(super) fn nexus(fact: &Fact<'_>) -> Value {
    let (repository, name) = fact.halves();
    let action = if fact.is_push() { "CREATED" } else { "DELETED" };
    json!({"timestamp": fact.time.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string(),
        "nodeId": "8C4F3E91-CD46AFE0-61B8403D-94526884-19AC4E06", "initiator": "admin/127.0.0.1",
        "repositoryName": repository, "action": action,
        "component": {"id": fact.id, "componentId": fact.id, "format": "docker", "name": name, "version": fact.tag()}})
}

pub(super) fn nexus_headers(fact: &Fact<'_>, post: &mut Post) {
    post.header("X-Nexus-Webhook-Id", "rm:repository:component");
    post.header("X-Nexus-Webhook-Delivery", &fact.id);
}

/// Gitea's event `package`: the version is a tag, or a digest.
pub(super) fn gitea(fact: &Fact<'_>) -> Value {
    let user = |login: &str| json!({"id": 1, "login": login, "username": login});
    let (owner, name) = fact.halves();
    let version = if fact.tag().is_empty() { fact.digest() } else { fact.tag().to_owned() };
    let url = format!("http://localhost:3000/{owner}/-/packages/container/{name}/{version}");
    let action = if fact.is_push() { "created" } else { "deleted" };
    json!({"action": action, "repository": null, "sender": user("ci-bot"),
        "package": {"id": fact.announcement.number, "owner": user(owner), "repository": null, "creator": user("ci-bot"),
            "type": "container", "name": name, "version": version, "html_url": url,
            "created_at": format!("{:.0}", fact.time)}})
}

pub(super) fn gitea_headers(fact: &Fact<'_>, post: &mut Post) {
    post.header("X-Gitea-Event", "package");
    post.header("X-Gitea-Delivery", &fact.id);
}

/// GitHub's event `registry_package`.
pub(super) fn ghcr(fact: &Fact<'_>) -> Value {
    let ((namespace, name), tag, digest) = (fact.halves(), fact.tag(), fact.digest());
    let time = format!("{:.0}", fact.time);
    let manifest = json!({"digest": digest, "media_type": fact.media_type(), "size": 1782});
    json!({"action": "published", "sender": {"login": "ci-bot", "id": 1},
        "registry_package": {"id": fact.announcement.number, "name": name, "namespace": namespace, "ecosystem": "CONTAINER",
            "package_type": "CONTAINER", "created_at": time, "updated_at": time,
            "package_version": {"id": fact.announcement.number, "version": digest, "name": digest,
                "package_url": format!("ghcr.io/{}:{tag}", fact.repository), "created_at": time, "updated_at": time,
                "container_metadata": {"tag": {"name": tag, "digest": digest}, "manifest": manifest}}}})
}

pub(super) fn ghcr_headers(fact: &Fact<'_>, post: &mut Post) {
    post.header("X-GitHub-Event", "registry_package");
    post.header("X-GitHub-Delivery", &fact.id);
}
