//! Artifact Registry's messages as Pub/Sub pushes them.

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::Fact;
use crate::simulator::Operation;

const HOST: &str = "europe-docker.pkg.dev";

pub(super) fn push(fact: &Fact<'_>) -> Value {
    let Fact { repository, id, time, .. } = fact;
    let mut data = json!({"action": if fact.is_push() { "INSERT" } else { "DELETE" }});
    if !matches!(fact.announcement.operation, Operation::DeleteTag { .. }) {
        data["digest"] = json!(format!("{HOST}/{repository}@{}", fact.digest()));
    }
    if !fact.tag().is_empty() && !matches!(fact.announcement.operation, Operation::Delete { .. }) {
        data["tag"] = json!(format!("{HOST}/{repository}:{}", fact.tag()));
    }
    let (data, time) = (BASE64.encode(data.to_string().as_bytes()), format!("{time:.3}"));
    let message =
        json!({"data": data, "messageId": id, "message_id": id, "publishTime": time, "publish_time": time});
    json!({"message": message, "subscription": "projects/my-project/subscriptions/gcr-push"})
}
