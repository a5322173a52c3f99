//! The message in which Amazon SNS wraps what it delivers.
//!
//! Published in awsdocs/amazon-sns-developer-guide, *HTTP/HTTPS notification JSON* and *Verifying the signatures
//! of Amazon SNS messages*.

use serde::Deserialize;

use super::Limits;
use super::json;
use super::text::{Text, Time};

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct SnsMessage<'a> {
    #[serde(rename = "Type")]
    pub(super) kind: Text<'a>,
    pub(super) message_id: Text<'a>,
    pub(super) topic_arn: Text<'a>,
    pub(super) subject: Option<Text<'a>>,
    pub(super) message: Text<'a>,
    pub(super) timestamp: Text<'a>,
    pub(super) token: Text<'a>,
    #[serde(rename = "SubscribeURL")]
    pub(super) subscribe_url: Text<'a>,
    pub(super) signature_version: Text<'a>,
    pub(super) signature: Text<'a>,
    #[serde(rename = "SigningCertURL")]
    pub(super) signing_cert_url: Text<'a>,
}

impl<'a> SnsMessage<'a> {
    /// The message that a body is, if it is one.
    pub(super) fn read(body: &'a [u8], limits: &Limits) -> Option<Self> {
        let message: Self = json::parse(body, limits).ok()?;
        let is_named = !message.topic_arn.is_empty() || !message.message_id.is_empty();
        (is_named && !message.kind.is_empty()).then_some(message)
    }

    /// When it was sent.
    pub(super) fn sent(&self) -> Time {
        Time::parse(&self.timestamp)
    }

    /// The text that the signature covers.
    pub(super) fn signed_text(&self) -> String {
        let subject = self.subject.as_deref();
        let is_notification = &*self.kind == "Notification";
        let members = [
            ("Message", Some(&*self.message)),
            ("MessageId", Some(&*self.message_id)),
            ("Subject", subject.filter(|_| is_notification)),
            ("SubscribeURL", (!is_notification).then_some(&*self.subscribe_url)),
            ("Timestamp", Some(&*self.timestamp)),
            ("Token", (!is_notification).then_some(&*self.token)),
            ("TopicArn", Some(&*self.topic_arn)),
            ("Type", Some(&*self.kind)),
        ];
        let mut text = String::new();
        for (name, value) in members {
            if let Some(value) = value {
                text.extend([name, "\n", value, "\n"]);
            }
        }
        text
    }

    /// Whether the certificate is where only SNS can put one.
    pub(super) fn may_fetch_certificate(&self) -> bool {
        let url = &*self.signing_cert_url;
        path_at_sns(url).is_some_and(|path| {
            path.rsplit_once('.').is_some_and(|(_, end)| end == "pem")
                && !path.contains(['?', '#', '%', '\\'])
                && !path.contains("..")
        })
    }

    /// Whether confirming would ask SNS, and nobody else.
    pub(super) fn may_subscribe(&self) -> bool {
        path_at_sns(&self.subscribe_url).is_some()
    }
}

/// What follows the host of an https URL at `sns.<region>.amazonaws.com` or `….amazonaws.com.cn`.
fn path_at_sns(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://sns.")?;
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let region = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    let is_region = !region.is_empty() && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let is_plain = url.bytes().all(|b| b.is_ascii_graphic());
    (is_region && is_plain && path.starts_with('/')).then_some(path)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn only_sns_hosts() {
        for good in [
            "https://sns.us-west-2.amazonaws.com/a.pem",
            "https://sns.cn-north-1.amazonaws.com.cn/?Action=ConfirmSubscription",
        ] {
            assert!(path_at_sns(good).is_some(), "{good}");
        }
        for bad in [
            "http://sns.us-west-2.amazonaws.com/a.pem",
            "https://sns.amazonaws.com/a.pem",
            "https://sns.us-west-2.amazonaws.com",
            "https://sns.us-west-2.amazonaws.com.example.com/a.pem",
            "https://sns.us-west-2.amazonaws.com:8443/a.pem",
            "https://sns.us-west-2.amazonaws.com@example.com/a.pem",
            "https://sns.a.b.amazonaws.com/a.pem",
            "https://sns.example.com/x.amazonaws.com/a.pem",
            "https://sns.example.com#.amazonaws.com/a.pem",
            "https://sns.\\example.com/.amazonaws.com/",
            "https://SNS.us-west-2.amazonaws.com/a b",
            "https://sns..amazonaws.com/a.pem",
            "https://example.com/sns.us-west-2.amazonaws.com/",
            "",
        ] {
            assert!(path_at_sns(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn certificates_end_in_pem() {
        let may = |path: &str| {
            let signing_cert_url =
                Text::from(Cow::from(format!("https://sns.eu-west-1.amazonaws.com{path}")));
            SnsMessage { signing_cert_url, ..SnsMessage::default() }.may_fetch_certificate()
        };
        assert!(may("/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem"));
        for bad in ["/", "/a", "/a?b=.pem", "/a#.pem", "/../a.pem", "/%2e.pem"] {
            assert!(!may(bad), "{bad}");
        }
    }

    #[test]
    fn the_signed_text_has_the_members_in_order() {
        let text = |value: &str| Text::from(Cow::from(value.to_owned()));
        let mut message = SnsMessage {
            kind: text("Notification"),
            message_id: text("id"),
            topic_arn: text("arn"),
            message: text("hello"),
            timestamp: text("now"),
            token: text("tok"),
            subscribe_url: text("url"),
            ..SnsMessage::default()
        };
        let without = "Message\nhello\nMessageId\nid\nTimestamp\nnow\nTopicArn\narn\nType\nNotification\n";
        assert_eq!(message.signed_text(), without);
        message.subject = Some(text("hi"));
        assert_eq!(message.signed_text(), without.replace("Timestamp", "Subject\nhi\nTimestamp"));
        message.kind = text("SubscriptionConfirmation");
        assert_eq!(
            message.signed_text(),
            "Message\nhello\nMessageId\nid\nSubscribeURL\nurl\nTimestamp\nnow\nToken\ntok\nTopicArn\narn\nType\nSubscriptionConfirmation\n"
        );
    }
}
