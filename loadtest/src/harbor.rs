//! Bodies as Harbor's webhooks post them in its default form: one a post, no id, whole seconds, no order.

use serde_json::json;

use crate::simulator::{Done, Told};

/// The type of the body.
pub const CONTENT_TYPE: &str = "application/json";

/// Writes a body to `out`, which is cleared first; nothing for what Harbor does not tell.
pub fn body(told: &Told, repository: &str, out: &mut Vec<u8>) {
    let untagged = |digest: &str| format!("hub.example.com/{repository}@{digest}");
    let tagged = |tag: &str| format!("hub.example.com/{repository}:{tag}");
    out.clear();
    let (kind, digest, tag) = match &told.done {
        Done::Push(digest, tag) => ("PUSH_ARTIFACT", digest.to_string(), tag.clone()),
        Done::PushIndex(digest, tag) => ("PUSH_ARTIFACT", digest.to_string(), Some(tag.clone())),
        Done::Delete(digest, tag) => ("DELETE_ARTIFACT", digest.to_string(), tag.clone()),
        Done::PushBlob(_) | Done::DeleteBlob(_) | Done::DeleteTag(_) => return,
    };
    let url = tag.as_deref().map_or_else(|| untagged(&digest), tagged);
    // Harbor names an untagged artifact's digest as its tag.
    let resource = json!({"digest": digest, "tag": tag.as_deref().unwrap_or(&digest), "resource_url": url});
    let (namespace, name) = repository.rsplit_once('/').unwrap_or_default();
    let value = json!({"type": kind, "occur_at": told.at, "operator": "admin", "event_data": {
        "resources": [resource],
        "repository": {"date_created": 1_586_922_308, "name": name, "namespace": namespace,
            "repo_full_name": repository, "repo_type": "private"}}});
    out.extend_from_slice(value.to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::notification::Digest;

    #[test]
    fn have_the_members_of_published_ones() {
        let digest = Digest(1, 1);
        for (done, sample) in [
            (Done::Push(digest, Some("v1".into())), "default-push-artifact-tagged"),
            (Done::Push(digest, None), "default-push-artifact-untagged"),
            (Done::Delete(digest, Some("v1".into())), "default-delete-artifact"),
        ] {
            let told = Told { number: 1, request: 1, repository: 0, at: 1_700_000_000, done };
            let mut out = Vec::new();
            body(&told, "lt/0/r0", &mut out);
            let ours: Value = serde_json::from_slice(&out).unwrap();
            let path =
                format!("{}/../tests/fixtures/webhooks/harbor/{sample}.json", env!("CARGO_MANIFEST_DIR"));
            let real: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            assert_eq!(ours["type"], real["type"]);
            let resource = |body: &Value| body["event_data"]["resources"][0].clone();
            let untagged = |body: &Value| resource(body)["tag"] == resource(body)["digest"];
            assert_eq!(untagged(&ours), untagged(&real), "{sample}");
            for name in ["digest", "tag", "resource_url"] {
                assert!(resource(&ours)[name].is_string() && resource(&real)[name].is_string());
            }
        }
    }
}
