//! Events as another gateway sends them: what a change means for readers is the sender's work.

use serde_json::{Value, json};

use super::Fact;
use crate::notification::Digest;
use crate::simulator::{Operation, Push};

const PREFIX: &str = "yandex.cloud.events.containerregistry";

/// One event: its type, and the image and tag that it is about.
type Event<'a> = (&'static str, Digest, &'a str);

fn events<'a>(fact: &'a Fact<'_>) -> Vec<Event<'a>> {
    let tag = fact.tag();
    match &fact.announcement.operation {
        Operation::Push(Push { digest, first, was, .. }) => {
            let image = first.then_some(("CreateImage", *digest, tag));
            let old = was.map(|was| ("DeleteImageTag", was, tag));
            image.into_iter().chain(old).chain([("CreateImageTag", *digest, tag)]).collect()
        }
        Operation::Delete { digest, .. } => vec![("DeleteImage", *digest, "")],
        Operation::DeleteTag { digest, .. } => vec![("DeleteImageTag", *digest, tag)],
        Operation::PushBlob(_) | Operation::DeleteBlob(_) => Vec::new(),
    }
}

fn details(fact: &Fact<'_>, (_, digest, tag): Event<'_>) -> Value {
    json!({"image_digest": digest.to_string(), "image_id": "", "registry_id": "hub.example.com",
        "repository_name": fact.repository, "tag": tag})
}

/// `{"messages":[…]}`.
pub(super) fn envelope(facts: &[Fact<'_>]) -> Value {
    let messages = facts.iter().flat_map(|fact| {
        events(fact).into_iter().enumerate().map(move |(index, event)| {
            json!({"event_metadata": {"cloud_id": "cloud", "created_at": format!("{:.0}", fact.time),
                    "event_id": format!("{}-{index}", fact.id), "event_type": format!("{PREFIX}.{}", event.0),
                    "folder_id": "folder"},
                "details": details(fact, event)})
        })
    });
    json!({"messages": messages.collect::<Vec<_>>()})
}

/// The same as a batch of CloudEvents.
pub(super) fn batch(facts: &[Fact<'_>]) -> Value {
    let all = facts.iter().flat_map(|fact| {
        events(fact).into_iter().enumerate().map(move |(index, event)| {
            let subject = if event.2.is_empty() { fact.repository.clone() } else { format!("{}:{}", fact.repository, event.2) };
            json!({"specversion": "1.0", "id": format!("{}-{index}", fact.id), "source": "/registries/hub.example.com",
                "subject": subject, "type": format!("{PREFIX}.{}", event.0), "time": format!("{:.0}", fact.time),
                "data": details(fact, event)})
        })
    });
    all.collect()
}
