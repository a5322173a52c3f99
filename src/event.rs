//! One normalised fact about a registry: an image or a tag came or went.
//!
//! Everything here is plain data. [`crate::source`] knows what a registry's notification looks like, [`crate::log`] how an
//! event is stored, and [`crate::message`] how a client sees it; so nothing here serialises.

mod attributes;
mod digest;
mod event_type;
mod notification;
mod position;
mod trace;
mod via;

pub use attributes::{Attributes, AttributesBuilder, Field};
pub(crate) use digest::{image_id, is_digest};
pub use event_type::EventType;
pub(crate) use event_type::UnknownEventType;
pub use jiff::Timestamp;
pub(crate) use notification::{Action, Notification};
pub(crate) use position::{Epoch, ParsePositionError};
pub use position::{Offset, Position};
pub(crate) use trace::TraceContext;
pub(crate) use via::Via;

/// What an event is about: an image of a repository, and the tag that the notification named.
///
/// An empty string or a size of 0 means that the registry did not tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Artifact {
    /// The registry, as clients address it: `hub.example.com`.
    pub registry: String,
    /// The whole repository name: `team/app`.
    pub repository: String,
    /// The tag, or the version of a chart.
    pub tag: String,
    /// `sha256:…` or `sha512:…`.
    pub digest: String,
    /// The manifest's media type.
    pub media_type: String,
    /// The manifest's size in bytes.
    pub size: u64,
}

/// The tenant that a source belongs to. Nothing crosses a cloud.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tenant {
    /// The outer boundary: readers of one cloud never see another's events.
    pub cloud: String,
    /// A grouping inside the cloud.
    pub folder: String,
}

impl Default for Tenant {
    fn default() -> Self {
        Self { cloud: "default".into(), folder: "default".into() }
    }
}

/// One fact, complete but for its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What happened.
    pub event_type: EventType,
    /// What it happened to.
    pub artifact: Artifact,
    /// When, by the registry's clock if it told a time that can be read, else the time of arrival.
    pub created_at: Timestamp,
    /// Whose event it is.
    pub tenant: Tenant,
    /// The trace that the notification's request belongs to.
    pub trace: TraceContext,
    /// Who did it, where the registry tells.
    pub actor: String,
    /// Name of the source it came through.
    pub source: String,
    /// The registry's own id of the notification, where it has one.
    pub source_event_id: String,
    /// Which of these texts are not as the registry told them, by the names of their members.
    pub(crate) cut: Vec<&'static str>,
    /// Which gateways it passed through.
    pub(crate) via: Via,
}

impl Event {
    /// The fields that a filter may name, in their compact stored form.
    pub fn attributes(&self) -> Attributes {
        let image = image_id(&self.artifact.registry, &self.artifact.digest);
        let mut builder = AttributesBuilder::new(self.event_type);
        builder.set(Field::Cloud, &self.tenant.cloud);
        builder.set(Field::Folder, &self.tenant.folder);
        builder.set(Field::Registry, &self.artifact.registry);
        builder.set(Field::Repository, &self.artifact.repository);
        builder.set(Field::Tag, &self.artifact.tag);
        builder.set(Field::Digest, &self.artifact.digest);
        builder.set(Field::ImageId, &image);
        builder.set(Field::MediaType, &self.artifact.media_type);
        builder.set(Field::Actor, &self.actor);
        builder.set(Field::Source, &self.source);
        builder.size(i64::try_from(self.artifact.size).unwrap_or(i64::MAX));
        builder.build()
    }
}
