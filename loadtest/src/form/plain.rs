//! Cloud registries that post a small object and nothing in the head.

use serde_json::{Value, json};

use super::Fact;
use crate::simulator::Operation;

/// Amazon ECR's event, as EventBridge posts it to an API destination.
pub(super) fn ecr(fact: &Fact<'_>) -> Value {
    let action = if fact.is_push() { "PUSH" } else { "DELETE" };
    let mut detail = json!({"result": "SUCCESS", "repository-name": fact.repository,
        "image-digest": fact.digest(), "action-type": action});
    // Who deletes by digest names no tag.
    if !fact.tag().is_empty() && !matches!(fact.announcement.operation, Operation::Delete { .. }) {
        detail["image-tag"] = json!(fact.tag());
    }
    json!({"version": "0", "id": fact.id, "detail-type": "ECR Image Action", "source": "aws.ecr",
        "account": "123456789012", "time": format!("{:.0}", fact.time), "region": "us-west-2", "resources": [],
        "detail": detail})
}

/// Docker Hub's: a tag was pushed.
pub(super) fn dockerhub(fact: &Fact<'_>) -> Value {
    let (namespace, name) = fact.halves();
    let url = format!("https://registry.hub.docker.com/u/{}/", fact.repository);
    json!({"callback_url": format!("{url}hook/"),
        "push_data": {"pushed_at": fact.time.as_second(), "pusher": "ci-bot", "tag": fact.tag()},
        "repository": {"comment_count": 0, "date_created": 1_417_494_799, "description": "", "is_official": false,
            "is_private": true, "is_trusted": true, "name": name, "namespace": namespace, "owner": namespace,
            "repo_name": fact.repository, "repo_url": url, "star_count": 0, "status": "Active"}})
}

/// Quay's: a tag was pushed.
pub(super) fn quay(fact: &Fact<'_>) -> Value {
    let ((namespace, name), repository) = (fact.halves(), &fact.repository);
    json!({"name": name, "repository": repository, "namespace": namespace,
        "docker_url": format!("quay.io/{repository}"), "homepage": format!("https://quay.io/repository/{repository}"),
        "updated_tags": [fact.tag()]})
}

/// Alibaba Cloud's trigger; its times are local ones without a zone.
pub(super) fn alibaba(fact: &Fact<'_>) -> Value {
    let local = fact.time.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)));
    let (namespace, name) = fact.halves();
    json!({"push_data": {"digest": fact.digest(), "pushed_at": local.strftime("%Y-%m-%d %H:%M:%S").to_string(), "tag": fact.tag()},
        "repository": {"date_created": "2016-10-28 21:31:42", "name": name, "namespace": namespace,
            "region": "cn-hangzhou", "repo_authentication_type": "NO_CERTIFIED", "repo_full_name": fact.repository,
            "repo_origin_type": "NO_CERTIFIED", "repo_type": "PUBLIC"}})
}
