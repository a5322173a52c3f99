//! zot: its events extension, CloudEvents in binary mode.
//!
//! Published in project-zot/zot `pkg/extensions/events/`.

use serde::Deserialize;

use super::cloud_event::{self, CloudEvent};
use super::fields::{Facts, Verb, repeat};
use super::json;
use super::text::{Text, nullable};
use super::{Item, Request, Settings, Unreadable};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Data<'a> {
    name: Text<'a>,
    /// A tag, or the digest.
    reference: Text<'a>,
    digest: Text<'a>,
    media_type: Text<'a>,
    #[serde(deserialize_with = "nullable")]
    actor: Actor<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Actor<'a> {
    name: Text<'a>,
}

pub(super) fn read(settings: &Settings, request: &Request<'_>) -> Result<Vec<Item>, Unreadable> {
    let events = cloud_event::read(request, &settings.limits)?.into_iter();
    let items = events.map(|event| event.and_then(|event| item(&event, settings)));
    Ok(items.map(|item| item.unwrap_or_else(Item::Unreadable)).collect())
}

fn item(event: &CloudEvent<'_>, settings: &Settings) -> Result<Item, Unreadable> {
    let verb = match event.event_type.strip_prefix("zotregistry.").unwrap_or(&event.event_type) {
        "image.updated" => Verb::Push,
        "image.deleted" => Verb::Delete,
        "image.scanned" if settings.scans => Verb::Scan,
        "image.scanned" => return Ok(Item::Ignored("scan")),
        "image.lint_failed" => return Ok(Item::Ignored("lint")),
        "repository.created" => return Ok(Item::Ignored("repository_created")),
        _ => return Ok(Item::Ignored("unknown_type")),
    };
    let data: Data<'_> = json::part(event.data)?;
    let facts = Facts {
        id: &event.id,
        repeat: repeat([&event.id, &event.source]),
        at: event.time.0,
        actor: &data.actor.name,
        repository: &data.name,
        tag: &data.reference,
        digest: if data.digest.is_empty() { &data.reference } else { &data.digest },
        media_type: &data.media_type,
        ..Facts::default()
    };
    Ok(facts.item(verb, &settings.limits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Action;
    use crate::source::Kind;
    use crate::source::sample::{self, Sample};

    #[test]
    fn every_sample() {
        sample::check_all(Kind::Zot);
    }

    fn load(case: &str) -> Sample {
        Sample::load(&format!("zot/{case}"))
    }

    #[test]
    fn a_reference_is_a_tag_or_a_digest() {
        let action = |case: &str| load(case).told(Kind::Zot).action;
        assert!(matches!(action("image-updated-tag"), Action::Put { tag: Some(tag), .. } if tag == "latest"));
        assert!(matches!(action("image-updated-digest"), Action::Put { tag: None, .. }));
        assert!(matches!(action("image-deleted-tag"), Action::DeleteTag { digest: Some(_), .. }));
        assert!(matches!(action("image-deleted-digest"), Action::Delete { tag: None, .. }));
    }

    #[test]
    fn the_attributes_stand_in_the_head() {
        let told = load("image-updated-tag-with-actor").told(Kind::Zot);
        assert_eq!(
            (told.id.as_str(), told.actor.as_str()),
            ("0f9b1f2e-9f3e-4b57-8a52-2d4e2f7a9c13", "ci-bot")
        );
        assert_eq!(told.at.unwrap().to_string(), "2026-07-02T10:20:33.123456789Z");
        assert_eq!(told.registry, "");
        let bare = load("image-updated-tag").without("ce-type");
        assert_eq!(bare.item(Kind::Zot), Item::Ignored("unknown_type"));
    }

    #[test]
    fn what_is_no_event() {
        assert_eq!(load("repository-created").item(Kind::Zot), Item::Ignored("repository_created"));
        assert_eq!(load("image-scanned").item(Kind::Zot), Item::Ignored("scan"));
    }
}
