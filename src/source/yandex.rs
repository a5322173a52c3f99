//! Another gateway, or anything else that sends the envelope `{"messages":[…]}`: each message already is an
//! event, and is taken as it is.
//!
//! Published in yandex-cloud/docs `en/functions/concepts/trigger/cr-trigger.md`; this gateway's own additions to
//! `details` are read as well.

use serde::de::IgnoredAny;

use super::fields::{Facts, Verb, repeat};
use super::json::{self, Place};
use super::text::{Nullable, Scalar, Size, Text, Time};
use super::{Item, Request, Settings, Unreadable, trace};
use crate::event::{EventType, Via};
use crate::message::{EventDetails, EventMessage, EventMetadata, TracingContext, short_type};

type Message<'a> = EventMessage<Nullable<Metadata<'a>>, json::Part<'a>>;

/// What another gateway knows of its own is not taken over.
type Metadata<'a> = EventMetadata<Text<'a>, Time, Nullable<TracingContext<Text<'a>>>, IgnoredAny>;

/// What an event is about; the same in this gateway's CloudEvents form.
pub(super) type Details<'a> = EventDetails<Text<'a>, Size, IgnoredAny, json::Part<'a>>;

/// The texts of a list; of anything else none.
pub(super) fn names(list: json::Part<'_>) -> Vec<Text<'_>> {
    let all: Vec<Scalar<'_>> =
        list.and_then(|list| serde_json::from_str(list.get()).ok()).unwrap_or_default();
    let texts = all.into_iter().filter_map(|value| match value {
        Scalar::Text(text) => Some(text),
        _ => None,
    });
    texts.collect()
}

/// The type behind the last dot of its full name: the prefix is the sender's own.
pub(super) fn event_type(name: &str) -> Option<EventType> {
    short_type(name).parse().ok()
}

pub(super) fn read(settings: &Settings, request: &Request<'_>) -> Result<Vec<Item>, Unreadable> {
    let messages = json::list::<Message<'_>>(request.body, Place::Member("messages"), &settings.limits)?;
    let items = messages.into_iter().map(|message| message.and_then(|message| item(&message, settings)));
    Ok(items.map(|item| item.unwrap_or_else(Item::Unreadable)).collect())
}

fn item(message: &Message<'_>, settings: &Settings) -> Result<Item, Unreadable> {
    let Nullable(metadata) = &message.event_metadata;
    let Some(event_type) = event_type(&metadata.event_type) else { return Ok(Item::Ignored("unknown_type")) };
    let details: Details<'_> = json::part(message.details)?;
    let Nullable(tracing) = &metadata.tracing_context;
    let facts = Facts {
        id: &metadata.event_id,
        repeat: repeat([&metadata.event_id]),
        at: metadata.created_at.0,
        actor: &details.actor,
        registry: &details.registry_id,
        repository: &details.repository_name,
        tag: &details.tag,
        digest: &details.image_digest,
        media_type: &details.media_type,
        size: details.size.0,
        is_actor_cut: names(details.cut).iter().any(|name| &**name == "actor"),
        via: Via::of_names(names(details.via).iter().map(|name| &**name)),
        trace: trace::from_ids(&tracing.trace_id, &tracing.span_id, &tracing.parent_span_id),
        ..Facts::default()
    };
    Ok(facts.item(Verb::Told(event_type), &settings.limits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Action;
    use crate::source::Kind;
    use crate::source::sample::{self, Sample};

    #[test]
    fn every_sample() {
        sample::check_all(Kind::Yandex);
    }

    #[test]
    fn events_are_taken_as_they_are() {
        let items =
            Sample::load("yandex/batch-tag-moves-to-new-image").items(&Settings::new(Kind::Yandex, "y"));
        let types: Vec<_> = items
            .iter()
            .map(|item| match item {
                Item::Told(told) => match &told.action {
                    Action::Told { event_type, .. } => Some(*event_type),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        let expected = [EventType::CreateImage, EventType::DeleteImageTag, EventType::CreateImageTag];
        assert_eq!(types, expected.map(Some));
    }

    #[test]
    fn a_masked_sample_pins_the_shape() {
        let item = Sample::load("yandex/create-image.published").item(Kind::Yandex);
        let Item::Told(told) = item else { panic!("{item:?}") };
        assert!(matches!(told.action, Action::Told { digest, .. } if digest.is_empty()));
    }

    #[test]
    fn another_gateways_trace_goes_on() {
        let message = |trace: &str| {
            let body = format!(
                r#"{{"messages":[{{"event_metadata":{{"event_type":"x.CreateImage","tracing_context":{trace}}},
                   "details":{{"repository_name":"a","size":7,"actor":"b"}}}}]}}"#
            );
            Sample::json(body).told(Kind::Yandex)
        };
        let told = message(
            r#"{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","parent_span_id":""}"#,
        );
        assert_eq!(told.trace.unwrap().span_id, "00f067aa0ba902b7");
        assert_eq!((told.size, told.actor.as_str(), told.repeat), (7, "b", None));
        assert_eq!(message(r#"{"trace_id":"70e7","span_id":"-1"}"#).trace, None);
        assert_eq!(message("null").trace, None);
    }

    #[test]
    fn unknown_types_are_ignored() {
        let body = r#"{"messages":[{"event_metadata":{"event_type":"a.b.New"},"details":7},{}]}"#;
        let items = Sample::json(body).items(&Settings::new(Kind::Yandex, "y"));
        assert_eq!(items, [Item::Ignored("unknown_type"), Item::Ignored("unknown_type")]);
    }
}
