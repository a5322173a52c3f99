//! Harbor's webhooks: one a post, no id, whole seconds, no order.

use serde_json::{Value, json};

use super::Fact;

/// Harbor 2.x.
pub(super) fn default(fact: &Fact<'_>) -> Value {
    let kind = if fact.is_push() { "PUSH_ARTIFACT" } else { "DELETE_ARTIFACT" };
    // Harbor names an untagged artifact's digest as its tag.
    let (digest, tag) = (fact.digest(), fact.tag());
    let (tag, at) = if tag.is_empty() { (digest.as_str(), '@') } else { (tag, ':') };
    body(fact, kind, &digest, tag, at)
}

/// Harbor 1.x, and Tencent Cloud.
pub(super) fn first(fact: &Fact<'_>) -> Value {
    let kind = if fact.is_push() { "pushImage" } else { "deleteImage" };
    body(fact, kind, &fact.digest(), fact.tag(), ':')
}

fn body(fact: &Fact<'_>, kind: &str, digest: &str, tag: &str, at: char) -> Value {
    let repository = &fact.repository;
    let url = format!("hub.example.com/{repository}{at}{tag}");
    let (namespace, name) = repository.rsplit_once('/').unwrap_or_default();
    json!({"type": kind, "occur_at": fact.time.as_second(), "operator": "admin", "event_data": {
        "resources": [{"digest": digest, "tag": tag, "resource_url": url}],
        "repository": {"date_created": 1_586_922_308, "name": name, "namespace": namespace,
            "repo_full_name": repository, "repo_type": "private"}}})
}
