//! Amazon ECR, over an EventBridge API destination (the event as it is) or SNS (the event as a text in a message).
//!
//! Published in awsdocs/amazon-ecr-user-guide, *Amazon ECR events and EventBridge*, and
//! awsdocs/amazon-sns-developer-guide, *HTTP/HTTPS notification JSON*.

use serde::Deserialize;

use super::fields::{Facts, Verb, repeat};
use super::json::{self, Part, Place};
use super::sns::SnsMessage;
use super::text::{Text, Time, nullable};
use super::{Handshake, Item, Reading, Request, Settings, Unreadable};

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Event<'a> {
    id: Text<'a>,
    #[serde(rename = "detail-type")]
    kind: Text<'a>,
    account: Text<'a>,
    region: Text<'a>,
    time: Time,
    #[serde(borrow)]
    detail: Part<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", bound(deserialize = "'de: 'a"))]
struct Detail<'a> {
    result: Text<'a>,
    action_type: Text<'a>,
    repository_name: Text<'a>,
    image_digest: Text<'a>,
    image_tag: Text<'a>,
    manifest_media_type: Text<'a>,
    scan_status: Text<'a>,
    #[serde(deserialize_with = "nullable")]
    image_tags: Vec<Text<'a>>,
}

/// `is_checked`: SNS's signature and topic were, so its question may be answered.
pub(super) fn read(
    settings: &Settings,
    request: &Request<'_>,
    is_checked: bool,
) -> Result<Reading, Unreadable> {
    let Some(message) = SnsMessage::read(request.body, &settings.limits) else {
        return items(settings, request.body);
    };
    match &*message.kind {
        "Notification" => items(settings, message.message.as_bytes()),
        "SubscriptionConfirmation" if is_checked && message.may_subscribe() => {
            Ok(Reading::Confirm { url: message.subscribe_url.to_string() })
        }
        "SubscriptionConfirmation" | "UnsubscribeConfirmation" => Ok(Reading::Answer(Handshake::ok())),
        _ => Ok(Reading::Items(vec![Item::Ignored("unknown_type")])),
    }
}

fn items(settings: &Settings, json: &[u8]) -> Result<Reading, Unreadable> {
    let events = json::list::<Event<'_>>(json, Place::Bare, &settings.limits)?;
    let items = events.into_iter().map(|event| event.and_then(|event| item(&event, settings)));
    Ok(Reading::Items(items.map(|item| item.unwrap_or_else(Item::Unreadable)).collect()))
}

fn item(event: &Event<'_>, settings: &Settings) -> Result<Item, Unreadable> {
    let is_scan = match &*event.kind {
        "ECR Image Action" => false,
        "ECR Image Scan" if settings.scans => true,
        "ECR Image Scan" => return Ok(Item::Ignored("scan")),
        _ => return Ok(Item::Ignored("unknown_type")),
    };
    let detail: Detail<'_> = json::part(event.detail)?;
    let verb = match (&*detail.action_type, &*detail.result) {
        _ if is_scan && &*detail.scan_status == "COMPLETE" => Verb::Scan,
        _ if is_scan => return Ok(Item::Ignored("scan")),
        (_, result) if result != "SUCCESS" => return Ok(Item::Ignored("failed")),
        ("PUSH", _) => Verb::Push,
        ("DELETE", _) => Verb::Delete,
        _ => return Ok(Item::Ignored("unknown_type")),
    };
    let tag = match &detail.image_tags[..] {
        [only] if is_scan => only,
        _ => &detail.image_tag,
    };
    let facts = Facts {
        id: &event.id,
        repeat: repeat([&event.id]),
        at: event.time.0,
        registry: &registry(event),
        repository: &detail.repository_name,
        tag,
        digest: &detail.image_digest,
        media_type: &detail.manifest_media_type,
        ..Facts::default()
    };
    Ok(facts.item(verb, &settings.limits))
}

fn registry(event: &Event<'_>) -> String {
    let (account, region) = (&*event.account, &*event.region);
    if account.is_empty() || region.is_empty() {
        return String::new();
    }
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("{account}.dkr.ecr.{region}.{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Action;
    use crate::source::Kind;
    use crate::source::sample::{self, Sample};

    #[test]
    fn every_sample() {
        sample::check_all(Kind::Ecr);
    }

    fn load(case: &str) -> Sample {
        Sample::load(&format!("ecr/{case}"))
    }

    #[test]
    fn a_topic_wraps_the_same_event() {
        let raw = load("eventbridge-push").told(Kind::Ecr);
        assert_eq!(load("sns-notification-push").told(Kind::Ecr), raw);
        assert_eq!(raw.registry, "123456789012.dkr.ecr.us-west-2.amazonaws.com");
        assert_eq!(raw.repeat.as_deref(), Some("13cde686-328b-6117-af20-0e5566167482"));
    }

    #[test]
    fn a_child_has_no_tag_and_a_tags_delete_names_its_digest() {
        let child = load("eventbridge-push-untagged-child").told(Kind::Ecr);
        assert!(matches!(child.action, Action::Put { tag: None, .. }));
        let delete = load("eventbridge-delete").told(Kind::Ecr);
        assert!(matches!(delete.action, Action::DeleteTag { digest: Some(_), .. }));
    }

    #[test]
    fn an_unchecked_confirmation_is_not_followed() {
        let sample = load("sns-subscription-confirmation");
        assert_eq!(sample.read(&Settings::new(Kind::Ecr, "e")), Reading::Answer(Handshake::ok()));
        let request = sample.request();
        let settings = Settings::new(Kind::Ecr, "e");
        let Ok(Reading::Confirm { url }) = read(&settings, &request, true) else { panic!() };
        assert!(url.starts_with("https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription"));
    }

    #[test]
    fn what_is_no_event() {
        for (body, why) in [
            (
                r#"{"detail-type":"ECR Image Action","detail":{"result":"FAILURE","action-type":"PUSH"}}"#,
                "failed",
            ),
            (r#"{"detail-type":"ECR Replication Action","detail":7}"#, "unknown_type"),
            (
                r#"{"detail-type":"ECR Image Action","detail":{"result":"SUCCESS","action-type":"X"}}"#,
                "unknown_type",
            ),
            (r#"{"Type":"New","Message":"","MessageId":"","TopicArn":""}"#, "unknown_type"),
        ] {
            assert_eq!(Sample::json(body).item(Kind::Ecr), Item::Ignored(why), "{body}");
        }
        assert_eq!(load("eventbridge-scan-ignored").item(Kind::Ecr), Item::Ignored("scan"));
    }

    #[test]
    fn china_has_a_domain_of_its_own() {
        let body =
            String::from_utf8(load("eventbridge-push").body).unwrap().replace("us-west-2", "cn-north-1");
        let told = Sample::json(body).told(Kind::Ecr);
        assert_eq!(told.registry, "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn a_text_that_is_no_event_is_unreadable() {
        let body = r#"{"Type":"Notification","MessageId":"1","TopicArn":"t","Message":"hello"}"#;
        let reading = Sample::json(body).read(&Settings::new(Kind::Ecr, "e"));
        assert!(matches!(reading, Reading::Unreadable(_)), "{reading:?}");
    }
}
