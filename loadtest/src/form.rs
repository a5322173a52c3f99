//! How notifications look on the wire: body and headers, a file for each family of kinds.

mod azure;
mod events;
mod google;
mod harbor;
mod packages;
mod plain;
mod sign;
mod zot;

#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::Value;

pub use sign::Secret;

use crate::kind::Kind;
use crate::notification::{Change, Notification, Registry};
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

/// One notification and what its form needs of it.
struct Fact<'a> {
    announcement: &'a Announcement,
    repository: String,
    /// Of the notification: the same again is a repeat.
    id: String,
    time: jiff::Timestamp,
}

impl Fact<'_> {
    /// The two parts of a name where a registry keeps them apart.
    fn halves(&self) -> (&str, &str) {
        self.repository.split_once('/').unwrap_or(("", &self.repository))
    }

    /// The tag that it is about, empty for none.
    fn tag(&self) -> &str {
        match &self.announcement.operation {
            Operation::Push(Push { tag, .. }) | Operation::Delete { tag, .. } => {
                tag.as_deref().unwrap_or_default()
            }
            Operation::DeleteTag { tag, .. } => tag,
            Operation::PushBlob(_) | Operation::DeleteBlob(_) => "",
        }
    }

    /// The digest that it is about.
    fn digest(&self) -> String {
        match &self.announcement.operation {
            Operation::Push(Push { digest, .. })
            | Operation::Delete { digest, .. }
            | Operation::DeleteTag { digest, .. }
            | Operation::PushBlob(digest)
            | Operation::DeleteBlob(digest) => digest.to_string(),
        }
    }

    fn is_push(&self) -> bool {
        matches!(self.announcement.operation, Operation::Push(_) | Operation::PushBlob(_))
    }

    /// What the manifest is.
    fn media_type(&self) -> &'static str {
        match &self.announcement.operation {
            Operation::Push(Push { index: true, .. }) => "application/vnd.oci.image.index.v1+json",
            _ => "application/vnd.oci.image.manifest.v1+json",
        }
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
    let facts: Vec<_> = announcements.iter().map(|announcement| fact(announcement, registry)).collect();
    let (body, first): (Value, _) = match kind {
        Kind::Distribution | Kind::Gitlab => {
            distribution(&facts, registry, &mut post.body);
            return;
        }
        Kind::Azure => (facts.iter().map(azure::event).collect(), facts.first()),
        Kind::Yandex => (events::envelope(&facts), None),
        Kind::Cloudevents => (events::batch(&facts), None),
        _ => {
            let Some(fact) = facts.first() else { return };
            let body = match kind {
                Kind::Harbor => harbor::default(fact),
                Kind::TencentTcr => harbor::first(fact),
                Kind::Ecr => plain::ecr(fact),
                Kind::Gar => google::push(fact),
                Kind::Dockerhub => plain::dockerhub(fact),
                Kind::Quay => plain::quay(fact),
                Kind::Alibaba => plain::alibaba(fact),
                Kind::Jfrog => packages::jfrog(fact),
                Kind::Nexus => packages::nexus(fact),
                Kind::Gitea => packages::gitea(fact),
                Kind::Ghcr => packages::ghcr(fact),
                _ => zot::data(fact),
            };
            (body, Some(fact))
        }
    };
    post.body.extend_from_slice(body.to_string().as_bytes());
    if let Some(fact) = first {
        headers(kind, fact, post);
    }
    if let Some(secret) = secret {
        secret.sign(kind, post);
    }
}

fn headers(kind: Kind, fact: &Fact<'_>, post: &mut Post) {
    match kind {
        Kind::Azure => post.header("aeg-event-type", "Notification"),
        Kind::Ghcr => packages::ghcr_headers(fact, post),
        Kind::Gitea => packages::gitea_headers(fact, post),
        Kind::Nexus => packages::nexus_headers(fact, post),
        Kind::Zot => zot::headers(fact, post),
        _ => {}
    }
}

fn fact<'a>(announcement: &'a Announcement, registry: &Registry) -> Fact<'a> {
    Fact {
        announcement,
        repository: registry.repository(announcement.repository),
        id: registry.id(1, announcement.number).to_string(),
        time: jiff::Timestamp::from_second(announcement.at).unwrap_or_default(),
    }
}

fn distribution(facts: &[Fact<'_>], registry: &Registry, body: &mut Vec<u8>) {
    let all = facts.iter().map(|fact| Notification {
        number: fact.announcement.number,
        request: fact.announcement.request,
        repository: &fact.repository,
        change: match &fact.announcement.operation {
            Operation::Push(Push { digest, index, .. }) => {
                Change::Push { digest: *digest, tag: fact.tag(), index: *index }
            }
            Operation::PushBlob(digest) => Change::PushBlob(*digest),
            Operation::Delete { digest, .. } | Operation::DeleteBlob(digest) => Change::DeleteDigest(*digest),
            Operation::DeleteTag { tag, .. } => Change::DeleteTag(tag),
        },
    });
    registry.body(all, body);
}
