use super::{EventType, Timestamp, TraceContext, Via};

/// A registry's notification, reduced to what the notifications of all registries have in common.
///
/// An empty string or a size of 0 means that the registry did not tell it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notification {
    /// The registry's own id of the notification.
    pub id: String,
    /// The text that is the same in a repeat of this notification, within its source. `None` if the source has nothing of
    /// the sort: then equal bodies are two notifications.
    pub repeat: Option<String>,
    /// The process of the registry that sent it, if one process sends in order.
    pub emitter: String,
    /// The registry's id of the request that caused it.
    pub request: String,
    /// The source's own time.
    pub at: Option<Timestamp>,
    /// Who caused it.
    pub actor: String,
    /// The registry's name as the payload has it.
    pub registry: String,
    /// The whole repository name.
    pub repository: String,
    /// The manifest's media type.
    pub media_type: String,
    /// The manifest's size in bytes.
    pub size: u64,
    /// The trace that the notification names itself.
    pub trace: Option<TraceContext>,
    /// Which of its texts are not as they were told, by the names of an event's members.
    pub cut: Vec<&'static str>,
    /// The gateways that it passed through, where it tells them.
    pub via: Via,
    /// What was done.
    pub action: Action,
}

/// What was done to a registry: the catalog's inputs.
///
/// Digests here are whole and well-formed, tags are not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// A manifest was put, under a tag or by digest alone.
    Put {
        digest: String,
        /// Its tag, if it was put under one.
        tag: Option<String>,
    },
    /// A tag was pushed; the source does not tell the digest.
    PutTag { tag: String },
    /// A tag was removed.
    DeleteTag {
        tag: String,
        /// What it showed, if told.
        digest: Option<String>,
    },
    /// A manifest was removed, and with it all its tags.
    Delete {
        digest: String,
        /// One of its tags, where the source names one.
        tag: Option<String>,
    },
    /// A whole repository was removed.
    DeleteRepository,
    /// A chart's version was put.
    PutChart { version: String, digest: String },
    /// A chart's version was removed.
    DeleteChart {
        version: String,
        /// Its digest, if told.
        digest: String,
    },
    /// An image was pulled.
    Pull {
        digest: String,
        /// The tag, if exactly one was named.
        tag: Option<String>,
    },
    /// A scan of an image ended.
    Scan {
        digest: String,
        /// The tag, if exactly one was named.
        tag: Option<String>,
    },
    /// Another gateway's event, taken as it is.
    Told {
        event_type: EventType,
        /// The image; may be empty.
        digest: String,
        /// The tag; may be empty.
        tag: String,
    },
}
