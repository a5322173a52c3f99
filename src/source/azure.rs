//! Azure Container Registry: Event Grid in its own schema and in CloudEvents', and the registry's own webhook.
//!
//! Published in MicrosoftDocs azure-docs, *Azure Container Registry as an Event Grid source*, and
//! azure-management-docs `articles/container-registry/container-registry-webhook-reference.md`.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::cloud_event::{self, CloudEvent};
use super::fields::{Facts, Verb, repeat};
use super::json::{self, Part, Place};
use super::text::{Size, Text, Time, nullable};
use super::{Handshake, Item, Reading, Request, Settings, Unreadable};

/// What stands around the data, in either schema; the registry's own webhook sends the data alone.
struct Envelope<'a> {
    event: CloudEvent<'a>,
    grid: EventGrid<'a>,
}

/// What Event Grid's own schema calls otherwise than CloudEvents.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct EventGrid<'a> {
    topic: Text<'a>,
    event_type: Text<'a>,
    event_time: Time,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Data<'a> {
    timestamp: Time,
    action: Text<'a>,
    #[serde(deserialize_with = "nullable")]
    target: Target<'a>,
    #[serde(deserialize_with = "nullable")]
    request: Cause<'a>,
    #[serde(deserialize_with = "nullable")]
    actor: Actor<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Target<'a> {
    media_type: Text<'a>,
    size: Size,
    digest: Text<'a>,
    repository: Text<'a>,
    tag: Text<'a>,
    name: Text<'a>,
    version: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Cause<'a> {
    id: Text<'a>,
    host: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Actor<'a> {
    name: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Validation<'a> {
    validation_code: Text<'a>,
}

pub(super) fn read(settings: &Settings, request: &Request<'_>) -> Result<Reading, Unreadable> {
    let is =
        |name: &str| request.header("aeg-event-type").is_some_and(|kind| kind.eq_ignore_ascii_case(name));
    if is("SubscriptionDeletion") {
        return Ok(Reading::Answer(Handshake::ok()));
    }
    if request.headers.contains_key("ce-type") {
        return binary(settings, request);
    }
    let mut items = Vec::new();
    for raw in json::list::<&RawValue>(request.body, Place::Bare, &settings.limits)? {
        let item = raw.and_then(|raw| {
            let envelope = Envelope { event: json::part(Some(raw))?, grid: json::part(Some(raw))? };
            let is_bare = envelope.kind().is_empty();
            Ok((json::part(if is_bare { Some(raw) } else { envelope.event.data }), envelope))
        });
        match item {
            Ok((_, envelope)) if envelope.kind() == "Microsoft.EventGrid.SubscriptionValidationEvent" => {
                return validation(envelope.event.data);
            }
            Ok((Ok(data), envelope)) => items.push(item_of(&envelope, &data, settings)),
            Ok((Err(_), envelope)) if verb(envelope.kind(), &Data::default()).is_err() => {
                items.push(Item::Ignored("unknown_type"));
            }
            Ok((Err(unreadable), _)) | Err(unreadable) => items.push(Item::Unreadable(unreadable)),
        }
    }
    Ok(Reading::Items(items))
}

fn binary(settings: &Settings, request: &Request<'_>) -> Result<Reading, Unreadable> {
    let items = cloud_event::read(request, &settings.limits)?.into_iter().map(|event| {
        let event = event?;
        let data = json::part(event.data)?;
        Ok(item_of(&Envelope { event, grid: EventGrid::default() }, &data, settings))
    });
    Ok(Reading::Items(items.map(|item| item.unwrap_or_else(Item::Unreadable)).collect()))
}

/// The answer by which Event Grid knows that its events are wanted here.
fn validation(data: Part<'_>) -> Result<Reading, Unreadable> {
    let Validation { validation_code } = json::part(data)?;
    if validation_code.is_empty() {
        return Err(Unreadable::malformed("no validation code"));
    }
    let body = serde_json::json!({ "validationResponse": &*validation_code }).to_string();
    let headers = vec![("content-type", "application/json".to_owned())];
    Ok(Reading::Answer(Handshake { headers, body, ..Handshake::ok() }))
}

impl Envelope<'_> {
    fn kind(&self) -> &str {
        if self.event.event_type.is_empty() { &self.grid.event_type } else { &self.event.event_type }
    }

    fn source(&self) -> &str {
        if self.event.source.is_empty() { &self.grid.topic } else { &self.event.source }
    }
}

fn item_of(envelope: &Envelope<'_>, data: &Data<'_>, settings: &Settings) -> Item {
    let kind = if envelope.kind().is_empty() { &*data.action } else { envelope.kind() };
    let verb = match verb(kind, data) {
        Ok(verb) => verb,
        Err(why) => return Item::Ignored(why),
    };
    let (target, source) = (&data.target, envelope.source());
    let named = registry(source);
    let is_chart = matches!(verb, Verb::PutChart | Verb::DeleteChart);
    let version = target.version.strip_suffix(".tgz").unwrap_or(&target.version);
    let facts = Facts {
        id: &envelope.event.id,
        repeat: repeat([&envelope.event.id, source]),
        request: &data.request.id,
        at: data.timestamp.0.or(envelope.event.time.0).or(envelope.grid.event_time.0),
        actor: &data.actor.name,
        registry: if data.request.host.is_empty() { &named } else { &data.request.host },
        repository: if is_chart { &target.name } else { &target.repository },
        tag: if is_chart { version } else { &target.tag },
        digest: &target.digest,
        media_type: &target.media_type,
        size: target.size.0,
        ..Facts::default()
    };
    facts.item(verb, &settings.limits)
}

/// What the type (the part behind the last dot: older pages print it without its prefix) or the webhook's action
/// asks for.
fn verb(kind: &str, data: &Data<'_>) -> Result<Verb, &'static str> {
    Ok(match kind.rsplit('.').next().unwrap_or_default() {
        "ImagePushed" | "push" => Verb::Push,
        // No tag is ever told as deleted; and only a repository's deletion names no digest.
        "ImageDeleted" | "delete" if data.target.digest.is_empty() => Verb::DeleteOrRepository,
        "ImageDeleted" | "delete" => Verb::DeleteManifest,
        "ChartPushed" | "chart_push" => Verb::PutChart,
        "ChartDeleted" | "chart_delete" => Verb::DeleteChart,
        "quarantine" => return Err("quarantine"),
        "ping" => return Err("ping"),
        _ => return Err("unknown_type"),
    })
}

/// The host of the registry that a resource id names, in the public cloud; for charts, which have no request.
fn registry(resource: &str) -> String {
    match resource.rsplit_once("/registries/") {
        Some((_, name)) if !name.is_empty() => format!("{}.azurecr.io", name.to_lowercase()),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Action;
    use crate::source::Kind;
    use crate::source::sample::{self, Sample};

    #[test]
    fn every_sample() {
        sample::check_all(Kind::Azure);
    }

    fn load(case: &str) -> Sample {
        Sample::load(&format!("azure/{case}"))
    }

    #[test]
    fn every_shape_of_one_push_is_the_same_notification() {
        let told = load("cloudevents-image-pushed").told(Kind::Azure);
        assert_eq!((told.registry.as_str(), told.size), ("demo.azurecr.io", 3023));
        assert_eq!(told.at.unwrap().to_string(), "2018-04-25T21:39:47.276585742Z");
        for case in
            ["cloudevents-image-pushed.single", "eventgrid-image-pushed", "eventgrid-image-pushed.short-type"]
        {
            assert_eq!(load(case).told(Kind::Azure), told, "{case}");
        }
        let event: serde_json::Value =
            serde_json::from_slice(&load("cloudevents-image-pushed.single").body).unwrap();
        let binary = Sample::json(event["data"].to_string())
            .with("ce-id", event["id"].as_str().unwrap())
            .with("ce-source", event["source"].as_str().unwrap())
            .with("ce-type", event["type"].as_str().unwrap())
            .with("ce-time", event["time"].as_str().unwrap());
        assert_eq!(binary.told(Kind::Azure), told);
    }

    #[test]
    fn charts() {
        let told = load("webhook-chart-push").told(Kind::Azure);
        assert_eq!((told.registry.as_str(), told.repository.as_str()), ("", "wordpress"));
        assert!(matches!(told.action, Action::PutChart { version, .. } if version == "5.4.0"));
        let told = load("cloudevents-chart-deleted").told(Kind::Azure);
        assert_eq!(told.at.unwrap().to_string(), "2019-03-12T22:42:08.3783775Z");
        assert!(matches!(told.action, Action::DeleteChart { version, .. } if version == "1.0.0"));
    }

    #[test]
    fn the_validation_code_is_sent_back() {
        let expected: serde_json::Value =
            serde_json::from_slice(&sample::file("azure/eventgrid-subscription-validation.response.json"))
                .unwrap();
        // The body alone suffices.
        for sample in [
            load("eventgrid-subscription-validation"),
            load("eventgrid-subscription-validation").without("aeg-event-type"),
        ] {
            let Reading::Answer(answer) = sample.read(&Settings::new(Kind::Azure, "a")) else { panic!() };
            assert_eq!(answer.status, 200);
            assert_eq!(serde_json::from_str::<serde_json::Value>(&answer.body).unwrap(), expected);
        }
    }

    #[test]
    fn the_end_of_a_subscription_needs_no_body() {
        let sample = Sample::json("").with("aeg-event-type", "SubscriptionDeletion");
        assert_eq!(sample.read(&Settings::new(Kind::Azure, "a")), Reading::Answer(Handshake::ok()));
    }

    #[test]
    fn a_delete_without_digest_is_the_repositorys() {
        let action = |target: &str| {
            let item = Sample::json(format!(r#"{{"id":"1","action":"delete","target":{target}}}"#))
                .item(Kind::Azure);
            if let Item::Told(told) = item { Some(told.action) } else { None }
        };
        assert_eq!(action(r#"{"repository":"a"}"#), Some(Action::DeleteRepository));
        assert_eq!(action(r#"{"repository":"a","digest":"sha256:short"}"#), None);
    }

    #[test]
    fn what_is_no_event() {
        for (body, why) in [
            (r#"{"action":"ping"}"#, "ping"),
            (r#"{"action":"quarantine","target":{}}"#, "quarantine"),
            (r#"[{"id":"1","type":"Microsoft.ContainerRegistry.New","data":{"target":7}}]"#, "unknown_type"),
            (r#"{"id":"1","type":"Microsoft.ContainerRegistry.New","data":"x"}"#, "unknown_type"),
            ("{}", "unknown_type"),
        ] {
            assert_eq!(Sample::json(body).item(Kind::Azure), Item::Ignored(why), "{body}");
        }
    }
}
