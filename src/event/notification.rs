use super::{EventType, Timestamp, TraceContext};

/// What a registry told in one notification, reduced to what every registry's has in common.
///
/// An empty string or a size of 0 means not told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notification {
    /// The registry's own id of the notification.
    pub id: String,
    /// The text by which a repeat of this notification is known within its source; `None` where
    /// the source gives nothing to know one by, and equal bodies are two notifications.
    pub repeat: Option<String>,
    /// Which process of the registry told it, where that orders what it tells.
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
    /// The trace that the notification itself names, where it does.
    pub trace: Option<TraceContext>,
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
        /// The manifest.
        digest: String,
        /// Its tag, if it was put under one.
        tag: Option<String>,
    },
    /// A tag was pushed; the source does not tell the digest.
    PutTag {
        /// The tag.
        tag: String,
    },
    /// A tag was removed.
    DeleteTag {
        /// The tag.
        tag: String,
        /// What it showed, if told.
        digest: Option<String>,
    },
    /// A manifest was removed, and with it all its tags.
    Delete {
        /// The manifest.
        digest: String,
        /// One of its tags, where the source names one.
        tag: Option<String>,
    },
    /// A whole repository was removed.
    DeleteRepository,
    /// A chart's version was put.
    PutChart {
        /// The version.
        version: String,
        /// Its digest.
        digest: String,
    },
    /// A chart's version was removed.
    DeleteChart {
        /// The version.
        version: String,
        /// Its digest, if told.
        digest: String,
    },
    /// An image was pulled.
    Pull {
        /// The image.
        digest: String,
        /// The tag, if exactly one was named.
        tag: Option<String>,
    },
    /// A scan of an image ended.
    Scan {
        /// The image.
        digest: String,
        /// The tag, if exactly one was named.
        tag: Option<String>,
    },
    /// Another gateway's event, taken as it is.
    Told {
        /// What happened.
        event_type: EventType,
        /// The image; may be empty.
        digest: String,
        /// The tag; may be empty.
        tag: String,
    },
}
