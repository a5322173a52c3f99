//! Sonatype Nexus 3: the webhook *repository component*.
//!
//! Published in Sonatype's documentation, *Webhooks* and *Working with HMAC payloads*.

use serde::Deserialize;

use super::fields::{Facts, Verb, repeat};
use super::text::{Text, Time, nullable};
use super::{Item, Request, Settings, Unreadable, json};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    timestamp: Time,
    initiator: Text<'a>,
    repository_name: Text<'a>,
    action: Text<'a>,
    #[serde(deserialize_with = "nullable")]
    component: Component<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Component<'a> {
    format: Text<'a>,
    name: Text<'a>,
    version: Text<'a>,
}

pub(super) fn read(settings: &Settings, request: &Request<'_>) -> Result<Vec<Item>, Unreadable> {
    if request.header("x-nexus-webhook-id").is_some_and(|id| id != "rm:repository:component") {
        return Ok(vec![Item::Ignored("unknown_type")]);
    }
    let body: Body<'_> = json::parse(request.body, &settings.limits)?;
    let delivery = request.header("x-nexus-webhook-delivery").unwrap_or_default();
    Ok(vec![item(delivery, &body, settings)])
}

fn item(delivery: &str, body: &Body<'_>, settings: &Settings) -> Item {
    let component = &body.component;
    if &*component.format != "docker" {
        return Item::Ignored("other_package_type");
    }
    let verb = match &*body.action {
        "CREATED" | "UPDATED" => Verb::Push,
        "DELETED" => Verb::Delete,
        _ => return Item::Ignored("unknown_type"),
    };
    let repository = format!("{}/{}", &*body.repository_name, &*component.name);
    let is_named = !body.repository_name.is_empty() && !component.name.is_empty();
    let facts = Facts {
        id: delivery,
        repeat: repeat([delivery]),
        at: body.timestamp.0,
        actor: body.initiator.split('/').next().unwrap_or_default(),
        repository: if is_named { &repository } else { "" },
        tag: &component.version,
        ..Facts::default()
    };
    facts.item(verb, &settings.limits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Action;
    use crate::source::Kind;
    use crate::source::sample::{self, Sample};

    #[test]
    fn every_sample() {
        sample::check_all(Kind::Nexus);
    }

    #[test]
    fn a_component_in_full() {
        let told = Sample::load("nexus/component-created").told(Kind::Nexus);
        assert_eq!((told.repository.as_str(), told.actor.as_str()), ("app1/app1/alpine", "admin"));
        assert_eq!(told.at.unwrap().to_string(), "2020-04-05T21:49:44.219Z");
        assert_eq!(told.repeat.as_deref(), Some("7f4a6dde-5c68-4999-bcc0-a62f3fb8ae48"));
        assert_eq!(told.action, Action::PutTag { tag: "3.4".into() });
    }

    #[test]
    fn deletes_and_what_is_no_event() {
        let created = String::from_utf8(Sample::load("nexus/component-created").body).unwrap();
        let item = |from: &str, to: &str| Sample::json(created.replace(from, to)).item(Kind::Nexus);
        let Item::Told(told) = item("CREATED", "DELETED") else { panic!() };
        assert_eq!(told.action, Action::DeleteTag { tag: "3.4".into(), digest: None });
        assert_eq!(item("CREATED", "PURGED"), Item::Ignored("unknown_type"));
        assert_eq!(item("\"docker\"", "\"maven2\""), Item::Ignored("other_package_type"));
        let asset = Sample::json("{}").with("x-nexus-webhook-id", "rm:repository:asset").item(Kind::Nexus);
        assert_eq!(asset, Item::Ignored("unknown_type"));
    }
}
