//! Notifications of CNCF Distribution, made up.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A digest that depends on the seed alone.
pub(crate) fn digest(seed: &str) -> String {
    let hash = Sha256::digest(seed);
    format!("sha256:{}", data_encoding::HEXLOWER.encode(hash.as_slice()))
}

/// A push of the image `seed` under a tag. `id` is the notification's own.
pub(crate) fn push(id: &str, repository: &str, tag: &str, seed: &str) -> Value {
    let digest = digest(seed);
    json!({
        "id": id, "timestamp": "2026-11-22T03:54:15.558548749Z", "action": "push",
        "target": {
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 418, "length": 418,
            "repository": repository, "tag": tag,
            "url": format!("http://hub.example.com/v2/{repository}/manifests/{digest}"),
        },
        "request": {"id": format!("request-{id}"), "host": "hub.example.com", "method": "PUT"},
        "actor": {"name": "ci-bot"},
        "source": {"addr": "registry-0:5000", "instanceID": "one"},
    })
}

/// A body of several notifications.
pub(crate) fn body(events: &[Value]) -> String {
    json!({ "events": events }).to_string()
}

/// A body that makes one new image with one tag, and so two events.
pub(crate) fn new_image(n: usize) -> String {
    body(&[push(&format!("n{n}"), "team/app", &format!("v{n}"), &format!("image {n}"))])
}
