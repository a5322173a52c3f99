//! Anyone's events in this gateway's CloudEvents form: structured, in batches, or binary.

use super::cloud_event::{self, CloudEvent};
use super::fields::{Facts, Verb, repeat};
use super::yandex::{Details, event_type, names};
use super::{Item, Request, Settings, Unreadable, json, trace};
use crate::event::Via;

pub(super) fn read(settings: &Settings, request: &Request<'_>) -> Result<Vec<Item>, Unreadable> {
    let events = cloud_event::read(request, &settings.limits)?.into_iter();
    let items = events.map(|event| event.and_then(|event| item(&event, settings)));
    Ok(items.map(|item| item.unwrap_or_else(Item::Unreadable)).collect())
}

fn item(event: &CloudEvent<'_>, settings: &Settings) -> Result<Item, Unreadable> {
    let Some(event_type) = event_type(&event.event_type) else { return Ok(Item::Ignored("unknown_type")) };
    let details: Details<'_> = json::part(event.data)?;
    let (repository, tag) = event.subject.rsplit_once(':').unwrap_or((&event.subject, ""));
    let registry = event.source.strip_prefix("/registries/").unwrap_or_default();
    // The attributes say the same as the data; some senders fill in only them.
    let is_bare = details.repository_name.is_empty();
    let facts = Facts {
        id: &event.id,
        repeat: repeat([&event.id, &event.source]),
        at: event.time.0,
        actor: &details.actor,
        registry: if details.registry_id.is_empty() { registry } else { &details.registry_id },
        repository: if is_bare { repository } else { &details.repository_name },
        tag: if is_bare { tag } else { &details.tag },
        digest: &details.image_digest,
        media_type: &details.media_type,
        size: details.size.0,
        is_actor_cut: names(details.cut).iter().any(|name| &**name == "actor"),
        via: Via::of_names(names(details.via).iter().map(|name| &**name)),
        trace: trace::from_parent(event.traceparent.as_deref().unwrap_or_default()),
        ..Facts::default()
    };
    Ok(facts.item(Verb::Told(event_type), &settings.limits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Action, EventType};
    use crate::source::sample::Sample;
    use crate::source::{Kind, Reading};

    const DIGEST: &str = "sha256:29031a2ee24071c6c4f6254033d2cc6f86cdfb037b32ad3c8c3f0bb3e14ab29a";

    fn data() -> String {
        format!(
            r#"{{"registry_id":"hub.example.com","repository_name":"team/app","tag":"v1","image_digest":"{DIGEST}","size":418}}"#
        )
    }

    fn event() -> String {
        format!(
            r#"{{"specversion":"1.0","id":"crt1","source":"/registries/hub.example.com","subject":"team/app:v1",
               "type":"yandex.cloud.events.containerregistry.CreateImageTag","time":"2026-01-07T11:09:14Z",
               "traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","data":{}}}"#,
            data()
        )
    }

    #[test]
    fn every_mode_tells_the_same() {
        let told = Sample::json(event()).told(Kind::CloudEvents);
        assert_eq!((told.registry.as_str(), told.repository.as_str()), ("hub.example.com", "team/app"));
        assert_eq!(told.repeat.as_deref(), Some("crt1\n/registries/hub.example.com"));
        let action =
            Action::Told { event_type: EventType::CreateImageTag, digest: DIGEST.into(), tag: "v1".into() };
        assert_eq!(told.action, action);
        assert_eq!(Sample::json(format!("[{}]", event())).told(Kind::CloudEvents), told);
        let binary = Sample::json(data())
            .with("ce-id", "crt1")
            .with("ce-source", "/registries/hub.example.com")
            .with("ce-type", "CreateImageTag")
            .with("ce-subject", "team%2Fapp:v1")
            .with("ce-time", "2026-01-07T11:09:14Z")
            .with("ce-traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        assert_eq!(binary.told(Kind::CloudEvents), told);
        let bare = Sample { body: "{}".into(), ..binary }.told(Kind::CloudEvents);
        assert_eq!((bare.registry, bare.repository), (told.registry, told.repository));
    }

    #[test]
    fn what_is_no_event() {
        let item = |body: &str| Sample::json(body).item(Kind::CloudEvents);
        assert_eq!(item(r#"{"type":"com.example.New","data":7}"#), Item::Ignored("unknown_type"));
        assert_eq!(item("{}"), Item::Ignored("unknown_type"));
        assert!(matches!(item(r#"{"type":"CreateImage"}"#), Item::Unreadable(_)));
        let settings = Settings::new(Kind::CloudEvents, "c");
        assert!(matches!(Sample::json("7").read(&settings), Reading::Items(items) if items.len() == 1));
    }
}
