//! Azure's events in Event Grid's own schema.

use serde_json::{Value, json};

use super::Fact;

pub(super) fn event(fact: &Fact<'_>) -> Value {
    let (kind, action, method) =
        if fact.is_push() { ("ImagePushed", "push", "PUT") } else { ("ImageDeleted", "delete", "DELETE") };
    let Fact { repository, id, time, .. } = fact;
    let mut target =
        json!({"mediaType": fact.media_type(), "digest": fact.digest(), "repository": repository});
    // A delete names no tag: all of them go.
    let mut subject = repository.clone();
    if fact.is_push() {
        (target["size"], target["length"]) = (json!(3023), json!(3023));
        if !fact.tag().is_empty() {
            target["tag"] = json!(fact.tag());
            subject = format!("{repository}:{}", fact.tag());
        }
    }
    let request =
        json!({"id": id, "host": "demo.azurecr.io", "method": method, "useragent": "docker/18.03.0-ce"});
    json!({
        "id": id,
        "topic": "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/demo",
        "subject": subject,
        "eventType": format!("Microsoft.ContainerRegistry.{kind}"),
        "eventTime": format!("{time:.7}"),
        "data": {"id": id, "timestamp": format!("{time:.9}"), "action": action, "target": target, "request": request},
        "dataVersion": "1.0",
        "metadataVersion": "1",
    })
}
