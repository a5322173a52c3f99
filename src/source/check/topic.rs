//! Messages of Amazon SNS: on a listed topic, fresh, and signed by SNS.

use data_encoding::BASE64;
use jiff::Timestamp;
use ring::signature;

use super::{Keys, Refusal};
use crate::source::sns::SnsMessage;
use crate::source::{Kind, Request, Settings};

/// Older messages are refused: twice as long as SNS repeats one for.
const MAX_AGE: i64 = 2 * 60 * 60;

/// How far SNS's clock may be ahead of ours.
const LEEWAY: i64 = 5 * 60;

/// Whether the request says it is a message of a topic, and the source takes topics. Its proof is then the
/// message's signature: SNS sends no credentials of ours.
pub(super) fn is_message(settings: &Settings, request: &Request<'_>) -> bool {
    settings.kind == Kind::Ecr
        && !settings.topics.is_empty()
        && request.headers.contains_key("x-amz-sns-message-type")
}

pub(super) fn check(
    settings: &Settings,
    request: &Request<'_>,
    keys: &Keys,
    now: Timestamp,
) -> Result<(), Refusal> {
    let message = SnsMessage::read(request.body, &settings.limits).ok_or(refused("no message of a topic"))?;
    if !settings.topics.iter().any(|topic| **topic == *message.topic_arn) {
        return Err(Refusal::Forbidden("topic"));
    }
    let age = message.sent().0.map(|sent| now.as_second() - sent.as_second());
    if !age.is_some_and(|age| (-LEEWAY..=MAX_AGE).contains(&age)) {
        return Err(refused("stale message"));
    }
    let algorithm = match &*message.signature_version {
        "1" => &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        "2" => &signature::RSA_PKCS1_2048_8192_SHA256,
        _ => return Err(refused("unknown version of the signature")),
    };
    if !message.may_fetch_certificate() {
        return Err(refused("certificate of another host"));
    }
    let url = &*message.signing_cert_url;
    let signature =
        BASE64.decode(message.signature.as_bytes()).map_err(|_| refused("signature is not base64"))?;
    match keys.certificate_signed(url, now, algorithm, message.signed_text().as_bytes(), &signature) {
        Some(true) => Ok(()),
        Some(false) => Err(refused("wrong signature")),
        None => Err(Refusal::NeedsKey(url.to_owned())),
    }
}

fn refused(why: &'static str) -> Refusal {
    Refusal::Unauthenticated(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::sample::{self, Sample};
    use crate::source::{Credential, Item, Reading, read, verify};

    const TOPIC: &str = "arn:aws:sns:us-west-2:123456789012:MyTopic";
    const URL: &str =
        "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem";

    fn settings() -> Settings {
        Settings { topics: vec!["arn:other".into(), TOPIC.into()], ..Settings::new(Kind::Ecr, "e") }
    }

    fn keys() -> Keys {
        let mut keys = Keys::default();
        keys.add(URL, &sample::file("ecr/signed/certificate.pem")).unwrap();
        keys
    }

    fn message(case: &str) -> Sample {
        Sample::load(&format!("ecr/signed/{case}")).with("x-amz-sns-message-type", "Notification")
    }

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn now() -> Timestamp {
        at("2026-12-01T12:05:00Z")
    }

    fn outcome(sample: &Sample) -> Result<Reading, Refusal> {
        let settings = settings();
        verify(&settings, sample.request(), &keys(), now()).map(|verified| read(&settings, &verified))
    }

    fn replaced(case: &str, from: &str, to: &str) -> Sample {
        let mut sample = message(case);
        let body = String::from_utf8(sample.body).unwrap();
        assert!(body.contains(from), "{case} has no {from}");
        sample.body = body.replace(from, to).into();
        sample
    }

    #[test]
    fn both_versions_of_the_signature_fit() {
        for case in ["notification-v1", "notification-v2"] {
            let Ok(Reading::Items(items)) = outcome(&message(case)) else { panic!("{case}") };
            assert!(matches!(&items[..], [Item::Told(_)]), "{case}");
        }
    }

    #[test]
    fn a_checked_confirmation_is_followed_and_an_end_is_not() {
        let reading = outcome(&message("subscription-confirmation-v2"));
        assert!(matches!(reading, Ok(Reading::Confirm { url }) if url.starts_with("https://sns.us-west-2.")));
        // Signed well, and still nothing but SNS may be asked.
        assert!(matches!(outcome(&message("another-host")), Ok(Reading::Answer(_))));
        assert!(matches!(outcome(&message("unsubscribe-confirmation-v1")), Ok(Reading::Answer(_))));
    }

    #[test]
    fn what_was_changed_is_refused() {
        for (case, from, to) in [
            ("notification-v1", "latest", "newest"),
            ("notification-v1", "22b80b92", "22b80b93"),
            ("notification-v1", "12:00:00", "12:00:01"),
            ("notification-v2", "Image pushed", "Image pulled"),
            ("notification-v2", "\"Subject\": \"Image pushed\",", ""),
            ("notification-v1", "\"SignatureVersion\": \"1\"", "\"SignatureVersion\": \"2\""),
            ("notification-v1", "\"SignatureVersion\": \"1\"", "\"SignatureVersion\": \"3\""),
            ("notification-v1", "\"Signature\": \"", "\"Signature\": \"AAAA"),
            ("notification-v1", "\"Signature\": \"", "\"Signature\": \"\", \"x\": \""),
            ("notification-v1", "\"Signature\": \"", "\"x\": \""),
            ("subscription-confirmation-v2", "Token=2336", "Token=2337"),
            ("subscription-confirmation-v2", "\"SubscriptionConfirmation\"", "\"UnsubscribeConfirmation\""),
        ] {
            let refused = outcome(&replaced(case, from, to));
            assert!(matches!(refused, Err(Refusal::Unauthenticated(_))), "{case} {from}: {refused:?}");
        }
        assert!(matches!(outcome(&message("another-key")), Err(Refusal::Unauthenticated(_))));
        let cut =
            Sample { body: message("notification-v1").body[..500].to_vec(), ..message("notification-v1") };
        assert!(matches!(outcome(&cut), Err(Refusal::Unauthenticated(_))));
    }

    #[test]
    fn another_topic_is_forbidden() {
        let other = replaced("notification-v1", ":MyTopic", ":MyTopi");
        assert_eq!(outcome(&other), Err(Refusal::Forbidden("topic")));
    }

    #[test]
    fn stale_messages_are_refused() {
        let sample = message("notification-v2");
        let verified = |now| verify(&settings(), sample.request(), &keys(), at(now)).map(|_| ());
        assert_eq!(verified("2026-12-01T14:00:00Z"), Ok(()));
        assert_eq!(verified("2026-12-01T11:55:00Z"), Ok(()));
        for now in ["2026-12-01T14:00:01Z", "2026-12-01T11:54:59Z", "2027-12-01T12:00:00Z"] {
            assert_eq!(verified(now), Err(Refusal::Unauthenticated("stale message")), "{now}");
        }
    }

    #[test]
    fn a_certificate_is_asked_for_only_of_sns() {
        let (settings, sample) = (settings(), message("notification-v1"));
        let refused = verify(&settings, sample.request(), &Keys::default(), now()).map(|_| ());
        assert_eq!(refused, Err(Refusal::NeedsKey(URL.into())));
        for host in ["sns.us-west-2.amazonaws.com.example.com", "example.com"] {
            let sample = replaced(
                "notification-v1",
                "https://sns.us-west-2.amazonaws.com/Simple",
                &format!("https://{host}/Simple"),
            );
            let refused = verify(&settings, sample.request(), &Keys::default(), now()).map(|_| ());
            assert_eq!(refused, Err(Refusal::Unauthenticated("certificate of another host")), "{host}");
        }
    }

    #[test]
    fn a_source_with_topics_takes_nothing_that_is_unsigned() {
        let raw = Sample::load("ecr/eventbridge-push");
        assert!(matches!(outcome(&raw), Err(Refusal::Unauthenticated(_))));
        // An API destination beside the topic has a credential of its own, which messages need not show.
        let mut both = settings();
        both.credentials = vec![Credential::Header { name: "x-api-key".into(), value: "opensesame".into() }];
        let verified = |sample: &Sample| verify(&both, sample.request(), &keys(), now()).map(|_| ());
        assert_eq!(verified(&message("notification-v1")), Ok(()));
        assert!(verified(&raw).is_err());
        assert_eq!(verified(&raw.with("x-api-key", "opensesame")), Ok(()));
        assert!(verified(&message("another-key").with("x-api-key", "opensesame")).is_err());
    }
}
