//! JFrog Artifactory: webhooks of the domain `docker`.
//!
//! Published in JFrog's documentation, *Webhooks: event types*.

use serde::Deserialize;

use super::fields::{Facts, Verb};
use super::json::{self, Part, Place};
use super::reference::host;
use super::text::{Size, Text};
use super::{Item, Request, Settings, Unreadable};

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Hook<'a> {
    domain: Text<'a>,
    event_type: Text<'a>,
    #[serde(borrow)]
    data: Part<'a>,
    jpd_origin: Text<'a>,
    source: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Data<'a> {
    repo_key: Text<'a>,
    image_name: Text<'a>,
    tag: Text<'a>,
    sha256: Text<'a>,
    size: Size,
}

pub(super) fn read(settings: &Settings, request: &Request<'_>) -> Result<Vec<Item>, Unreadable> {
    let events = json::list::<Hook<'_>>(request.body, Place::Bare, &settings.limits)?.into_iter();
    let items = events.map(|event| event.and_then(|event| item(&event, settings)));
    Ok(items.map(|item| item.unwrap_or_else(Item::Unreadable)).collect())
}

/// No time and no id: the registry's state says what is a repeat.
fn item(event: &Hook<'_>, settings: &Settings) -> Result<Item, Unreadable> {
    let verb = match (&*event.domain, &*event.event_type) {
        ("docker", "pushed") => Verb::Push,
        // A manifest lies in its tag's folder, so a delete is always a tag's.
        ("docker", "deleted") => Verb::Delete,
        ("docker", "promoted") => return Ok(Item::Ignored("promoted")),
        _ => return Ok(Item::Ignored("unknown_type")),
    };
    let data: Data<'_> = json::part(event.data)?;
    let repository = format!("{}/{}", &*data.repo_key, &*data.image_name);
    let is_named = !data.repo_key.is_empty() && !data.image_name.is_empty();
    let digest = format!("sha256:{}", &*data.sha256);
    let facts = Facts {
        actor: event.source.strip_prefix("jfrog/").unwrap_or(&event.source),
        registry: host(&event.jpd_origin),
        repository: if is_named { &repository } else { "" },
        tag: &data.tag,
        digest: if data.sha256.is_empty() { "" } else { &digest },
        size: data.size.0,
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
        sample::check_all(Kind::Jfrog);
    }

    #[test]
    fn samples() {
        let told = Sample::load("jfrog/docker-pushed").told(Kind::Jfrog);
        assert_eq!(told.registry, "example.jfrog.io");
        assert_eq!(told.repository, "docker-remote-cache/library/ubuntu");
        assert_eq!((told.actor.as_str(), told.size, told.repeat), ("user@example.com", 1206, None));
        assert!(matches!(told.action, Action::Put { tag: Some(tag), .. } if tag == "latest"));
        let told = Sample::load("jfrog/docker-deleted").told(Kind::Jfrog);
        assert_eq!(told.action, Action::DeleteTag { tag: "sample_image".into(), digest: None });
    }

    #[test]
    fn what_is_no_event() {
        for (body, why) in [
            (r#"{"domain":"docker","event_type":"promoted"}"#, "promoted"),
            (r#"{"domain":"artifact","event_type":"deployed","data":7}"#, "unknown_type"),
            ("{}", "unknown_type"),
        ] {
            assert_eq!(Sample::json(body).item(Kind::Jfrog), Item::Ignored(why), "{body}");
        }
    }
}
