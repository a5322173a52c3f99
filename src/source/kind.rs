use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::header::essence;

/// A kind of registry, by the way it tells what happens in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub enum Kind {
    /// CNCF Distribution (`registry:2`, `registry:3`) and what embeds it.
    Distribution,
    /// Harbor 1.9 to 2.x.
    Harbor,
    /// Azure Container Registry, over Event Grid or by its own webhook.
    Azure,
    /// GitHub Packages.
    Ghcr,
    /// Amazon ECR, over EventBridge or SNS.
    Ecr,
    /// Google Artifact Registry and Container Registry, over Pub/Sub.
    Gar,
    /// Docker Hub.
    Dockerhub,
    /// Quay.io and Red Hat Quay.
    Quay,
    /// The GitLab container registry.
    Gitlab,
    /// zot.
    Zot,
    /// Gitea and Forgejo.
    Gitea,
    /// JFrog Artifactory.
    Jfrog,
    /// Sonatype Nexus 3.
    Nexus,
    /// Alibaba Cloud ACR.
    Alibaba,
    /// Tencent Cloud TCR.
    TencentTcr,
    /// Another gateway, or anything that sends the envelope `{"messages":[…]}`.
    Yandex,
    /// Anything that sends this gateway's events in their CloudEvents form.
    CloudEvents,
}

/// A name that is no kind of source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such kind of source; `tagcast source kinds` lists them")]
pub struct UnknownKind;

const DAY: u64 = 24 * 60 * 60;
const JSON: &str = "application/json";
const CLOUD_EVENT: &str = "application/cloudevents+json";
const CLOUD_EVENTS: &str = "application/cloudevents-batch+json";
const FORM: &str = "application/x-www-form-urlencoded";
const TEXT: &str = "text/plain";
const EVENTS_V1: &str = "application/vnd.docker.distribution.events.v1+json";
const EVENTS_V2: &str = "application/vnd.docker.distribution.events.v2+json";

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 17] = [
        Self::Distribution,
        Self::Harbor,
        Self::Azure,
        Self::Ghcr,
        Self::Ecr,
        Self::Gar,
        Self::Dockerhub,
        Self::Quay,
        Self::Gitlab,
        Self::Zot,
        Self::Gitea,
        Self::Jfrog,
        Self::Nexus,
        Self::Alibaba,
        Self::TencentTcr,
        Self::Yandex,
        Self::CloudEvents,
    ];

    /// The name in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Distribution => "distribution",
            Self::Harbor => "harbor",
            Self::Azure => "azure",
            Self::Ghcr => "ghcr",
            Self::Ecr => "ecr",
            Self::Gar => "gar",
            Self::Dockerhub => "dockerhub",
            Self::Quay => "quay",
            Self::Gitlab => "gitlab",
            Self::Zot => "zot",
            Self::Gitea => "gitea",
            Self::Jfrog => "jfrog",
            Self::Nexus => "nexus",
            Self::Alibaba => "alibaba",
            Self::TencentTcr => "tencent-tcr",
            Self::Yandex => "yandex",
            Self::CloudEvents => "cloudevents",
        }
    }

    /// Whether notifications of one emitter arrive in the order of what happened.
    pub const fn keeps_order(self) -> bool {
        matches!(self, Self::Distribution | Self::Gitlab)
    }

    /// Whether a deleted blob sends the same notification as a deleted manifest.
    pub const fn blobs_look_like_images(self) -> bool {
        matches!(self, Self::Distribution | Self::Gitlab)
    }

    /// Whether deleting an image's last tag deletes it, without another word.
    pub const fn last_tag_takes_image(self) -> bool {
        matches!(self, Self::Ecr | Self::Jfrog)
    }

    /// How long a repeat must be known as one, in seconds.
    pub const fn repeat_window_seconds(self) -> u64 {
        match self {
            // Pub/Sub repeats until its retention ends.
            Self::Gar => 7 * DAY,
            // No ids: two true notifications that are alike must not fold for long.
            Self::Alibaba | Self::TencentTcr => 15 * 60,
            _ => DAY,
        }
    }

    /// The media types that the kind sends, lower case, without parameters.
    pub const fn content_types(self) -> &'static [&'static str] {
        match self {
            Self::Distribution | Self::Gitlab => &[EVENTS_V1, EVENTS_V2, JSON],
            Self::Harbor => &[JSON, CLOUD_EVENT],
            Self::Azure | Self::CloudEvents => &[JSON, CLOUD_EVENT, CLOUD_EVENTS],
            Self::Ghcr | Self::Gitea => &[JSON, FORM],
            Self::Ecr => &[JSON, TEXT],
            _ => &[JSON],
        }
    }

    /// Whether the kind sends bodies of this `Content-Type`, whatever its case and parameters.
    pub fn takes(self, content_type: &str) -> bool {
        let essence = essence(content_type);
        self.content_types().iter().any(|known| known.eq_ignore_ascii_case(essence))
    }

    /// Whether its senders may ask by OPTIONS whether they may send, as CloudEvents' webhook page describes.
    pub(super) const fn may_ask_first(self) -> bool {
        matches!(self, Self::Azure | Self::CloudEvents | Self::Harbor | Self::Zot)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|k| k.as_str() == name).ok_or(UnknownKind)
    }
}

impl TryFrom<String> for Kind {
    type Error = UnknownKind;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert!(kind.takes("application/json"));
        }
        assert!("Harbor".parse::<Kind>().is_err());
    }

    #[test]
    fn content_types_have_no_case_and_no_parameters() {
        assert!(Kind::Ecr.takes("Text/Plain; charset=UTF-8"));
        assert!(Kind::Distribution.takes(EVENTS_V2));
        assert!(!Kind::Harbor.takes("text/plain"));
        assert!(!Kind::Harbor.takes(""));
    }
}
