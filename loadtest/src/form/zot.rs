//! zot's CloudEvents in binary mode: the attributes stand in the head.

use serde_json::{Value, json};

use super::{Fact, Post};
use crate::simulator::Operation;

pub(super) fn data(fact: &Fact<'_>) -> Value {
    let digest = fact.digest();
    // Who deletes by digest names no tag.
    let by_tag = !fact.tag().is_empty() && !matches!(fact.announcement.operation, Operation::Delete { .. });
    let reference = if by_tag { fact.tag() } else { &digest };
    json!({"digest": digest, "mediaType": fact.media_type(), "name": fact.repository, "reference": reference})
}

pub(super) fn headers(fact: &Fact<'_>, post: &mut Post) {
    let kind = if fact.is_push() { "updated" } else { "deleted" };
    post.header("Ce-Id", &fact.id);
    post.header("Ce-Source", "zotregistry.dev");
    post.header("Ce-Specversion", "1.0");
    post.header("Ce-Time", format_args!("{:.9}", fact.time));
    post.header("Ce-Type", format_args!("zotregistry.image.{kind}"));
}
