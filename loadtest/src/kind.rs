//! Kinds of registries: what each does, what it tells, and how it posts.

use clap::ValueEnum;
use serde::Serialize;

use crate::notification;
use crate::simulator::{Habits, Operation, Push};

/// Whose form the bodies have; the source must be of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// CNCF Distribution: layers too, order kept
    Distribution,
    /// Harbor, its default form: no tag is told as deleted, no order
    Harbor,
    /// Azure, Event Grid's schema
    Azure,
    /// GitHub Packages, the event `registry_package`: no deletes
    Ghcr,
    /// Amazon ECR, EventBridge
    Ecr,
    /// Google Artifact Registry, Pub/Sub; its token comes with --header
    Gar,
    /// Docker Hub: no digests, no deletes
    Dockerhub,
    /// Quay: no digests, no deletes, no times
    Quay,
    /// GitLab: as distribution
    Gitlab,
    /// zot, CloudEvents in binary mode
    Zot,
    /// Gitea, Forgejo: no digests of tags
    Gitea,
    /// Artifactory: a manifest for each tag, no ids, no times
    Jfrog,
    /// Nexus: no digests
    Nexus,
    /// Alibaba Cloud: no deletes
    Alibaba,
    /// Tencent Cloud, the form of Harbor 1.x
    TencentTcr,
    /// The envelope itself
    Yandex,
    /// The same events as CloudEvents
    Cloudevents,
}

impl Kind {
    /// The name in settings and URLs.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The type of its bodies.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Distribution => notification::CONTENT_TYPE,
            Self::Gitlab => "application/vnd.docker.distribution.events.v1+json",
            Self::Azure => "application/json; charset=utf-8",
            Self::Cloudevents => "application/cloudevents-batch+json",
            _ => "application/json",
        }
    }

    /// What such a registry does.
    pub fn habits(self) -> Habits {
        let all =
            Habits { blobs: false, deletes_images: true, deletes_tags: true, last_tag_takes_image: false };
        match self {
            Self::Distribution | Self::Gitlab => Habits { blobs: true, ..all },
            Self::Zot | Self::Gar | Self::Yandex | Self::Cloudevents => all,
            Self::Harbor | Self::Azure | Self::TencentTcr => Habits { deletes_tags: false, ..all },
            Self::Ecr => Habits { last_tag_takes_image: true, ..all },
            Self::Jfrog => Habits { deletes_images: false, last_tag_takes_image: true, ..all },
            Self::Gitea | Self::Nexus => Habits { deletes_images: false, ..all },
            Self::Ghcr | Self::Dockerhub | Self::Quay | Self::Alibaba => Habits::default(),
        }
    }

    /// Whether it posts anything of this.
    pub fn tells(self, done: &Operation) -> bool {
        let events = matches!(self, Self::Yandex | Self::Cloudevents);
        match done {
            Operation::PushBlob(_) | Operation::DeleteBlob(_) => self.habits().blobs,
            Operation::DeleteTag { with_image: true, .. } => self.habits().blobs || events,
            Operation::DeleteTag { with_image: false, .. } => true,
            // Who sends events sends none where nothing changed for readers.
            Operation::Delete { was_tagged, .. } => !events || *was_tagged,
            Operation::Push(Push { tag: Some(_), digest, was, .. }) => !events || *was != Some(*digest),
            Operation::Push(_) => {
                !events
                    && self.has_digests()
                    && !matches!(self, Self::Jfrog | Self::Alibaba | Self::TencentTcr)
            }
        }
    }

    /// Whether it says which image a tag shows.
    pub fn has_digests(self) -> bool {
        !matches!(self, Self::Dockerhub | Self::Quay | Self::Gitea | Self::Nexus)
    }

    /// Whether its notifications may come in any order and mean the same: each change is told, with its time.
    pub fn may_be_shuffled(self) -> bool {
        matches!(
            self,
            Self::Harbor
                | Self::Azure
                | Self::Ghcr
                | Self::Ecr
                | Self::Gar
                | Self::Zot
                | Self::Alibaba
                | Self::TencentTcr
        )
    }

    /// Whether a notification that comes again can be told from a new one, however late.
    pub fn may_be_repeated(self) -> bool {
        self != Self::Jfrog
    }

    /// Whether several notifications may stand in one body.
    pub fn takes_several(self) -> bool {
        matches!(self, Self::Distribution | Self::Gitlab | Self::Azure | Self::Yandex | Self::Cloudevents)
    }
}
