//! How notifications look on the wire: body and headers of each kind, most of them templates.

mod sign;
mod template;
#[cfg(test)]
mod tests;

use std::fmt;

use data_encoding::BASE64;
use jiff::Timestamp;
use jiff::tz::{TimeZone, offset};
use serde_json::{Value, json};
pub use sign::Secret;
use template::Template;

use crate::kind::Kind;
use crate::notification::{Change, Digest, Notification, Registry};
use crate::simulator::{Announcement, Operation, Push};

/// What is posted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Post {
    /// Lines of headers that differ from post to post, each with its end.
    pub headers: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Post {
    fn header(&mut self, name: &str, value: impl fmt::Display) {
        use std::fmt::Write as _;
        // A String takes everything.
        let _ = write!(self.headers, "{name}: {value}\r\n");
    }
}

/// Writes what `kind` posts for these, all of which it tells; `post` is cleared first.
pub fn write(
    kind: Kind,
    announcements: &[Announcement],
    registry: &Registry,
    secret: Option<&Secret>,
    post: &mut Post,
) {
    post.headers.clear();
    post.body.clear();
    let Some(template) = Template::of(&kind.name()) else {
        return distribution(announcements, registry, &mut post.body);
    };
    let all: Vec<_> = announcements.iter().flat_map(|one| words(kind, one, registry)).collect();
    let mut bodies = all.iter().filter_map(|words| template.body(words));
    let body: Value = match kind {
        Kind::Azure | Kind::Cloudevents => bodies.collect(),
        Kind::Yandex => json!({"messages": bodies.collect::<Value>()}),
        Kind::Gar => bodies.next().map(pushed).unwrap_or_default(),
        _ => bodies.next().unwrap_or_default(),
    };
    post.body.extend_from_slice(body.to_string().as_bytes());
    post.headers.extend(all.first().map(|words| template.headers(words)));
    if let Some(secret) = secret {
        secret.sign(kind, post);
    }
}

/// Artifact Registry's message as Pub/Sub carries it.
fn pushed(mut body: Value) -> Value {
    let data = &mut body["message"]["data"];
    *data = BASE64.encode(data.to_string().as_bytes()).into();
    body
}

/// What templates name, of each event that the kind makes of an announcement, which most leave as it is.
fn words(kind: Kind, announcement: &Announcement, registry: &Registry) -> Vec<Value> {
    let operation = &announcement.operation;
    let events = match kind {
        Kind::Yandex | Kind::Cloudevents => events(operation),
        _ => vec![("", operation.digest(), operation.tag())],
    };
    let repository = registry.repository(announcement.repository);
    let (first, all_but_first) = repository.split_once('/').unwrap_or(("", &repository));
    let (all_but_last, last) = repository.rsplit_once('/').unwrap_or_default();
    let time = Timestamp::from_second(announcement.at).unwrap_or_default();
    let in_china = time.to_zoned(TimeZone::fixed(offset(8)));
    let (is_push, is_index) =
        (operation.is_push(), matches!(operation, Operation::Push(Push { index: true, .. })));
    let all = events.into_iter().enumerate().map(|(index, (event, digest, tag))| {
        let digest = digest.to_string();
        // Who deletes a tag names no digest, and who deletes by digest no tag.
        let named_digest = (!matches!(operation, Operation::DeleteTag { .. })).then_some(&digest);
        let named_tag = Some(tag).filter(|tag| !tag.is_empty() && !matches!(operation, Operation::Delete { .. }));
        let (sign, version) = if tag.is_empty() { ("@", digest.as_str()) } else { (":", tag) };
        json!({
            "is_push": is_push, "event": event, "index": index.to_string(),
            "id": registry.id(1, announcement.number).to_string(), "number": announcement.number,
            "seconds": announcement.at, "time": time.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            "time_in_china": in_china.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            "repository": repository, "first": first, "all_but_first": all_but_first,
            "all_but_last": all_but_last, "last": last,
            "tag": tag, "named_tag": named_tag, "digest": digest, "named_digest": named_digest,
            "hex": digest.trim_start_matches("sha256:"), "sign": sign, "version": version,
            "reference": named_tag.unwrap_or(&digest),
            "subject": named_tag.map_or_else(|| repository.clone(), |tag| format!("{repository}:{tag}")),
            "media_type": format!("application/vnd.oci.image.{}.v1+json", if is_index { "index" } else { "manifest" }),
            "size": is_push.then_some(3023),
        })
    });
    all.collect()
}

/// What a change means for readers, as other gateways tell it: the event's type, image and tag.
fn events(operation: &Operation) -> Vec<(&'static str, Digest, &str)> {
    let (digest, tag) = (operation.digest(), operation.tag());
    match operation {
        Operation::Push(Push { first, was, .. }) => {
            let image = first.then_some(("CreateImage", digest, tag));
            let old = was.map(|was| ("DeleteImageTag", was, tag));
            image.into_iter().chain(old).chain([("CreateImageTag", digest, tag)]).collect()
        }
        Operation::Delete { .. } => vec![("DeleteImage", digest, "")],
        Operation::DeleteTag { .. } => vec![("DeleteImageTag", digest, tag)],
        Operation::PushBlob(_) | Operation::DeleteBlob(_) => Vec::new(),
    }
}

fn distribution(announcements: &[Announcement], registry: &Registry, body: &mut Vec<u8>) {
    let names: Vec<_> = announcements.iter().map(|one| registry.repository(one.repository)).collect();
    let all = announcements.iter().zip(&names).map(|(one, repository)| Notification {
        number: one.number,
        request: one.request,
        repository,
        change: match &one.operation {
            Operation::Push(Push { digest, index, .. }) => {
                Change::Push { digest: *digest, tag: one.operation.tag(), index: *index }
            }
            Operation::PushBlob(digest) => Change::PushBlob(*digest),
            Operation::Delete { digest, .. } | Operation::DeleteBlob(digest) => Change::DeleteDigest(*digest),
            Operation::DeleteTag { tag, .. } => Change::DeleteTag(tag),
        },
    });
    registry.body(all, body);
}
