//! Google Artifact Registry and Container Registry, over a Pub/Sub push subscription, wrapped or not.
//!
//! Published in Google Cloud's documentation, *Configure Pub/Sub notifications* and *Push subscriptions*.

use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{Facts, Verb, repeat};
use super::json;
use super::reference::Reference;
use super::text::{Text, Time};
use super::{Item, Request, Settings, Unreadable};

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Envelope<'a> {
    message: Option<Message<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Message<'a> {
    data: Text<'a>,
    message_id: Text<'a>,
    publish_time: Time,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Change<'a> {
    action: Text<'a>,
    digest: Text<'a>,
    tag: Text<'a>,
}

pub(super) fn read(settings: &Settings, request: &Request<'_>) -> Result<Vec<Item>, Unreadable> {
    let raw: &RawValue = json::parse(request.body, &settings.limits)?;
    let Envelope { message } = json::part(Some(raw))?;
    let Some(message) = message else {
        // Unwrapped; these headers are there if the subscription writes metadata.
        let id = request.header("x-goog-pubsub-message-id").unwrap_or_default();
        let at = Time::parse(request.header("x-goog-pubsub-publish-time").unwrap_or_default());
        return Ok(vec![item(id, at, &json::part(Some(raw))?, settings)]);
    };
    if message.data.is_empty() {
        return Ok(vec![Item::Ignored("no_data")]);
    }
    let data =
        BASE64.decode(message.data.as_bytes()).map_err(|_| Unreadable::malformed("data is not base64"))?;
    let change: Change<'_> = json::parse(&data, &settings.limits)?;
    Ok(vec![item(&message.message_id, message.publish_time, &change, settings)])
}

fn item(id: &str, at: Time, change: &Change<'_>, settings: &Settings) -> Item {
    let verb = match &*change.action {
        "INSERT" => Verb::Push,
        "DELETE" => Verb::Delete,
        _ => return Item::Ignored("unknown_type"),
    };
    let (by_digest, by_tag) = (Reference::parse(&change.digest), Reference::parse(&change.tag));
    let name = if change.digest.is_empty() { by_tag } else { by_digest };
    let facts = Facts {
        id,
        repeat: repeat([id]),
        at: at.0,
        registry: name.registry,
        repository: name.repository,
        tag: by_tag.tag,
        digest: by_digest.digest,
        ..Facts::default()
    };
    facts.item(verb, &settings.limits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Action;
    use crate::source::sample::{self, Sample};
    use crate::source::{Kind, Reading};

    #[test]
    fn every_sample() {
        sample::check_all(Kind::Gar);
    }

    #[test]
    fn unwrapped_is_the_same_as_wrapped() {
        for case in ["delete-tag", "insert-digest", "insert-digest-and-tag"] {
            let wrapped = Sample::load(&format!("gar/pubsub-{case}")).told(Kind::Gar);
            let at = wrapped.at.unwrap().to_string();
            let bare = Sample::json(sample::file(&format!("gar/data-{case}.json")));
            assert_eq!(bare.told(Kind::Gar).action, wrapped.action);
            let bare =
                bare.with("x-goog-pubsub-message-id", &wrapped.id).with("x-goog-pubsub-publish-time", &at);
            assert_eq!(bare.told(Kind::Gar), wrapped);
        }
    }

    #[test]
    fn a_push_in_full() {
        let told = Sample::load("gar/pubsub-insert-digest-and-tag").told(Kind::Gar);
        assert_eq!(told.registry, "us-west1-docker.pkg.dev");
        assert_eq!(told.repository, "my-project/my-repo/hello-world");
        assert!(matches!(told.action, Action::Put { tag: Some(tag), .. } if tag == "1.1"));
    }

    fn wrap(data: &str) -> Sample {
        Sample::json(format!(r#"{{"message":{{"data":"{}"}}}}"#, BASE64.encode(data.as_bytes())))
    }

    #[test]
    fn the_data_is_as_strict_as_the_body() {
        let settings = Settings::new(Kind::Gar, "g");
        for body in [r#"{"action":"INSERT","action":"DELETE"}"#, "{} {}", "hello"] {
            assert!(matches!(wrap(body).read(&settings), Reading::Unreadable(_)), "{body}");
        }
        let body = r#"{"message":{"data":"***"}}"#;
        assert!(matches!(Sample::json(body).read(&settings), Reading::Unreadable(_)));
    }

    #[test]
    fn what_is_no_event() {
        assert_eq!(wrap(r#"{"action":"NEW"}"#).item(Kind::Gar), Item::Ignored("unknown_type"));
        assert_eq!(Sample::json(r#"{"message":{}}"#).item(Kind::Gar), Item::Ignored("no_data"));
        assert!(matches!(wrap(r#"{"action":"DELETE"}"#).item(Kind::Gar), Item::Unreadable(_)));
    }
}
